"""How each step of an action is carried out: requests, and what the ledger records of them. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from voicectl.engine.create import Brought, Creations, MarksNotKept, cover_upload, made_tags, new_model
from voicectl.engine.events import Event, Listener
from voicectl.engine.ledger import Ledger
from voicectl.engine.training import IN_TRAINING, Training
from voicectl.errors import VoicectlError
from voicectl.model import marker
from voicectl.model.lock import Pending, Record
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Voice
from voicectl.plan.actions import (
    DropRetired,
    Forget,
    ForgetVoice,
    Make,
    Prune,
    RecordRetired,
    Refresh,
    Repair,
    Replace,
    Restore,
    Retire,
    Serve,
    Task,
    Update,
    patches,
    shown_last,
)
from voicectl.plan.case import RETENTION_OVER, UNFINISHED, WITHDRAWN
from voicectl.plan.compare import widens
from voicectl.plan.plan import RETRY_FAILED, Step
from voicectl.provider.port import NotReadable, Provider, Rejected, Throttled


class TaskFailed(VoicectlError):
    """One voice is not as planned."""

    code = "voice_failed"


class NotTried(VoicectlError):
    """A task was left out because something that it depends on did not happen."""

    code = "not_tried"


@dataclass(frozen=True, slots=True)
class Performer:
    """Carries out the steps of tasks, one by one."""

    provider: Provider
    ledger: Ledger
    listener: Listener
    root: Path
    namespace: str
    creations: Creations
    training: Training
    places: asyncio.Semaphore
    """One for each task at work; a task gives its place back while it only waits."""
    brought: Brought = field(default_factory=dict)
    _models: dict[str, Model] = field(default_factory=dict, init=False)
    """The model that a task makes or changes, by the voice's name, as it was last seen."""

    async def do(self, step: Step, task: Task) -> None:
        """Do one step of a task. Raises VoicectlError."""
        match step, task:
            case Step.RENAME, Serve():
                await self._send(task.renames)
            case Step.CREATE, Make():
                await self._create(task)
            case Step.UPDATE, Restore():
                await self._prepare(task)
            case Step.UPDATE, Update():
                await self._update(task)
            case Step.UPDATE, Repair():
                await self._send(((task.model, task.patch),))
                await self._check_marks(task.model, task.patch)
            case Step.AWAIT_TRAINING, Make() | Restore() | Update():
                await self._await_training(task)
            case Step.MAKE_CURRENT, Make() | Restore():
                self.ledger.put(task.name, current_record(task, self._models[task.name]), task.was)
            case Step.SHOW, Make() | Restore():
                await self._show(task)
            case Step.RETIRE_OLD, Replace() | Restore():
                await self._retire_old(task)
            case Step.RECORD, Refresh():
                if task.confirms is not None:
                    await self._confirmed(task.confirms)
                self.ledger.put(task.name, task.record, task.was)
            case Step.RECORD, RecordRetired():
                self.ledger.retire(task.name, task.entry)
            case Step.RECORD, DropRetired():
                self.ledger.drop(task.name, task.entry.id, task.was, gone=task.gone)
            case Step.RETIRE, Retire():
                await self._retire(task)
            case Step.CONDEMN, Prune():
                await self._condemn(task)
            case Step.DELETE, Prune():
                await self._delete(task)
            case Step.FORGET, Forget() | ForgetVoice():
                await self._forget(task)
            case _:
                raise AssertionError(f"{type(task).__name__} has no step {step}")

    async def exchange(self, tasks: Sequence[Task]) -> None:
        """Give the names of a ring to each other: the marks of all its models first, then all records at once."""
        for task in tasks:
            await self._send((model, Patch(tags=patch.tags)) for model, patch in patches(task))
        self.ledger.rename({t.change.previous_name: t.name for t in tasks if t.change.previous_name})

    async def send(self, model_id: str, patch: Patch, voice: Voice) -> None:
        """Set values of a model, as a change does. Raises TaskFailed where it is gone."""
        async with self.places:
            await self._set(model_id, patch, voice)

    # Making a model, or bringing one back: private at first, recorded as pending while it replaces another.

    async def _create(self, task: Make) -> None:
        voice, sent = task.voice, 0
        total = sum(sample.size for sample in voice.samples) + (voice.cover.size if voice.cover else 0)
        wanted = Marker.of(self.namespace, voice.name, voice.inputs)

        def progress(size: int) -> None:
            nonlocal sent
            sent += size
            self.listener(Event("uploading", voice.name, sent=sent, total=total))

        new = new_model(self.root, voice, task.metadata, wanted, self.brought)
        # The id is recorded within the turn: what comes next may depend on its being on disk.
        async with self.creations.turn():
            self._record_made(task, await self.creations.create(new, wanted, progress))

    async def _prepare(self, task: Restore) -> None:
        model = await self._confirmed(task.model)
        # Nobody new gets to see it before it is trained and current.
        patch = replace(task.patch, visibility=None) if widens(model.visibility, task.patch.visibility) else task.patch
        await self._set(model.id, patch, task.voice)
        self._record_made(task, model)

    def _record_made(self, task: Make | Restore, model: Model) -> None:
        """Record an id the moment it is known."""
        self._models[task.name] = model
        self.ledger.set_account(model.author)
        present = self.ledger.voices.get(task.name) or (self.ledger.voices.get(task.was) if task.was else None)
        replaces = isinstance(task, Replace | Restore) and task.retires is not None
        if not replaces:
            self.ledger.put(task.name, current_record(task, model), task.was)
        elif present is not None:
            inputs = task.record.inputs
            pending = Pending(model.id, task.record.generation, inputs) if inputs else None
            # A rolled-back lockfile may know the successor as the current one already.
            pending = None if present.id == model.id else pending
            self.ledger.put(task.name, replace(present.without_retired(model.id), pending=pending), task.was)

    async def _await_training(self, task: Make | Restore | Update) -> None:
        model = self._models[task.name] if isinstance(task, Make | Restore) else task.model
        if model.state not in (*IN_TRAINING, "failed"):
            return
        # Training takes minutes and sends next to nothing: meanwhile the place is another's.
        self.places.release()
        try:
            present = await self.training.over(task.name, model)
        finally:
            await self.places.acquire()
        if present is None:
            raise TaskFailed(f"{model.id} disappeared while it was training", "run `voicectl apply` again")
        if present.state == "failed":
            record = self.ledger.voices.get(task.name)
            if record is not None and record.id == model.id:
                self.ledger.put(task.name, replace(record, state=present.state))
            raise TaskFailed(f"the training of {model.id} failed", RETRY_FAILED)
        self._models[task.name] = present

    async def _show(self, task: Make | Restore) -> None:
        """Show the model to as many as the manifest wants."""
        record, wanted = self.ledger.voices[task.name], shown_last(task)
        mark = Marker.of(self.namespace, task.name, task.voice.inputs)
        tags = made_tags(task.metadata, mark) if isinstance(task, Make) else task.patch.tags
        try:
            await self._set(record.id, Patch(visibility=wanted, tags=tags), None)
        except Rejected as error:
            # These say nothing about the value: it may be taken next time.
            if isinstance(error, Throttled | NotReadable):
                raise
            # The model is there, and the rest of it as planned: what follows treats it as a value that did not stick.
            self.listener(Event("warning", task.name, detail=f"visibility {wanted} was refused: {error.message}"))
        applied = replace(record.applied, visibility=task.record.applied.visibility)
        self.ledger.put(task.name, replace(record, applied=applied))

    async def _retire_old(self, task: Replace | Restore) -> None:
        """The generation that gave way is retired, or forgotten if it was adopted."""
        if task.retires is not None:
            await self._send(((task.retires.model, task.retires.patch),))
            if task.retires.entry is not None:
                self.ledger.retire(task.name, task.retires.entry)

    # Changing what is there.

    async def _update(self, task: Update) -> None:
        model = self._models.get(task.name, task.model)
        if task.change.adopted:
            model = await self._confirmed(model)
        await self._set(model.id, task.patch, task.voice)
        if any(each.field == "marks" for each in task.change.fields):
            await self._check_marks(model, task.patch)
        self.ledger.put(task.name, replace(task.record, state=model.state), task.was)

    async def _check_marks(self, model: Model, patch: Patch) -> None:
        """Where marks that were sent can't be seen, nothing may be made in this run. Raises MarksNotKept."""
        wanted = replace(model, tags=patch.tags or ()).marker(self.namespace)
        if wanted is not None and (lost := await self.creations.lost_marks(model.id, wanted)):
            raise MarksNotKept(lost)

    async def _retire(self, task: Retire) -> None:
        """Say on the model that it is retired, then record it so."""
        await self._set(task.model.id, task.patch, None)
        if task.drop:
            self.ledger.leave(task.name, task.entry, task.was)
        else:
            self.ledger.retire(task.name, task.entry)

    async def _forget(self, task: Forget | ForgetVoice) -> None:
        """Take the marks off, then drop the record."""
        kept = []
        for model, patch in patches(task):
            await self._set(model.id, patch, None)
            # An empty list is the one value that a provider may take for no list at all.
            if patch.tags == () and (present := await self.provider.get(model.id)) is not None and present.marks:
                kept.append(model.id)
        if kept:
            words = f"the provider does not clear the tags of {', '.join(kept)}: take our marks off in the web app"
            self.listener(Event("warning", task.name, detail=words))
            self.ledger.uncleared.add(task.name)
        if isinstance(task, Forget):
            if task.entry is not None:
                self.ledger.drop(task.name, task.entry.id, task.was)
        elif task.generations:
            self.ledger.forget(task.name, task.was)
        else:
            self.ledger.leave(task.name, None, task.was)

    # Deleting: recorded first, and sent once that record is on disk.

    async def _condemn(self, task: Prune) -> None:
        """The model is ours to delete, and recorded as `deleting`."""
        # Its replacement failed on the way, so the model that was to go is all that there is.
        if not task.drop and self.ledger.holds(task.model.id):
            raise NotTried(f"{task.model.id} still serves {task.name}")
        await self._check_deletable(task.model, task.change.reason)
        entry = replace(task.entry, deleting=True)
        if task.drop:
            self.ledger.leave(task.name, entry, task.was)
            return
        # A deletion that an earlier run began comes before a move: then it is recorded under the previous name.
        names = (task.was or task.name, task.name)
        holder = next((name for name in names if task.model.id in self.ledger.ids(name)), task.name)
        self.ledger.drop(task.name, task.model.id, task.was, gone=False)
        self.ledger.retire(holder, entry)

    async def _delete(self, task: Prune) -> None:
        await self.provider.delete(task.model.id)
        self.ledger.drop(task.name, task.model.id, task.was)
        if task.change.reason == WITHDRAWN:
            self.ledger.remember_withdrawn(task.name, task.entry)

    async def _check_deletable(self, planned: Model, reason: str) -> None:
        """A last look before a DELETE: the account itself must show what the plan saw. Raises TaskFailed."""
        present = await self.provider.get(planned.id)
        # Gone already: the DELETE finds nothing, which counts as done.
        if present is None:
            return
        before, now = planned.marker(self.namespace), present.marker(self.namespace)
        foreign = marker.owners(present.tags) != {self.namespace}
        if foreign or now is None or before is None or now.key != before.key:
            message = f"{planned.id} does not carry our marks any more, so it is not ours to delete"
            raise TaskFailed(message, "look at it by hand")
        # What only time deletes must be untouched since: somebody may just be taking it back into use.
        by_time = before.retired and reason in (RETENTION_OVER, UNFINISHED)
        if by_time and (not now.retired or present.updated_at != planned.updated_at):
            raise TaskFailed(f"{planned.id} was changed since the plan was made", "run `voicectl plan` again")

    # Requests.

    async def _send(self, pairs: Iterable[tuple[Model, Patch]]) -> None:
        for model, patch in pairs:
            await self._set(model.id, patch, None)

    async def _set(self, model_id: str, patch: Patch, voice: Voice | None) -> None:
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


def current_record(task: Make | Restore, model: Model) -> Record:
    """What the lockfile says of a model that was just made current, before it is shown to more people."""
    applied = task.record.applied
    if applied.visibility is not None and shown_last(task) is not None:
        applied = replace(applied, visibility="private" if isinstance(task, Make) else task.model.visibility)
    if isinstance(task, Make) and applied.cover_image is not None:
        applied = replace(applied, remote_cover=model.cover_image)
    return replace(task.record, id=model.id, state=model.state, applied=applied)
