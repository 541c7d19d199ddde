"""A page to look at and listen to: HTML that stands alone, asks no other host for anything, and works from a file.

Titles, transcripts and everything else that came from files or the account is untrusted. Jinja2 escapes it, and the
content security policy lets nothing run but our own script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from voicectl.errors import VoicectlError
from voicectl.model.recording import levels_of
from voicectl.report.escape import page as page_text


class NoTemplates(VoicectlError):
    """`voicectl[preview]` is not installed."""

    code = "no_templates"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `changed` says that the other side lacks it."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Player:
    """A recording on a page. `src` is its audio, relative to the page; `wave` an SVG path in a box of 240 by 48."""

    label: str
    src: str = ""
    wave: str = ""
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    words: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """What was and what is now, side by side."""

    was: Player | None
    now: Player | None
    caption: str = "Now"


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a field: + if it comes, - if it goes."""

    sign: str
    caption: str
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field and its values."""

    label: str
    note: str = ""
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, and its colour: good, warn, bad or none."""

    text: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One voice."""

    name: str
    title: str = ""
    sign: str = ""
    verb: str = ""
    care: bool = False
    place: str = ""
    id: str = ""
    visibility: str = ""
    state: str = ""
    file: str = ""
    tags: tuple[str, ...] = ()
    badges: tuple[Line, ...] = ()
    consequences: tuple[Line, ...] = ()
    warnings: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    pairs: tuple[Pair, ...] = ()

    @property
    def anchor(self) -> str:
        """An id for the page: names have no other characters."""
        return f"voice-{self.name}-{self.id[:8]}"

    @property
    def search(self) -> str:
        """What a search looks through."""
        return " ".join((self.name, self.title, self.id, self.file, *self.tags)).lower()


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning (warn) or a refusal (bad)."""

    level: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Something to filter by."""

    key: str
    label: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A link to one of several pages."""

    text: str
    href: str
    here: bool


@dataclass(frozen=True, slots=True)
class Page:
    """All that a page shows."""

    title: str
    subtitle: str
    totals: str
    cards: tuple[Card, ...]
    notices: tuple[Notice, ...] = ()
    filters: tuple[Filter, ...] = ()
    pages: tuple[Link, ...] = ()


def render(page: Page) -> str:
    """The HTML. Raises NoTemplates without Jinja2."""
    style, script = _asset("style.css"), _asset("script.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{_digest(style)}'",
            f"script-src 'sha256-{_digest(script)}'",
            # A page that is opened from a disk has no origin that 'self' could mean.
            "media-src 'self' file:",
            "form-action 'none'",
            "base-uri 'none'",
        )
    )
    from markupsafe import Markup

    text: str = _template().render(page=page, style=Markup(style), script=Markup(script), policy=policy)
    return text


@cache
def _template() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise NoTemplates("`voicectl preview` needs Jinja2", "pip install 'voicectl[preview]'") from None
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_finished
    )
    return environment.from_string(_asset("page.html"))


def _finished(value: Any) -> Any:
    """Every text on its way to the page, but for what is markup already."""
    return page_text(value) if type(value) is str else value


@cache
def _asset(name: str) -> str:
    return (files("voicectl.report") / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def wave(envelope: str, bars: int = 120) -> str:
    """A waveform as an SVG path, from the levels that `lint` measured (a byte each, half a dB a step)."""
    levels = levels_of(envelope)
    if not levels:
        return ""
    size = max(1, -(-len(levels) // bars))
    heights = [max(levels[at : at + size]) for at in range(0, len(levels), size)]
    return "".join(_bar(number * 240 / len(heights), height) for number, height in enumerate(heights))


def _bar(x: float, level: int) -> str:
    # 50 dB below full scale and less is a dot.
    half = max(0.5, 23 * (level - 155) / 100)
    return f"M{x:.1f} {24 - half:.1f}v{2 * half:.1f}"


def paged(cards: Sequence[Card], size: int) -> list[tuple[Card, ...]]:
    """The cards of each page; one page at least."""
    return [tuple(cards[at : at + size]) for at in range(0, len(cards), size)] or [()]
