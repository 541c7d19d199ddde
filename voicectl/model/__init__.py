"""Frozen values of the domain. No I/O."""
