"""What voicectl writes to standard error: one port, three ways of writing."""
