"""Marks: the ownership tags on a model. They make the account itself the journal of what voicectl did.

The catalog tag is `voicectl:<namespace>`, the marker
`voicectl:<namespace>:<name>:<first 12 hex of the inputs digest, or adopted>[:retired]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from voicectl.model import names

PREFIX = "voicectl:"
MAX_MARKER = 120
"""The longest marker, in characters, including the retired role."""
# A model that voicectl did not make has unknown inputs, and is never deleted.
ADOPTED = "adopted"
_MARKER = re.compile(
    f"{PREFIX}(?P<namespace>{names.NAMESPACE}):(?P<name>{names.VOICE})"
    f":(?P<key>[0-9a-f]{{12}}|{ADOPTED})(?P<retired>:retired)?"
)


@dataclass(frozen=True, slots=True)
class Marker:
    """Which voice a model serves, and with which inputs."""

    namespace: str
    name: str
    key: str
    """The first 12 hex characters of the inputs digest, or `adopted` where those are unknown."""
    retired: bool = False

    @classmethod
    def of(cls, namespace: str, name: str, inputs: str | None, *, retired: bool = False) -> Marker:
        """The marker of a voice with this inputs digest."""
        return cls(namespace, name, key_of(inputs), retired)

    @classmethod
    def parse(cls, tag: str) -> Marker | None:
        """Read a tag; None if it is not a marker."""
        return _parsed(tag) if is_mark(tag) else None

    @property
    def tag(self) -> str:
        """The tag that carries this marker."""
        role = ":retired" if self.retired else ""
        return f"{PREFIX}{self.namespace}:{self.name}:{self.key}{role}"

    @property
    def marks(self) -> tuple[str, str]:
        """Both ownership tags: the catalog tag and the marker."""
        return catalog_tag(self.namespace), self.tag

    def as_retired(self, retired: bool = True) -> Marker:
        """The same marker with or without the retired role."""
        return replace(self, retired=retired)


@lru_cache(maxsize=16_384)
def _parsed(tag: str) -> Marker | None:
    # One plan asks for every marker several times.
    match = _MARKER.fullmatch(tag)
    if match is None:
        return None
    return Marker(match["namespace"], match["name"], match["key"], match["retired"] is not None)


def key_of(inputs: str | None) -> str:
    """How a marker names an inputs digest."""
    return ADOPTED if inputs is None else inputs.removeprefix("sha256:")[:12]


def catalog_tag(namespace: str) -> str:
    """The tag by which all models of a catalog are listed."""
    return f"{PREFIX}{namespace}"


def is_mark(tag: str) -> bool:
    """Whether a tag belongs to voicectl, whatever the catalog."""
    return tag.startswith(PREFIX)


def plain(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags that are the user's own."""
    return tuple(tag for tag in tags if not is_mark(tag))


def owners(tags: Iterable[str]) -> frozenset[str]:
    """The namespaces whose marks these tags carry."""
    return frozenset(tag.removeprefix(PREFIX).split(":", 1)[0] for tag in tags if is_mark(tag))
