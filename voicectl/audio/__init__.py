"""What a recording is, and how it sounds."""
