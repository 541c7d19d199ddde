"""The commands, a module for each verb; they are imported when they are run."""
