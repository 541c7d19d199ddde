"""What the renderers of a plan share: its words, and the rows that show a field's values.

Every text from here is one line and safe on a terminal; a renderer adds what its own format needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from voicectl.model.lock import ProviderIdentity
from voicectl.model.voice import Value
from voicectl.plan.case import DUPLICATE, TRAINING_FAILED
from voicectl.plan.plan import Action, Change, FieldChange, Plan, SampleChange, SampleSide
from voicectl.report.escape import shortened, terminal
from voicectl.report.word_diff import Piece, word_diff

MAX_VALUE = 200
"""Characters of a value that a line shows; JSON has the whole value."""
LONG = 60
"""Characters from which on we show only the changed words of a text."""
_LABELS = {"inputs": "samples", "cover_image": "cover image", "marks": "marks"}
_COUNTED = (
    ("create", "to create"),
    ("update", "to update"),
    ("replace", "to replace"),
    ("restore", "to restore"),
    ("retire", "to retire"),
    ("prune", "to delete"),
    ("forget", "to forget"),
    ("refresh", "lock refresh"),
)

_WIDER = {"public": "to publish", "unlist": "to unlist"}

_ADOPTS = (Action.REFRESH, Action.UPDATE)
"""Actions on an adopted model that `verb` calls adopting it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a value; `changed` says that the other side lacks it."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a field. `sign` is + if it comes, - if it goes, else empty."""

    sign: str
    caption: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The value as one line."""
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class FieldRows:
    """A field and its values. `note` goes beside the label; values that are not `whole` show only what changed."""

    label: str
    rows: tuple[Row, ...] = ()
    note: str = ""
    whole: bool = True
    each: bool = False
    """The rows are entries of a list rather than values."""


def heading(catalog: str, environment: str | None, provider: ProviderIdentity, *, offline: bool = False) -> list[str]:
    """What an output is about: catalog, environment, host, account."""
    parts = [catalog, environment]
    if provider.name == "emulator":
        parts.append("emulator (nothing real)")
    else:
        parts += [provider.host, f"account {provider.account or 'not known yet'}"]
    parts.append("offline: the account was not looked at" if offline else None)
    return [terminal(part) for part in parts if part]


def counts(plan: Plan) -> list[str]:
    """How many changes of each kind, moves last; empty without changes."""
    summary = plan.summary
    retired = sum(map(_recorded_as_retired, plan.changes))
    found = [c.action for c in plan.changes if c.adopted and c.action in _ADOPTS]
    numbers = {name: getattr(summary, name) - found.count(Action(name)) for name, _ in _COUNTED}
    parts = [f"{len(found) - retired} to adopt"] if len(found) > retired else []
    parts += [f"{retired} to record as retired"] if retired else []
    parts += [f"{numbers[name]} {words}" for name, words in _COUNTED if numbers[name]]
    parts += [f"{summary.moved} moved"] if parts and summary.moved else []
    shown = Counter(widened(change) for change in plan.changes)
    parts += [f"{shown[wider]} {words}" for wider, words in _WIDER.items() if shown[wider]]
    return parts


def widened(change: Change) -> str:
    """The visibility at which a change shows its voice to more people; empty where it does not."""
    if not change.widens:
        return ""
    return next((str(each.desired) for each in change.fields if each.field == "visibility"), "")


def others(plan: Plan) -> list[str]:
    """How many voices stay as they are."""
    left_out = plan.summary.left_out
    return [f"{plan.summary.unchanged} unchanged", *([f"{left_out} left out by selectors"] if left_out else [])]


def needs_care(change: Change) -> bool:
    """Whether it can't be taken back: somebody loses a model, or an id in use; or more people get to see a voice."""
    lost = change.action in (Action.RETIRE, Action.PRUNE, Action.FORGET, Action.REPLACE, Action.RESTORE)
    other_id = change.action is Action.CREATE and change.id is not None
    return lost or other_id or change.widens or (change.adopted and bool(change.warnings))


def bookkeeping(change: Change) -> bool:
    """Whether only the lockfile changes, in nothing that a reader has to know."""
    return change.action is Action.REFRESH and not change.adopted


def _recorded_as_retired(change: Change) -> bool:
    """Whether the change only records a retired model that the lockfile did not know."""
    return change.adopted and change.action is Action.REFRESH and change.undo_until is not None


def verb(change: Change) -> str:
    """What happens, in a word, and to which model."""
    if _recorded_as_retired(change):
        return f"record {change.id} as retired"
    words = {
        Action.PRUNE: f"delete {change.id}",
        Action.RETIRE: f"retire {change.id}",
        Action.FORGET: f"forget {change.id}",
        Action.REFRESH: f"adopt {change.id}",
        Action.UPDATE: f"adopt {change.id}" if change.adopted else "update",
    }
    return words.get(change.action, str(change.action))


def labels(change: Change) -> list[str]:
    """The fields that a change shows."""
    return [_LABELS.get(each.field, each.field) for each in change.fields if field_rows(change, each) is not None]


def why(change: Change) -> str:
    """The reason, if the fields don't show it."""
    told = (Action.CREATE, Action.REPLACE, Action.RESTORE)
    if change.action in told:
        return ""
    if change.reason == DUPLICATE:
        return "another model carries the same marks, and the older of the two stays"
    return sentence(change.reason)


def consequences(change: Change) -> Iterator[tuple[str, str]]:
    """Sentences on what the change means for others, each with its colour (empty for none)."""
    until = moment(change.undo_until) if change.undo_until else ""
    wider = widened(change)
    if wider == "public":
        yield "Everybody will see it, and whoever uses it can't be called back.", "red"
    elif wider:
        yield "Everybody who knows its id will be able to use it.", "red"
    if change.reason == TRAINING_FAILED:
        yield "A new model is made from the same samples.", ""
    elif change.action is Action.REPLACE or (change.action is Action.CREATE and change.id):
        yield f"The id will change; tell the users of {change.id}.", "magenta"
        if until:
            yield f"The old model is kept until {until}: until then, git revert and apply bring its id back.", ""
    elif change.action is Action.RESTORE:
        yield f"The id will be {change.id} again (generation {change.generation}).", "cyan"
        if until:
            yield f"The model that serves now is kept until {until}.", ""
    elif change.action is Action.RETIRE and until and change.adopted:
        yield f"It is kept until {until}; an apply after that deletes it.", ""
    elif change.action is Action.RETIRE and until:
        yield f"It is kept until {until}: until then, git revert and apply bring it back with its id.", ""
    elif change.action is Action.PRUNE:
        yield "This can't be undone.", "red"


def moment(when: datetime) -> str:
    """A time for people."""
    return when.strftime("%Y-%m-%d %H:%M UTC")


def field_rows(change: Change, field: FieldChange) -> FieldRows | None:
    """How to show a field's change; None if the change's other words say it already."""
    label = _LABELS.get(field.field, field.field)
    if field.field == "inputs":
        if change.action is Action.CREATE:
            return FieldRows(label, note=sentence(change.reason))
        rows = tuple(row for each in change.samples for row in _sample_rows(each))
        shown = change.action is Action.REPLACE or rows
        return FieldRows(label, rows, note=sentence(change.reason), whole=False) if shown else None
    if field.field == "marks":
        return FieldRows(label, note="moved to the new name" if field.cause == "moved" else "written on the model")
    if field.cause in ("drift", "conflict"):
        where = "the account since the last apply" if field.cause == "drift" else "Git and in the account"
        note = f"changed in {where}"
        sides = (("Git", field.desired), ("last applied", field.recorded), ("account now", field.observed))
        return FieldRows(label, tuple(Row("", caption, _whole(v, field)) for caption, v in sides), note)
    if change.action is Action.CREATE:
        return FieldRows(label, (Row("+", "", _whole(field.desired, field, change.cover_file)),))
    if isinstance(field.desired, tuple) and isinstance(field.observed, tuple):
        return FieldRows(label, tuple(_entries(field.observed, field.desired)), each=True)
    if field.field in ("title", "description") and isinstance(field.desired, str) and isinstance(field.observed, str):
        cut = _changed_words(field.observed, field.desired)
        if cut is not None:
            return FieldRows(label, cut, whole=False)
    new = _whole(field.desired, field, change.cover_file)
    return FieldRows(label, (Row("-", "", _whole(field.observed, field)), Row("+", "", new)))


def _sample_rows(change: SampleChange) -> Iterator[Row]:
    """A recording's change in a line, and its words' below it."""
    was, now = change.was, change.now
    if was is None or now is None:
        side = now or was
        yield Row("+" if now else "-", "", (Part(recording(side) if side else "", changed=True),))
        return
    if was.audio == now.audio:
        said = f"{recording(now)}: another transcript"
    elif was.file is not None and was.file == now.file:
        lengths = " → ".join(f"{side.seconds:.1f} s" for side in (was, now) if side.seconds is not None)
        said = f"{short(was.file)}: another recording" + (f" ({lengths})" if lengths else "")
    else:
        said = f"{recording(was)} → {recording(now)}"
    yield Row("", "", (Part(said),))
    if was.transcript is not None and now.transcript is not None and was.transcript != now.transcript:
        yield from _changed_words(was.transcript, now.transcript) or (
            Row("-", "", (Part(f'"{short(was.transcript)}"', changed=True),)),
            Row("+", "", (Part(f'"{short(now.transcript)}"', changed=True),)),
        )


def recording(side: SampleSide) -> str:
    """A recording in a few words: its file, or its digest where nobody knows that, and how long it lasts."""
    name = short(side.file) if side.file else f"{side.audio[:15]}…"
    return f"{name} ({side.seconds:.1f} s)" if side.seconds is not None else name


def _entries(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Row]:
    """Which entries of a list came and went, rather than two long lists."""
    from deepdiff import DeepDiff

    # Whole entries are compared, and shortened only to show them. DeepDiff can't take half a surrogate pair, which a
    # server may send; `terminal` writes such a one out.
    diff = DeepDiff(set(map(terminal, before)), set(map(terminal, after)), view="tree")
    found = [("+", item.t2) for item in diff.get("set_item_added", ())]
    found += [("-", item.t1) for item in diff.get("set_item_removed", ())]
    return (Row(sign, "", (Part(shortened(entry, MAX_VALUE), changed=True),)) for sign, entry in sorted(found))


def _changed_words(before: str, after: str) -> tuple[Row, Row] | None:
    before, after = terminal(before), terminal(after)
    if not before or not after or max(len(before), len(after)) < LONG:
        return None
    found = word_diff(before, after)
    if found is None:
        return None
    old, new = (tuple(_part(piece) for piece in side) for side in found)
    return Row("-", "", _quoted(old)), Row("+", "", _quoted(new))


def _part(piece: Piece) -> Part:
    text = piece.text
    return Part(text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…", piece.changed)


def _quoted(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return Part('"'), *parts, Part('"')


def _whole(value: Value, field: FieldChange, file: str | None = None) -> tuple[Part, ...]:
    """A value; of a cover image that comes, the file, too."""
    named = f"{short(file)} " if file is not None and field.field == "cover_image" else ""
    return (Part(named + value_text(value, field.field)),)


def value_text(value: Value, field: str = "") -> str:
    """A value of a field as one line; only the beginning of a cover's digest or path."""
    if value is None:
        return "(none)"
    if isinstance(value, str) and field == "cover_image":
        return f"{terminal(value[:23])}…"
    if isinstance(value, tuple):
        return ", ".join(short(item) for item in value) or "(none)"
    return f'"{short(value)}"' if value else '""'


def short(text: str) -> str:
    """A value on one line, cut to a readable length."""
    return shortened(terminal(text), MAX_VALUE)


def sentence(text: str) -> str:
    """A sentence with values in it on one line, cut to a readable length."""
    return shortened(terminal(text), 4 * MAX_VALUE)
