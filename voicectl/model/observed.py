"""Models as the provider returns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from voicectl.model import canonical, marker
from voicectl.model.marker import Marker
from voicectl.model.voice import FIELDS, Cover, Visibility

ModelState = Literal["created", "training", "trained", "failed"]


@dataclass(frozen=True, slots=True)
class Model:
    """One model in the account, as far as voicectl looks at it."""

    id: str
    title: str
    description: str = ""
    visibility: Visibility = "private"
    tags: tuple[str, ...] = ()
    """As returned, marks and all."""
    cover_image: str = ""
    """The provider's own path; empty where there is none."""
    state: ModelState = "trained"
    created_at: datetime | None = None
    updated_at: datetime | None = None
    author: str = ""
    """The id of the account that owns it."""
    lock_visibility: bool = False
    taken_down: bool = False
    release_state: str | None = None

    @property
    def plain_tags(self) -> tuple[str, ...]:
        """The tags without marks, in canonical form."""
        return canonical.tags(marker.plain(self.tags))

    @property
    def marks(self) -> tuple[str, ...]:
        """The ownership tags, sorted."""
        return tuple(sorted({tag for tag in self.tags if marker.is_mark(tag)}))

    def marker(self, namespace: str) -> Marker | None:
        """The marker of this namespace; None without one, or if there are several that disagree."""
        found = [m for m in map(Marker.parse, self.tags) if m is not None and m.namespace == namespace]
        if len(found) == 1:
            return found[0]
        if len({(m.name, m.key) for m in found}) != 1:
            return None
        return min(found, key=lambda m: m.retired)

    def unreadable(self, namespace: str) -> bool:
        """Whether it has marks of this namespace that don't identify one voice and digest."""
        prefix = f"{marker.catalog_tag(namespace)}:"
        return self.marker(namespace) is None and any(tag.startswith(prefix) for tag in self.tags)

    def serves(self, namespace: str) -> bool:
        """Whether its marker says that it serves a voice: there is one, and it is not retired."""
        mark = self.marker(namespace)
        return mark is not None and not mark.retired

    def made_here(self, namespace: str) -> bool:
        """Whether its marker proves that voicectl made it. voicectl never deletes any other model."""
        mark = self.marker(namespace)
        return mark is not None and mark.key != marker.ADOPTED

    @property
    def age(self) -> tuple[str, str]:
        """Sorts models by age, oldest first, and by id where times are equal: every clone must come to the same
        order."""
        return (self.created_at.isoformat() if self.created_at else ""), self.id


@dataclass(frozen=True, slots=True)
class Observation:
    """What the account showed at one time.

    `models` has, by id, the models with the catalog's tag and those that the lockfile or a manifest names. `gone` are
    recorded or named ids for which the provider answered 404; `unreadable` are those that this key may not read, with
    the provider's words. `complete` is False if the listing ended before its own total: then an absent model proves
    nothing.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True
    account: str | None = None
    """The author id seen on the account's own models; None while it has none."""
    filtered: bool = False
    """Whether the listing by tag found a model with our marks, which shows that the filter works."""
    misfiltered: str = ""
    """A model of ours that GET shows but the listing by tag lacks: the filter does not work."""
    before: frozenset[str] | None = None
    """All ids of the account, if the whole account was listed."""
    time: datetime | None = None
    """The server's clock at that time (`Date`). None if it sent none: then no retention counts as over."""

    @property
    def absent(self) -> frozenset[str]:
        """The ids that the account does not show, gone or unreadable."""
        return self.gone | self.unreadable.keys()


@dataclass(frozen=True, slots=True)
class Patch:
    """New values for a model's metadata; None leaves a field alone. `tags` carry the marks."""

    title: str | None = None
    description: str | None = None
    visibility: Visibility | None = None
    tags: tuple[str, ...] | None = None
    cover: Cover | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return self == Patch()

    @property
    def values(self) -> dict[str, Any]:
        """The new values by field, without the cover, which is a file."""
        named = {name: getattr(self, name) for name in FIELDS if name != "cover_image"}
        return {name: value for name, value in named.items() if value is not None}

    def applied_to(self, model: Model) -> Model:
        """The model as it should look after this patch; a new cover's path is not known yet."""
        return replace(model, **self.values)
