"""Files to desired state."""
