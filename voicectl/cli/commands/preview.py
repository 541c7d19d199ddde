"""`voicectl preview`: a page to look at and listen to, of what a plan changes or of the whole catalog."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicectl.cli import printing, wiring
from voicectl.cli.commands import plan as plans
from voicectl.cli.confirm import agree
from voicectl.cli.context import Context
from voicectl.cli.gallery import Gallery, empty_directory, findings_of
from voicectl.cli.options import selectors, subcommand
from voicectl.cli.recordings import Recordings
from voicectl.errors import UsageError
from voicectl.files import read_regular, replace_file
from voicectl.report import preview_html as html

if TYPE_CHECKING:
    from voicectl.engine.plan import Prepared
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog
    from voicectl.model.lock import Lock, Record
    from voicectl.model.voice import Voice
    from voicectl.plan.plan import Change, Plan, SampleChange, SampleSide

_MARKER = ".voicectl-preview"
_PAGE = 500
"""Voices on a page; more make several pages."""
_MAX_REPORT = 64 * 1024 * 1024


@subcommand(name="preview", help="Write a page to look at and listen to: what the plan changes, old and new.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the page goes.")
@click.option("--base", metavar="REV", help="Revision to look for earlier recordings in first.")
@click.option("--all", "everything", is_flag=True, help="The whole catalog, with search and filters.")
@click.option("--drift", "report", type=click.Path(path_type=Path), metavar="FILE", help="With --all: badges from it.")
@click.option("--say", metavar="TEXT", help="Let each voice's model say this. Costs credit.")
@click.option("--audition", metavar="TEXT", help="Let each voice's samples say this. Costs credit.")
@click.option("--yes", is_flag=True, help="Do not ask before speaking.")
@click.option("--public", is_flag=True, help="Leave out consent and metadata.")
@selectors
@click.pass_obj
def command(
    context: Context,
    /,
    out: Path,
    base: str | None,
    everything: bool,
    report: Path | None,
    say: str | None,
    audition: str | None,
    yes: bool,
    public: bool,
    **options: Any,
) -> int:
    from voicectl.cli.past import Past

    if report is not None and not everything:
        raise UsageError("--drift shows badges on the page of the whole catalog", "add --all")
    project, catalog = wiring.load(context)
    context.log.problems(catalog.warnings)
    past = Past(project, base)
    prepared = _prepared(context, project, catalog, options)
    badges = _badges(context.path(report), prepared.planned.plan) if report is not None else {}
    target = context.path(out)
    empty_directory(target, _MARKER)
    with _disk(), contextlib.closing(past), Recordings(project) as recordings:
        gallery = Gallery(project, target, past)
        shown = Shown(project, catalog, prepared.lock, gallery, public=public)
        if everything:
            title, cards = _catalog(shown, recordings, options, badges)
            plan = None
        else:
            plan = past.with_words(prepared.planned.plan, prepared.lock)
            title, cards = _changes(shown, plan, recordings)
        cards = _speaking(context, shown, cards, recordings, say, audition, yes=yes)
        count = _write(target, _pages(project, plan, title, cards, prepared))
    context.log.note(f"wrote {count} page{'' if count == 1 else 's'} and {len(gallery.copies)} recordings to {out}")
    printing.out(f"{target / 'index.html'}\n")
    return 0


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """What a disk refuses while a page is made, in words. Raises UsageError."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        words = f"the page can't be written: {where}{error.strerror or error}"
        raise UsageError(words, "make room, or put right what is there") from error


@dataclass(frozen=True, slots=True)
class Shown:
    """What the cards are made from."""

    project: Project
    catalog: Catalog
    lock: Lock
    gallery: Gallery
    public: bool


def _prepared(context: Context, project: Project, catalog: Catalog, options: Mapping[str, Any]) -> Prepared:
    """The plan: against the account where there is a key, else against the lockfile alone."""
    from voicectl.engine.plan import prepare

    offline = project.provider == "fish" and not os.environ.get("FISH_API_KEY")
    asked = plans.request(options, project, catalog, offline=offline)
    store, identity = wiring.store(project), wiring.identity(project)

    async def made() -> Prepared:
        if offline:
            return await prepare(asked, store, identity, None)
        async with wiring.provider(project, context.log.reading()) as provider:
            return await prepare(asked, store, identity, provider)

    return wiring.run(made())


def _changes(shown: Shown, plan: Plan, recordings: Recordings) -> tuple[str, list[html.Card]]:
    """A card for each change of the plan."""
    from voicectl.report import words

    changes = [change for change in plan.changes if not words.bookkeeping(change)]
    changes.sort(key=lambda change: not words.needs_care(change))
    voices = shown.catalog.voices
    present = [s for change in changes if change.name in voices for s in _heard_now(change, voices[change.name])]
    earlier = [(side, _record(shown, change)) for change in changes for side in _heard_before(shown, change)]
    shown.gallery.gather(present, earlier, recordings)
    findings = findings_of((voices[c.name] for c in changes if c.name in voices), shown.gallery, shown.catalog)
    return "What changes", [_change_card(shown, change, findings) for change in changes]


def _record(shown: Shown, change: Change) -> Record | None:
    return shown.lock.voices.get(change.previous_name or change.name)


def _heard_now(change: Change, voice: Voice) -> Sequence[Any]:
    """The recordings of the manifest that a card plays: those that change, or all where the voice is made or shown."""
    coming = {each.now.audio for each in change.samples if each.now}
    chosen = [sample for sample in voice.samples if sample.digest in coming]
    return chosen or (voice.samples if change.widens or change.action in ("create", "restore") else [])


def _heard_before(shown: Shown, change: Change) -> Iterator[SampleSide]:
    """The earlier recordings: those that go, and all of a voice that leaves."""
    from voicectl.plan.plan import SampleSide

    yield from (each.was for each in change.samples if each.was)
    record = _record(shown, change)
    if change.action in ("retire", "prune") and record is not None and record.id == change.id:
        yield from (SampleSide(sample.audio, sample.file, sample.seconds) for sample in record.samples)


def _change_card(shown: Shown, change: Change, findings: Mapping[str, Sequence[str]]) -> html.Card:
    from voicectl.report import words
    from voicectl.report.terminal import Style, sign

    voice = shown.catalog.voices.get(change.name)
    fields = [made for each in change.fields if (made := _field(change, each)) is not None]
    consequences = [words.why(change), *(text for text, _ in words.consequences(change))]
    return html.Card(
        name=change.name,
        title=words.short(change.title),
        sign=sign(change, Style()),
        verb=words.verb(change),
        care=words.needs_care(change),
        place=f"{change.source.file}:{change.source.line}" if change.source else "",
        id=change.id or "",
        consequences=tuple(html.Line(text, "bad" if words.needs_care(change) else "") for text in consequences if text),
        warnings=tuple(words.sentence(each) for each in change.warnings),
        fields=(*fields, *(_private(voice, shown.public) if voice else ())),
        pairs=tuple(_pairs(shown, change, voice, findings)),
    )


def _field(change: Change, each: Any) -> html.Field | None:
    from voicectl.report import words

    rows = words.field_rows(change, each)
    if rows is None or (each.field == "inputs" and change.samples):
        return None
    return html.Field(rows.label, rows.note, tuple(html.Row(row.sign, row.caption, row.text) for row in rows.rows))


def _pairs(
    shown: Shown, change: Change, voice: Voice | None, findings: Mapping[str, Sequence[str]]
) -> Iterator[html.Pair]:
    by_digest = {sample.digest: sample for sample in voice.samples} if voice else {}
    told: set[str] = set()
    for each in change.samples:
        before, after = _words(each)
        was = shown.gallery.was(each.was, before) if each.was else None
        sample = by_digest.get(each.now.audio) if each.now else None
        told |= {each.now.audio} if each.now else set()
        yield html.Pair(was, shown.gallery.now(sample, findings, after) if sample else None)
    for sample in _heard_now(change, voice) if voice else ():
        if sample.digest not in told:
            yield html.Pair(None, shown.gallery.now(sample, findings, _plain(sample.transcript)), "Recording")
    if not change.samples:
        yield from (html.Pair(shown.gallery.was(side, ()), None) for side in _heard_before(shown, change))


def _words(each: SampleChange) -> tuple[tuple[html.Piece, ...], tuple[html.Piece, ...]]:
    """The words of both sides, with what differs marked."""
    from voicectl.report.word_diff import word_diff

    before = each.was.transcript if each.was else None
    after = each.now.transcript if each.now else None
    found = word_diff(before, after) if before and after and before != after else None
    if found is None:
        return _plain(before), _plain(after)
    old, new = (tuple(html.Piece(piece.text, piece.changed) for piece in side) for side in found)
    return old, new


def _plain(text: str | None) -> tuple[html.Piece, ...]:
    return (html.Piece(text),) if text else ()


def _private(voice: Voice, public: bool) -> Iterator[html.Field]:
    """Consent and metadata, which the page of strangers' pull requests leaves out."""
    if public:
        return
    consent = voice.consent
    if consent is not None:
        values = (
            ("speaker", consent.speaker), ("document", consent.document), ("granted on", consent.granted_on),
            ("expires on", consent.expires_on), ("withdrawn on", consent.withdrawn_on),
            ("covers", ", ".join(consent.visibilities)),
        )  # fmt: skip
        yield html.Field("consent", "", tuple(html.Row("", key, str(value)) for key, value in values if value))
    if voice.free:
        yield html.Field("metadata", "", tuple(html.Row("", str(key), str(value)) for key, value in voice.free.items()))


def _catalog(
    shown: Shown, recordings: Recordings, options: Mapping[str, Any], badges: Mapping[str, Sequence[html.Line]]
) -> tuple[str, list[html.Card]]:
    """A card for each voice of the catalog."""
    from voicectl.plan.plan import Selectors
    from voicectl.plan.request import selected_voices
    from voicectl.report import catalog_words

    chosen = Selectors(tuple(options.get("only", ())), tuple(options.get("exclude", ())))
    voices, _ = selected_voices(shown.catalog, chosen)
    shown.gallery.gather((sample for voice in voices for sample in voice.samples), (), recordings)
    findings = findings_of(voices, shown.gallery, shown.catalog)
    rows = {row.name: row for row in catalog_words.rows(shown.catalog, shown.lock)}
    cards = []
    for voice in voices:
        row = rows[voice.name]
        state = row.state or row.status
        description = voice.metadata.description
        facts = [html.Field("description", "", (html.Row("", "", description),))] if description else []
        facts += [html.Field("tags", "", (html.Row("", "", ", ".join(row.tags)),))] if row.tags else []
        facts += [html.Field("speech model", "", (html.Row("", "", row.speech),))] if row.speech else []
        cards.append(
            html.Card(
                name=voice.name,
                title=voice.title,
                place=f"{voice.source.file}:{voice.source.line}",
                id=row.id or "",
                visibility=row.visibility or "",
                state=state,
                file=voice.source.file,
                tags=tuple(row.tags),
                badges=(html.Line(row.visibility or "unmanaged"), html.Line(state), *badges.get(voice.name, ())),
                fields=(*facts, *_private(voice, shown.public)),
                pairs=tuple(
                    html.Pair(None, shown.gallery.now(sample, findings, _plain(sample.transcript)), "Recording")
                    for sample in voice.samples
                ),
            )
        )
    return "The catalog", cards


def _badges(report: Path, plan: Plan) -> dict[str, tuple[html.Line, ...]]:
    """What a drift report says of each voice that is not in step. Raises UsageError for what is no report of this
    catalog."""
    from pydantic import TypeAdapter, ValidationError

    from voicectl.plan.drift import DriftReport
    from voicectl.report.drift_words import MEANINGS

    try:
        found: DriftReport = TypeAdapter(DriftReport).validate_json(read_regular(report, _MAX_REPORT))
    except (OSError, ValidationError):
        words = f"--drift {report} is no report of `voicectl drift --format json`"
        raise UsageError(words, "make it with `voicectl drift --format json`") from None
    if (found.catalog, found.environment) != (plan.catalog, plan.environment):
        whose = f"{found.catalog}.{found.environment}" if found.environment else found.catalog
        raise UsageError(f"--drift {report} is a report of another catalog: {whose}", "make one of this catalog")
    return {v.name: (html.Line(MEANINGS[v.status], "bad"),) for v in found.voices if v.status != "in_step"}


def _speaking(
    context: Context,
    shown: Shown,
    cards: list[html.Card],
    recordings: Recordings,
    say: str | None,
    audition: str | None,
    *,
    yes: bool,
) -> list[html.Card]:
    """The cards with what their voices say, spoken now or kept from an earlier time."""
    if say is None and audition is None:
        return cards
    from voicectl.cli import spoken

    orders = list(
        spoken.orders(shown.project, shown.catalog, shown.lock, [c.name for c in cards], say, audition, recordings)
    )
    new = [order for order in orders if not order.kept]
    if new:
        characters = sum(len(order.text) for order in new)
        agree(f"{len(new)} requests to speak {characters:,} characters cost credit", yes, context)
    spoken.speak(context, shown.project, new)
    by_name: dict[str, list[html.Pair]] = {}
    for order in orders:
        path = f"audio/{order.kind}-{order.key[:24]}.mp3"
        (shown.gallery.out / "audio").mkdir(exist_ok=True)
        (shown.gallery.out / path).write_bytes(order.path.read_bytes())
        label = f"“{order.text}”" + (f" ({order.speech_model})" if order.speech_model else "")
        caption = "Says" if order.kind == "say" else "Its samples say"
        by_name.setdefault(order.voice, []).append(html.Pair(None, html.Recording(label, path), caption))
    return [replace(card, pairs=(*card.pairs, *by_name.get(card.name, ()))) for card in cards]


def _pages(
    project: Project, plan: Plan | None, title: str, cards: Sequence[html.Card], prepared: Prepared
) -> Iterator[tuple[str, html.Page]]:
    """Each page with the name of its file."""
    from voicectl.report import words

    made = prepared.planned.plan
    heading = " · ".join(words.heading(made.catalog, made.environment, made.provider, offline=made.offline))
    parts = [*words.counts(made), *words.others(made)] if plan is not None else [f"{len(cards)} voices"]
    notices = _notices(plan) if plan is not None else ()
    filters = _filters(cards) if plan is None else ()
    pages = html.paged(cards, _PAGE)
    names = ["index.html", *(f"page-{number}.html" for number in range(2, len(pages) + 1))]
    for number, some in enumerate(pages):
        links = tuple(html.Link(str(at + 1), name, at == number) for at, name in enumerate(names))
        yield names[number], html.Page(title, heading, ", ".join(parts), some, tuple(notices), filters, links)


def _notices(plan: Plan) -> Iterator[html.Notice]:
    from voicectl.report import words

    for level, notices in (("bad", plan.refusals), ("warn", plan.warnings)):
        yield from (html.Notice(level, words.sentence(n.message), words.sentence(n.hint)) for n in notices)


def _filters(cards: Iterable[html.Card]) -> tuple[html.Filter, ...]:
    every = list(cards)

    def choices(values: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({value for value in values if value}))

    return (
        html.Filter("tags", "Tag", choices(tag for card in every for tag in card.tags)),
        html.Filter("visibility", "Visibility", choices(card.visibility for card in every)),
        html.Filter("state", "State", choices(card.state for card in every)),
        html.Filter("file", "File", choices(card.file for card in every)),
    )


def _write(out: Path, pages: Iterable[tuple[str, html.Page]]) -> int:
    count = 0
    for name, page in pages:
        replace_file(out / name, html.render(page).encode())
        count += 1
    return count
