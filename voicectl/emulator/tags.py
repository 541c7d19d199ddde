"""How the settings change tags on their way into a model, and what the `tag` filter finds."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from voicectl.emulator.responses import Invalid
from voicectl.emulator.settings import Settings


def stored(tags: Sequence[str], settings: Settings) -> list[str]:
    """The tags that a model gets from a request. Raises Invalid if one is refused."""
    if settings.clean_tags != "never":
        tags = [tag.strip() for tag in tags]
    if settings.clean_tags == "nfkc":
        tags = [unicodedata.normalize("NFKC", tag) for tag in tags]
    if settings.lower_tags:
        tags = [tag.lower() for tag in tags]
    if settings.colon_tags == "refuse" and any(":" in tag for tag in tags):
        raise Invalid.at("body", "tags", "Tags should have no colon")
    if settings.colon_tags == "drop":
        tags = [tag for tag in tags if ":" not in tag]
    return [tag[: settings.tag_length] for tag in tags[: settings.tag_count]]


def changed(sent: Sequence[str] | None, settings: Settings) -> list[str] | None:
    """The tags after a PATCH, or None if it leaves them alone. `sent` is None without tags."""
    if sent is None:
        return [] if settings.patch_without_tags == "empty" else None
    if not sent:
        return [] if settings.patch_empty_tags == "empty" else None
    return stored(sent, settings)


def sought(tags: Sequence[str], settings: Settings) -> list[str] | None:
    """The tags that a listing looks for; None if it can't find anything."""
    if not tags or settings.tag_filter == "exact":
        return list(dict.fromkeys(tags))
    findable = [tag for tag in dict.fromkeys(tags) if settings.tag_filter == "no_colons" and ":" not in tag]
    return findable if findable and (settings.match_any_tag or len(findable) == len(set(tags))) else None
