"""How each action is carried out: requests, and what the ledger records of them. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voicectl.concurrency import Backoff
from voicectl.engine.create import Creations, MarksNotKept
from voicectl.engine.events import Event, Listener
from voicectl.engine.ledger import Ledger
from voicectl.engine.requests import cover_upload, made_tags, new_model
from voicectl.errors import VoicectlError
from voicectl.model import marker
from voicectl.model.lock import Pending, Record
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Visibility, Voice
from voicectl.plan.actions import Task
from voicectl.plan.case import GONE, RETENTION_OVER, UNFINISHED, WITHDRAWN
from voicectl.plan.compare import widens
from voicectl.plan.plan import Action
from voicectl.plan.result import RETRY_FAILED
from voicectl.provider.port import NotReadable, Provider, Rejected, Throttled

MAKES = (Action.CREATE, Action.REPLACE, Action.RESTORE)
FIRST_LOOK, LONGEST_LOOK = 0.4, 10.0
"""Ceilings, in seconds, of the pauses between looks at a model that trains: half of them on average, and the
provider's cookbook asks every 5 s."""


class TaskFailed(VoicectlError):
    """One voice is not as planned."""

    code = "voice_failed"


class NotTried(VoicectlError):
    """A task was left out because something that it depends on did not happen."""

    code = "not_tried"


@dataclass(frozen=True, slots=True)
class Performer:
    """Carries out tasks one by one. `wait` is how many seconds a model may train."""

    provider: Provider
    ledger: Ledger
    listener: Listener
    root: Path
    namespace: str
    creations: Creations
    places: asyncio.Semaphore
    """One for each task at work; a task gives its place back while it only waits."""
    wait: float = 300.0

    async def make(self, task: Task) -> None:
        """First half of create, replace and restore: the right model exists, trained and recorded as current.

        A new one is private until `widen`. While it replaces another it is recorded as pending.
        """
        for model, patch in task.also:
            await self._update(model.id, patch, None)
        if task.model is None:
            async with self.creations.turn():
                model = await self._create(task)
                self._record_made(task, model)
        else:
            model = await self._confirmed(task.model)
            await self._update(model.id, narrow(task.patch, model), task.voice)
            self._record_made(task, model)
        trained = await self._trained(task.name, model)
        self.ledger.put(task.name, self.current_record(task, trained), task.was)

    def widening(self, task: Task) -> Visibility | None:
        """The wider visibility that a model still needs once it is made; None where it has what it needs."""
        present, wanted = _visibilities(task)
        return wanted if widens(present, wanted) else None

    def finished_by_making(self, task: Task) -> bool:
        """Whether `make` was all that there was to do."""
        return task.retires is None and self.widening(task) is None

    async def widen(self, task: Task) -> None:
        """Second half: show the model to as many as the manifest wants, once it is trained."""
        wanted = self.widening(task)
        if wanted is None:
            return
        record = self.ledger.voices[task.name]
        assert task.voice is not None
        mark = Marker.of(self.namespace, task.name, task.voice.inputs)
        tags = made_tags(task.metadata, mark) if task.metadata is not None else task.patch.tags
        try:
            await self._update(record.id, Patch(visibility=wanted, tags=tags), None)
        except Rejected as error:
            if isinstance(error, Throttled | NotReadable):
                raise
            # The model is there, and the rest of it as planned: what follows treats it as a value that did not stick.
            self.listener(Event("warning", task.name, detail=f"visibility {wanted} was refused: {error.message}"))
        assert task.record is not None
        applied = replace(record.applied, visibility=task.record.applied.visibility)
        self.ledger.put(task.name, replace(record, applied=applied))

    async def give_way(self, task: Task) -> None:
        """Last part of a replacement: the generation before is retired, or forgotten if it was adopted."""
        if task.retires is None:
            return
        await self._update(task.retires.model.id, task.retires.patch, None)
        if task.retires.entry is not None:
            self.ledger.retire(task.name, task.retires.entry)

    async def swap(self, tasks: Sequence[Task]) -> None:
        """Give the names of a ring to each other: the marks of all its models first, then all records at once."""
        for task in tasks:
            for model, patch in task.also:
                await self._update(model.id, patch, None)
            if task.model is not None:
                await self._update(task.model.id, Patch(tags=task.patch.tags), None)
        self.ledger.rename({t.change.previous_name: t.name for t in tasks if t.change.previous_name})

    async def update(self, task: Task) -> None:
        """Set the changed fields; a wider visibility waits until the model is trained."""
        assert task.model is not None
        model = task.model
        if task.change.adopted:
            model = await self._confirmed(model)
        for other, patch in task.also:
            await self._update(other.id, patch, None)
        if task.patch.visibility and widens(model.visibility, task.patch.visibility):
            model = await self._trained(task.name, model)
        await self._update(model.id, task.patch, task.voice)
        if any(each.field == "marks" for each in task.change.fields):
            await self._check_marks(task, model)
        if task.record is not None:
            record = replace(task.record, state=model.state)
            self.ledger.put(task.name, record, task.was)

    async def _check_marks(self, task: Task, model: Model) -> None:
        """Where marks that were sent can't be seen, nothing may be made in this run. Raises MarksNotKept."""
        wanted = replace(model, tags=task.patch.tags or ()).marker(self.namespace)
        if wanted is not None and (lost := await self.creations.lost_marks(model.id, wanted)):
            raise MarksNotKept(lost)

    async def refresh(self, task: Task) -> None:
        """Bring the lock up to date without touching the account."""
        if task.drop and task.entry is not None:
            self.ledger.drop(task.name, task.entry.id, task.was, gone=task.change.reason == GONE)
        elif task.entry is not None:
            self.ledger.retire(task.name, task.entry)
        elif task.record is not None:
            external = task.voice is not None and task.voice.external
            if task.change.adopted and task.model is not None and not external:
                await self._confirmed(task.model)
            self.ledger.put(task.name, task.record, task.was)

    async def retire(self, task: Task) -> None:
        """Say on the model that it is retired, then record it so."""
        assert task.model is not None
        assert task.entry is not None
        await self._update(task.model.id, task.patch, None)
        if task.drop:
            self.ledger.leave(task.name, task.entry, task.was)
        else:
            self.ledger.retire(task.name, task.entry)

    async def forget(self, task: Task) -> None:
        """Take the marks off, then drop the record."""
        kept = []
        for model, patch in (*task.also, *([(task.model, task.patch)] if task.model else [])):
            await self._update(model.id, patch, None)
            if patch.tags == () and (present := await self.provider.get(model.id)) is not None and present.marks:
                kept.append(model.id)
        if kept:
            words = f"the provider does not clear the tags of {', '.join(kept)}: take our marks off in the web app"
            self.listener(Event("warning", task.name, detail=words))
            self.ledger.uncleared.add(task.name)
        if not task.drop and task.entry is not None:
            self.ledger.drop(task.name, task.entry.id, task.was)
        elif task.drop and task.generations:
            self.ledger.forget(task.name, task.was)
        elif task.drop:
            self.ledger.leave(task.name, None, task.was)

    async def condemn(self, task: Task) -> None:
        """First half of prune: the model is ours to delete, and recorded as `deleting`."""
        assert task.model is not None
        assert task.entry is not None
        model_id = task.model.id
        if not task.drop and self.ledger.holds(model_id):
            raise NotTried(f"{model_id} still serves {task.name}")
        await self._check_deletable(task.model, task.change.reason)
        entry = replace(task.entry, deleting=True)
        if task.drop:
            self.ledger.leave(task.name, entry, task.was)
        else:
            self.ledger.drop(task.name, model_id, task.was)
            self.ledger.retire(task.name, entry)

    async def delete(self, task: Task) -> None:
        """Second half of prune, once that record is on disk."""
        assert task.model is not None
        assert task.entry is not None
        await self.provider.delete(task.model.id)
        self.ledger.drop(task.name, task.model.id, task.was)
        if task.change.reason == WITHDRAWN:
            self.ledger.remember_withdrawn(task.name, task.entry)

    async def _create(self, task: Task) -> Model:
        assert task.voice is not None
        assert task.metadata is not None
        voice, sent = task.voice, 0
        total = sum(sample.size for sample in voice.samples) + (voice.cover.size if voice.cover else 0)
        wanted = Marker.of(self.namespace, voice.name, voice.inputs)

        def progress(size: int) -> None:
            nonlocal sent
            sent += size
            self.listener(Event("uploading", voice.name, sent=sent, total=total))

        new = new_model(self.root, voice, task.metadata, wanted)
        return await self.creations.create(new, wanted, progress)

    def _record_made(self, task: Task, model: Model) -> None:
        """Record an id the moment it is known."""
        self.ledger.set_account(model.author)
        before = task.was
        present = self.ledger.voices.get(task.name) or (self.ledger.voices.get(before) if before else None)
        assert task.record is not None
        if task.retires is not None and present is not None:
            inputs = task.record.inputs
            assert inputs is not None
            # A rolled-back lockfile may know the successor as the current one already.
            pending = Pending(model.id, task.record.generation, inputs) if present.id != model.id else None
            self.ledger.put(task.name, replace(present.without_retired(model.id), pending=pending), before)
        elif task.retires is None:
            self.ledger.put(task.name, self.current_record(task, model), task.was)

    def current_record(self, task: Task, model: Model) -> Record:
        """What the lockfile says of a model that was just made current, before it is widened."""
        assert task.record is not None
        record = replace(task.record, id=model.id, state=model.state)
        applied = task.record.applied
        present, wanted = _visibilities(task)
        if applied.visibility is not None and widens(present, wanted):
            applied = replace(applied, visibility=present)
        if task.model is None and applied.cover_image is not None:
            applied = replace(applied, remote_cover=model.cover_image)
        return replace(record, applied=applied)

    async def _trained(self, name: str, model: Model) -> Model:
        """Wait until a model is trained. Raises TaskFailed if its training fails or takes too long."""
        looks = Backoff(FIRST_LOOK, LONGEST_LOOK, self.wait)
        present: Model | None = model
        while present is not None and present.state not in ("trained", "failed"):
            pause = looks.pause()
            if pause is None:
                raise TaskFailed(
                    f"{model.id} is still training after {self.wait:g} s", "run `voicectl apply` again later"
                )
            self.listener(Event("waiting", name, detail="training"))
            await self._idle(pause)
            present = await self.provider.get(model.id)
        if present is None:
            raise TaskFailed(f"{model.id} disappeared while it was training", "run `voicectl apply` again")
        if present.state == "failed":
            self._record_state(name, present)
            raise TaskFailed(f"the training of {model.id} failed", RETRY_FAILED)
        return present

    async def _idle(self, seconds: float) -> None:
        self.places.release()
        try:
            await asyncio.sleep(seconds)
        finally:
            await self.places.acquire()

    def _record_state(self, name: str, model: Model) -> None:
        record = self.ledger.voices.get(name)
        if record is not None and record.id == model.id:
            self.ledger.put(name, replace(record, state=model.state))

    async def send(self, model_id: str, patch: Patch, voice: Voice) -> None:
        """Set values of a model, as a change does. Raises TaskFailed where it is gone."""
        async with self.places:
            await self._update(model_id, patch, voice)

    async def _update(self, model_id: str, patch: Patch, voice: Voice | None) -> None:
        if patch.empty:
            return
        cover = cover_upload(self.root, voice) if patch.cover and voice else None
        if not await self.provider.update(model_id, patch, cover):
            raise TaskFailed(f"{model_id} is gone from the account", "run `voicectl plan` to see what follows")

    async def _confirmed(self, model: Model) -> Model:
        """A model from a listing, by GET: listings may be stale."""
        present = await self.provider.get(model.id)
        if present is None or marker.owners(present.tags) - {self.namespace}:
            raise TaskFailed(f"{model.id} is gone, or is another catalog's now", "run `voicectl plan` again")
        return present

    async def _check_deletable(self, planned: Model, reason: str) -> None:
        """A last look before a DELETE: the account itself must show what the plan saw. Raises TaskFailed."""
        present = await self.provider.get(planned.id)
        if present is None:
            return
        before, now = planned.marker(self.namespace), present.marker(self.namespace)
        foreign = marker.owners(present.tags) != {self.namespace}
        if foreign or now is None or before is None or now.key != before.key:
            message = f"{planned.id} does not carry our marks any more, so it is not ours to delete"
            raise TaskFailed(message, "look at it by hand")
        by_time = before.retired and reason in (RETENTION_OVER, UNFINISHED)
        if by_time and (not now.retired or present.updated_at != planned.updated_at):
            raise TaskFailed(f"{planned.id} was changed since the plan was made", "run `voicectl plan` again")


def _visibilities(task: Task) -> tuple[Visibility, Visibility | None]:
    """How visible the model is that a task makes current, and how visible it is to be (None: as it is)."""
    if task.model is not None:
        return task.model.visibility, task.patch.visibility
    return "private", task.metadata.visibility if task.metadata else None


def narrow(patch: Patch, model: Model) -> Patch:
    """A patch without the part that shows the model to more people."""
    return replace(patch, visibility=None) if widens(model.visibility, patch.visibility) else patch
