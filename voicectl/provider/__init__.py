"""The provider's port and its adapters."""
