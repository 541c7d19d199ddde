"""The state store's port and its adapters."""
