"""The cards of a page: what a plan changes, or the voices of a catalog, with what there is to hear of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voicectl.cli.gallery import Gallery, findings_of
from voicectl.report import preview_html as html

if TYPE_CHECKING:
    from voicectl.model.catalog import Catalog
    from voicectl.model.lock import Lock, Record
    from voicectl.model.voice import Sample, Voice
    from voicectl.plan.drift_report import DriftReport
    from voicectl.plan.plan import Change, FieldChange, Plan, SampleChange, SampleSide, Selectors


@dataclass(frozen=True, slots=True)
class Sources:
    """What the cards are made from. Those of a `public` page leave out consent and metadata."""

    catalog: Catalog
    lock: Lock
    gallery: Gallery
    public: bool


def of_plan(sources: Sources, plan: Plan) -> list[html.Card]:
    """A card for each change of the plan."""
    from voicectl.report import words

    changes = [change for change in plan.changes if not words.bookkeeping(change)]
    changes.sort(key=lambda change: not words.needs_care(change))
    voices = sources.catalog.voices
    present = [s for change in changes if change.name in voices for s in _heard_now(change, voices[change.name])]
    earlier = [(side, _record(sources, change)) for change in changes for side in _heard_before(sources, change)]
    sources.gallery.gather(present, earlier)
    findings = findings_of((voices[c.name] for c in changes if c.name in voices), sources.gallery, sources.catalog)
    return [_change_card(sources, change, findings) for change in changes]


def _record(sources: Sources, change: Change) -> Record | None:
    return sources.lock.voices.get(change.previous_name or change.name)


def _heard_now(change: Change, voice: Voice) -> Sequence[Sample]:
    """The recordings of the manifest that a card plays: those that change, or all where the voice is made or shown."""
    coming = {each.now.audio for each in change.samples if each.now}
    chosen = [sample for sample in voice.samples if sample.digest in coming]
    return chosen or (voice.samples if change.widens or change.action in ("create", "restore") else [])


def _heard_before(sources: Sources, change: Change) -> Iterator[SampleSide]:
    """The earlier recordings: those that go, and all of a voice that leaves."""
    from voicectl.plan.plan import SampleSide

    yield from (each.was for each in change.samples if each.was)
    record = _record(sources, change)
    if change.action in ("retire", "prune") and record is not None and record.id == change.id:
        yield from (SampleSide(sample.audio, sample.file, sample.seconds) for sample in record.samples)


def _change_card(sources: Sources, change: Change, findings: Mapping[str, Sequence[str]]) -> html.Card:
    from voicectl.report import words
    from voicectl.report.terminal import Style, sign

    voice = sources.catalog.voices.get(change.name)
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
        fields=(*fields, *(_private(voice, sources.public) if voice else ())),
        pairs=tuple(_pairs(sources, change, voice, findings)),
    )


def _field(change: Change, each: FieldChange) -> html.Field | None:
    from voicectl.report import words

    rows = words.field_rows(change, each)
    if rows is None or (each.field == "inputs" and change.samples):
        return None
    return html.Field(rows.label, rows.note, tuple(html.Row(row.sign, row.caption, row.text) for row in rows.rows))


def _pairs(
    sources: Sources, change: Change, voice: Voice | None, findings: Mapping[str, Sequence[str]]
) -> Iterator[html.Pair]:
    by_digest = {sample.digest: sample for sample in voice.samples} if voice else {}
    told: set[str] = set()
    for each in change.samples:
        before, after = _words(each)
        was = sources.gallery.was(each.was, before) if each.was else None
        sample = by_digest.get(each.now.audio) if each.now else None
        told |= {each.now.audio} if each.now else set()
        yield html.Pair(was, sources.gallery.now(sample, findings, after) if sample else None)
    for sample in _heard_now(change, voice) if voice else ():
        if sample.digest not in told:
            yield html.Pair(None, sources.gallery.now(sample, findings, _plain(sample.transcript)), "Recording")
    if not change.samples:
        yield from (html.Pair(sources.gallery.was(side, ()), None) for side in _heard_before(sources, change))


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


def of_catalog(sources: Sources, chosen: Selectors, drift: DriftReport | None) -> list[html.Card]:
    """A card for each chosen voice of the catalog, with badges from a drift report."""
    from voicectl.plan.request import selected_voices
    from voicectl.report import catalog_words

    voices, _ = selected_voices(sources.catalog, chosen)
    badges = _badges(drift) if drift is not None else {}
    sources.gallery.gather((sample for voice in voices for sample in voice.samples), ())
    findings = findings_of(voices, sources.gallery, sources.catalog)
    rows = {row.name: row for row in catalog_words.rows(sources.catalog, sources.lock)}
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
                fields=(*facts, *_private(voice, sources.public)),
                pairs=tuple(
                    html.Pair(None, sources.gallery.now(sample, findings, _plain(sample.transcript)), "Recording")
                    for sample in voice.samples
                ),
            )
        )
    return cards


def _badges(drift: DriftReport) -> dict[str, tuple[html.Line, ...]]:
    """What a drift report says of each voice that is not in step."""
    from voicectl.report.drift_words import MEANINGS

    return {v.name: (html.Line(MEANINGS[v.status], "bad"),) for v in drift.voices if v.status != "in_step"}
