"""The forms of names and ids, each as a regular expression for a whole text (without `^` and `$`)."""

from __future__ import annotations

CATALOG = "[a-z0-9][a-z0-9-]{0,39}"
"""A catalog's or an environment's name."""
NAMESPACE = "[a-z0-9.-]+"
"""What a marker carries of these: `acme`, or `acme.staging`."""
VOICE = "[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?"
"""A voice's name, which has to fit into a marker beside the namespace."""
ANY_VOICE = "[a-z0-9][a-z0-9._-]{0,119}"
"""A name as in a marker, which may be one that no manifest could have."""
MODEL_ID = "[0-9a-f]{32}"
"""An id as the provider makes them today: what a person may write."""
ANY_MODEL_ID = "[0-9A-Za-z_-]{1,64}"
"""An id that is safe in a path: what voicectl takes from the provider and records, should its form change."""
DIGEST = "sha256:[0-9a-f]{64}"


def whole(pattern: str) -> str:
    """The pattern for JSON Schema and pydantic, which otherwise search for it."""
    return f"^{pattern}$"
