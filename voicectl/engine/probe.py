"""What an account really does with a model: one private model is made, looked at from all sides, and deleted.

Every request of a plan and an apply is tried, so that each assumption about the provider holds, does not, or stays
unknown. About thirty requests; nothing of the catalog is touched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from voicectl.errors import VoicectlError
from voicectl.model.observed import Model, ModelState, Patch
from voicectl.model.voice import Cover, Metadata
from voicectl.provider.port import NewModel, NotReadable, Provider, Rejected, Throttled, Upload

TITLE = "voicectl conformance probe"
LAG = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each look at what a listing or a GET may show late."""
_CATALOG = "voicectl:voicectl-probe"
_USERS = ("UPPER", "with  two spaces", "हिन्दी", "日本語", "العربية", "e\u0301", "x.y", "a", "b", "c")
"""With the two marks these are twelve: the last ones show whether there is a limit of ten."""

Holds = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that voicectl counts on. `settings` make an emulator behave as the account does."""

    name: str
    statement: str
    holds: Holds
    detail: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Material:
    """What the probe's model is made from. `token` makes its title and tags its own."""

    sample: Upload
    cover: Cover
    image: Upload
    token: str
    marked: bool = True
    """Whether it carries marks: a provider may refuse them."""

    @property
    def title(self) -> str:
        """The title of the throwaway model."""
        return f"{TITLE} {self.token}"

    @property
    def catalog_tag(self) -> str:
        """A catalog tag that no catalog has."""
        return f"{_CATALOG}.{self.token}"

    @property
    def marker(self) -> str:
        """A marker as long as one may be."""
        start = f"{self.catalog_tag}:"
        return (start + "name." + "n" * 120)[: 120 - 13] + ":0123456789ab"

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags of the model, the marks first."""
        return (self.catalog_tag, self.marker, *_USERS) if self.marked else _USERS


async def probe(
    provider: Provider, material: Material, remember: Callable[[str], None], looks: tuple[float, ...] = LAG
) -> list[Assumption]:
    """Make the model, look, and delete it; whatever comes in between, it is deleted.

    `remember` hears the model's id before anything else is done with it. Raises ProviderError where the model can't
    be made, or can't be deleted.
    """
    new = NewModel(Metadata(title=material.title), material.tags, (material.sample,), (), enhance=False)
    start, refused = time.monotonic(), ""
    try:
        made = await provider.create(new, lambda size: None)
    except Throttled:
        raise
    except Rejected as error:
        # Perhaps it is the colons: without them the rest can be told.
        refused = error.message
        made = await provider.create(replace(new, tags=_USERS), lambda size: None)
    took = time.monotonic() - start
    run = _Probe(provider, replace(material, marked=not refused), made, looks)
    found = [_line("tags_accepted", "tags with a colon are accepted", not refused, refused, colon_tags="refuse")]
    try:
        remember(made.id)
        found += [_time_of_post(took), *await run.all()]
    finally:
        await provider.delete(made.id)
    return [*found, await run.deleted()]


def _time_of_post(seconds: float) -> Assumption:
    return Assumption(
        "post_time",
        "a creation is answered within 240 s",
        "yes",
        f"{seconds:.1f} s for one sample",
        {"creation_seconds": round(seconds, 1)} if seconds > 5 else {},
    )


@dataclass(slots=True)
class _Probe:
    provider: Provider
    material: Material
    made: Model
    looks: tuple[float, ...]

    async def all(self) -> list[Assumption]:
        """Every line but that of the deletion; one that fails is unknown, and the others go on."""
        lines: list[Assumption] = []
        for ask in (
            self._creation,
            self._author,
            self._tags,
            self._filter,
            self._listing,
            self._title,
            self._patch,
            self._clearing,
            self._cover,
        ):
            try:
                lines += await ask()
            except VoicectlError as error:
                name = ask.__name__.removeprefix("_")
                lines.append(Assumption(name, f"the account answers what {name} asks", "unknown", error.message))
        return lines

    async def _get(self) -> Model:
        return await self.provider.get(self.made.id) or self.made

    async def _seen(self, arrived: Callable[[Model], bool]) -> tuple[Model, float | None]:
        """The model by GET, until it shows something; and after how many seconds it did (None: it does not)."""
        begun, model = time.monotonic(), self.made
        for pause in self.looks:
            await asyncio.sleep(pause)
            model = await self._get()
            if arrived(model):
                return model, time.monotonic() - begun
        return model, None

    async def _creation(self) -> list[Assumption]:
        ready: ModelState = "trained"
        model, seconds = await self._seen(lambda seen: seen.state == ready)
        answered = self.made.state == ready
        return [
            Assumption(
                "trained_at_once",
                "fast mode answers with a trained model",
                "yes" if answered else "no",
                self.made.state if answered else f"{self.made.state}, then {model.state}",
                {} if answered else {"training_seconds": round(seconds or 60.0, 1)},
            ),
            _line("private", "a model begins private", self.made.visibility == "private", self.made.visibility),
        ]

    async def _author(self) -> list[Assumption]:
        user = (await self.provider.wallet()).user_id
        holds: Holds = "unknown" if not user or not self.made.author else "yes" if user == self.made.author else "no"
        detail = f"author {self.made.author or 'not told'}, wallet {user or 'not told'}"
        return [Assumption("author", "a model's author is the wallet's user", holds, detail)]

    async def _tags(self) -> list[Assumption]:
        """Each way in which tags may be changed, told apart by the tags themselves."""
        sent, answered = self.material.tags, self.made.tags
        if not answered:
            await self.provider.update(self.made.id, Patch(tags=sent))
        shown = (await self._get()).tags
        kept = bool(answered) or not sent
        lines = [
            _line("tags_on_creation", "tags of a creation are kept", kept, f"{len(answered)} tags", drop_tags=True)
        ]
        if not shown:
            return lines
        marks = [tag for tag in shown if self.material.marker.startswith(tag)]
        longest = max(map(len, marks), default=0)
        order = [tag for tag in sent if tag in shown] == [tag for tag in shown if tag in sent]
        scripts = set(_USERS[1:6]) <= set(shown) or len(shown) < 8
        all_of_them = f"{len(shown)} of {len(sent)}"
        lines += [
            _line("tags_number", "twelve tags are kept", _USERS[-1] in shown, all_of_them, tag_count=len(shown)),
            _line("tags_case", "upper case is kept", "UPPER" in shown, _quoted(shown[2:4]), lower_tags=True),
            _line("tags_colon", "tags with a colon are kept", bool(marks), _quoted(shown[:2]), colon_tags="drop"),
            _line("tags_text", "spaces and other scripts are kept", scripts, _quoted(shown[2:9]), clean_tags="nfkc"),
            _line("tags_order", "tags keep their order", order),
        ]
        if marks:
            statement = "a tag of 120 characters is kept"
            lines.append(_line("tags_length", statement, longest >= 120, f"longest {longest}", tag_length=longest))
        return lines

    async def _filter(self) -> list[Assumption]:
        """The listing by each mark, and by a tag without a colon; and how long it takes to show a new model."""
        plain, lag = await self._filtered("x.y")
        lines = [_line("filter_plain", "the listing by tag finds the model", plain, _after(plain, lag))]
        if plain and lag > 1:
            lines[0] = replace(lines[0], settings={"listing_lag": round(lag, 1)})
        marks = sorted((t for t in (await self._get()).tags if self.material.marker.startswith(t)), key=len)
        for what, tag in zip(("catalog tag", "marker"), marks, strict=False):
            found, seconds = await self._filtered(tag)
            name, statement = f"filter_{what.split()[0]}", f"the listing by {what} finds the model"
            way = "no_colons" if plain else "nothing"
            lines.append(_line(name, statement, found, _after(found, seconds), tag_filter=way))
        return lines

    async def _filtered(self, tag: str) -> tuple[bool, float]:
        begun = time.monotonic()
        for pause in self.looks:
            await asyncio.sleep(pause)
            listing = await self.provider.list_models(tag)
            if any(model.id == self.made.id for model in listing.models):
                return True, time.monotonic() - begun
        return False, time.monotonic() - begun

    async def _listing(self) -> list[Assumption]:
        every = await self.provider.list_models()
        shown = next((model for model in every.models if model.id == self.made.id), None)
        same = shown is not None and (shown.title, set(shown.tags)) == (self.made.title, set((await self._get()).tags))
        there, count = "" if shown else "it is not listed", len(every.models)
        return [
            _line("own_listing", "the account's own listing shows it as GET does", same, there),
            _line("listing_complete", "that listing is complete", every.complete, f"{count} models", max_offset=count),
        ]

    async def _title(self) -> list[Assumption]:
        wanted = (self.material.title + "  two  spaces " + "t" * 200)[:200]
        await self.provider.update(self.made.id, Patch(title=wanted, tags=self.material.tags))
        model, seconds = await self._seen(lambda seen: seen.title == wanted)
        detail = f"{len(model.title)} characters" if seconds is None else f"after {seconds:.1f} s"
        settings = {"get_lag": round(seconds, 1)} if seconds is not None and seconds > 1 else {}
        statement = "a title of 200 characters with spaces is kept"
        return [Assumption("title", statement, "no" if seconds is None else "yes", detail, settings)]

    async def _patch(self) -> list[Assumption]:
        before = (await self._get()).tags
        await self.provider.update(self.made.id, Patch(description="Probe"))
        model, seconds = await self._seen(lambda seen: seen.description == "Probe")
        lines = [_line("patch_json", "a PATCH as JSON sets a value", seconds is not None)]
        if before:
            detail = f"{len(before)} tags before, {len(model.tags)} after"
            same = set(model.tags) == set(before)
            statement = "a PATCH without tags leaves them alone"
            lines.append(_line("patch_keeps_tags", statement, same, detail, patch_without_tags="empty"))
        return lines

    async def _clearing(self) -> list[Assumption]:
        await self.provider.update(self.made.id, Patch(description="", tags=self.material.tags))
        _, described = await self._seen(lambda seen: not seen.description)
        await self.provider.update(self.made.id, Patch(tags=()))
        cleared, emptied = await self._seen(lambda seen: not seen.tags)
        await self.provider.update(self.made.id, Patch(tags=self.material.tags))
        left = f"{len(cleared.tags)} left"
        return [
            _line("clear_description", "an empty description clears it", described is not None),
            _line("clear_tags", "an empty list clears the tags", emptied is not None, left, patch_empty_tags="keep"),
        ]

    async def _cover(self) -> list[Assumption]:
        patch = Patch(cover=self.material.cover, tags=self.material.tags)
        await self.provider.update(self.made.id, patch, self.material.image)
        first, seconds = await self._seen(lambda seen: bool(seen.cover_image))
        second = await self._get()
        listed = next((m for m in (await self.provider.list_models()).models if m.id == self.made.id), second)
        stable = first.cover_image == second.cover_image == listed.cover_image
        return [
            _line("cover", "a cover can be sent", seconds is not None),
            _line("cover_path", "its path is the same at each look, and in the listing", stable, first.cover_image),
        ]

    async def deleted(self) -> Assumption:
        """What the id answers once it is gone."""
        begun, answer = time.monotonic(), "still there"
        settings: dict[str, Any] = {}
        for pause in self.looks:
            await asyncio.sleep(pause)
            try:
                if await self.provider.get(self.made.id) is None:
                    answer, settings = "404", {}
                    break
            except NotReadable as error:
                answer, settings = str(error.status), {"gone_status": error.status}
                break
        statement = "an id that is gone answers 404"
        holds: Holds = "yes" if answer == "404" else "no"
        return Assumption("gone", statement, holds, f"{answer}, after {time.monotonic() - begun:.1f} s", settings)


def _after(found: bool, seconds: float) -> str:
    return f"after {seconds:.1f} s" if found else f"not within {seconds:.0f} s"


def _line(name: str, statement: str, holds: bool, detail: str = "", **settings: Any) -> Assumption:
    """An assumption that was looked at; `settings` say how it is where it does not hold."""
    return Assumption(name, statement, "yes" if holds else "no", detail, {} if holds else settings)


def _quoted(tags: tuple[str, ...]) -> str:
    return ", ".join(repr(tag if len(tag) <= 30 else tag[:29] + "…") for tag in tags)


def settings_of(lines: list[Assumption]) -> dict[str, Any]:
    """What makes an emulator behave as the account did; of several lines the first that says something counts."""
    settings: dict[str, Any] = {}
    for line in lines:
        settings = {**line.settings, **settings}
    return settings


def leftovers(models: tuple[Model, ...]) -> list[str]:
    """Models that an earlier probe may have left: by their title alone, which proves nothing."""
    return [model.id for model in models if model.title.startswith(TITLE)]
