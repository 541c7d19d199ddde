"""The provider's API as an ASGI application on SQLite."""
