"""Declarative voice catalog manager: voices in Git, models behind an API."""
