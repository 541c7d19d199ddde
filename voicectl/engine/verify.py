"""After an apply: look again, name what did not stick, and plan again (promise 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from voicectl.concurrency import together
from voicectl.engine.events import Event, Listener
from voicectl.engine.ledger import Ledger
from voicectl.engine.stages import Outcome
from voicectl.errors import VoicectlError
from voicectl.model import marker
from voicectl.model.lock import Blocked, Record
from voicectl.model.observed import Model, Observation, Patch
from voicectl.model.voice import FIELDS, FieldName, Value, Voice
from voicectl.plan.actions import Make, Refresh, Resend, Restore, Serve, Update
from voicectl.plan.case import RETENTION_OVER, Sweep
from voicectl.plan.compare import observed_value, shown
from voicectl.plan.patches import values_patch
from voicectl.plan.plan import Leftover
from voicectl.plan.planner import Planned, make_plan
from voicectl.plan.request import PlanRequest
from voicectl.provider.port import Provider, Rejected

LOOKS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each look at a value that has not arrived: what the provider shows may lag."""


@dataclass(slots=True)
class Settling:
    """Whether what was sent is what the account shows, voice by voice; the state says so afterwards.

    `send` sets values of a model; it raises VoicectlError.
    """

    provider: Provider
    ledger: Ledger
    send: Callable[[str, Patch, Voice], Awaitable[None]]
    listener: Listener
    looks: tuple[float, ...] = LOOKS
    touched: bool = False
    """Whether anything was sent once more: then the account has to be looked at again."""

    async def all(self, outcomes: Iterable[Outcome], observation: Observation) -> list[Leftover]:
        """What did not stick, of everything that was done. A refused value is recorded as blocked.

        Only what the provider did not take twice in a row, with the same value shown each time, is a refusal.
        """
        found = await together(
            self._one(outcome.task, observation)
            for outcome in outcomes
            if outcome.status == "done" and isinstance(outcome.task, Serve)
        )
        return [leftover for leftovers in found for leftover in leftovers]

    async def again(self, retries: Iterable[Resend]) -> None:
        """Send what was blocked once more; a refusal is only a warning, as an earlier run has reported it."""
        await together(self._again(task) for task in retries)

    async def _one(self, task: Serve, observation: Observation) -> list[Leftover]:
        name, voice = task.name, task.voice
        record = self.ledger.voices.get(name)
        model = observation.models.get(record.id) if record is not None else None
        if record is None or model is None:
            return []
        sent = _sent(task)
        missing = _missing(sent, record, voice, model)
        # The listing may be older than what was just sent: GET decides, and gets some time.
        if missing:
            model = await self._look(model, lambda seen: not _missing(sent, record, voice, seen))
            missing = _missing(sent, record, voice, model)
        if not missing:
            self._put(name, _with_cover(replace(record, state=model.state), sent, model))
            return []
        try:
            last = await self._send(record, voice, model, missing)
        # A plain no to the same value says as much as not taking it.
        except Rejected:
            last = model
        except VoicectlError as error:
            return [Leftover(name, f"{', '.join(missing)} did not stick, nor when sent again: {error.message}")]
        left = _missing(sent, record, voice, last)
        # A new model showed nothing before, so what it shows instead is the provider's answer.
        before = task.model if isinstance(task, Update | Restore) else None
        refused = {field for field in left if _refused(field, voice, before, model, last)}
        self._put(name, _with_cover(_blocked(record, voice, last, refused), sent, last))
        return [
            Leftover(
                name,
                f"{field} did not stick: {_words(field, voice, last)}" + (_REFUSED if field in refused else _OTHERS),
            )
            for field in FIELDS
            if field in left
        ]

    async def _again(self, task: Resend) -> None:
        record, voice = self.ledger.voices.get(task.name), task.voice
        # The run has put another model in its place: what the plan listed was not about that one.
        if record is None or record.id != task.model.id:
            return
        fields = tuple(change.field for change in task.change.fields if change.field in FIELDS)
        try:
            present = await self.provider.get(record.id) or task.model
            last = await self._send(record, voice, present, fields)
        except VoicectlError as error:
            self._warn(task.name, f"{', '.join(fields)} is still refused: {error.message}")
            return
        left = _missing(frozenset(fields), record, voice, last, blocked=True)
        for field in left:
            self._warn(task.name, f"{field} is still refused: {_words(field, voice, last)}")
        taken = [field for field in fields if field not in left]
        values = {field: voice.metadata.get(field) for field in taken}
        blocked = {field: kept for field, kept in record.blocked.items() if field not in taken}
        applied = record.applied.with_values(values)
        self._put(task.name, _with_cover(replace(record, applied=applied, blocked=blocked), frozenset(taken), last))

    async def _send(self, record: Record, voice: Voice, model: Model, fields: Iterable[FieldName]) -> Model:
        """Set these fields once more; the model as GET shows it then."""
        self.touched = True
        named = set(fields)
        # All tags, as in every PATCH: nobody knows whether one without tags leaves them alone.
        marks = tuple(tag for tag in model.tags if marker.is_mark(tag))
        plain = (voice.metadata.tags or ()) if "tags" in named else marker.plain(model.tags)
        await self.send(model.id, values_patch(named, voice, (*marks, *plain)), voice)
        return await self._look(model, lambda seen: False, (0.0,))

    async def _look(
        self, model: Model, arrived: Callable[[Model], bool], looks: tuple[float, ...] | None = None
    ) -> Model:
        """The model by GET, looked at until what was sent has arrived, or no more."""
        for pause in self.looks if looks is None else looks:
            await asyncio.sleep(pause)
            model = await self.provider.get(model.id) or model
            if arrived(model):
                break
        return model

    def _put(self, name: str, record: Record) -> None:
        if record != self.ledger.voices.get(name):
            self.ledger.put(name, record)

    def _warn(self, name: str, text: str) -> None:
        self.listener(Event("warning", name, detail=text))


_REFUSED = "; each apply asks once more; to end this, take the account's value into the manifest"
_OTHERS = ", which it did not show before; did somebody else change it?"


def _sent(task: Serve) -> frozenset[FieldName]:
    """The fields whose desired values a task has sent; those that it left alone are not among them."""
    if isinstance(task, Make):
        return frozenset(name for name in FIELDS if task.metadata.get(name) == task.voice.metadata.get(name))
    return frozenset(change.field for change in task.change.fields if change.field in FIELDS)


def _missing(
    sent: frozenset[FieldName], record: Record, voice: Voice, model: Model, *, blocked: bool = False
) -> tuple[FieldName, ...]:
    """The fields that were sent and that the account shows with another value. `blocked` ones were not recorded."""
    found: list[FieldName] = []
    for name in FIELDS:
        desired = voice.metadata.get(name)
        if name not in sent or desired is None or name in voice.lifecycle.ignore:
            continue
        # Drift or a conflict that is kept was recorded with its earlier value: nobody has sent it.
        if not blocked and record.applied.get(name) != desired:
            continue
        if name == "cover_image":
            # It can't be read back: one that is there is taken for ours.
            if not model.cover_image:
                found.append(name)
        elif observed_value(name, model, record.applied) != desired:
            found.append(name)
    return tuple(found)


def _refused(name: FieldName, voice: Voice, before: Model | None, first: Model, last: Model) -> bool:
    """Whether the provider did not take a value, after each of two tries; or somebody else wrote in between.

    A value that was there before, or is the desired one cut or in other letters, is the provider's answer. A third
    one is most likely somebody else's.
    """
    values = [observed_value(name, model, None) for model in (first, last)]
    # It changed between the two looks, so somebody else is writing.
    if values[0] != values[1]:
        return False
    if before is None or name in ("visibility", "cover_image") or values[1] == observed_value(name, before, None):
        return True
    return _altered(voice.metadata.get(name), values[1])


def _altered(desired: Value, observed: Value) -> bool:
    if isinstance(desired, tuple) or isinstance(observed, tuple):
        # Providers cut tags, and lower-case them; they don't make up new ones.
        wanted, shown = ({tag.casefold() for tag in tags or ()} for tags in (desired, observed))
        return all(any(full.startswith(tag) for full in wanted) for tag in shown)
    plain = [" ".join((text or "").casefold().split()) for text in (desired, observed)]
    return bool(plain[1]) and plain[0].startswith(plain[1])


def _words(name: FieldName, voice: Voice, model: Model) -> str:
    return f"{shown(voice.metadata.get(name))} was sent, the account shows {shown(observed_value(name, model, None))}"


def _with_cover(record: Record, sent: frozenset[FieldName], model: Model) -> Record:
    """The record with the provider's own path of a cover that was sent."""
    if "cover_image" not in sent or record.applied.cover_image is None:
        return record
    return replace(record, applied=replace(record.applied, remote_cover=model.cover_image or None))


def _blocked(record: Record, voice: Voice, model: Model, refused: set[FieldName]) -> Record:
    """The record once these values were refused: what the account has instead is what was applied."""
    blocked = dict(record.blocked)
    values: dict[FieldName, Value] = {}
    for name in refused:
        observed = observed_value(name, model, record.applied)
        blocked[name] = Blocked(voice.metadata.get(name), observed)
        values[name] = observed if name != "cover_image" else record.applied.cover_image
    applied = record.applied.with_values(values)
    return replace(record, applied=applied, blocked=blocked, state=model.state)


def plan_again(request: PlanRequest, ledger: Ledger, observation: Observation, sweep: Sweep) -> Planned:
    """The plan right after the apply, of the same selection; success is that it is empty."""
    # A training that failed once more must not be planned again at once: that plan would never be empty.
    return make_plan(replace(request, retry_failed=False), ledger.lock, observation, sweep)


def refresh(planned: Planned, ledger: Ledger) -> Planned:
    """The plan without what only the lockfile lacked, which is recorded: voices that finished training, say."""
    done = [task for task in planned.tasks if isinstance(task, Refresh) and not task.change.adopted]
    for task in done:
        ledger.put(task.name, task.record, task.was)
    changes = {id(task.change) for task in done}
    left = tuple(change for change in planned.plan.changes if id(change) not in changes)
    return replace(planned, plan=replace(planned.plan, changes=left))


def still_open(planned: Planned, outcomes: Iterable[Outcome]) -> list[Leftover]:
    """Changes that the second plan still wants for voices that seemed done.

    A deletion that only time has brought about since is none: nobody has seen it in a plan yet.
    """
    unfinished = {outcome.task.name for outcome in outcomes if outcome.status != "done"}
    return [
        Leftover(change.name, f"still to {change.action}" + (f": {change.reason}" if change.reason else ""))
        for change in planned.plan.changes
        if change.name not in unfinished and change.reason != RETENTION_OVER
    ]
