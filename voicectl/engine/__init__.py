"""The pipelines: observe, prepare, create, execute, verify."""
