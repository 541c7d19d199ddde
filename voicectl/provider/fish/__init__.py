"""The Fish Audio adapter."""
