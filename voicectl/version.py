"""The version, which pyproject.toml reads from here: looking it up at run time costs more than all of `--version`."""

VERSION = "1.0.0.dev0"
