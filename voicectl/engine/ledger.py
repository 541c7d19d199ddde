"""The state while a run changes it: kept in memory, saved in groups, never behind by a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Set
from dataclasses import replace

from voicectl.errors import StateError, TryAgain
from voicectl.model.lock import Changed, Deleted, Lock, Record, Removed, Retired, merged
from voicectl.state.port import StateStore, Version

GROUP_SECONDS = 0.5
"""How long a change waits for others before it is saved; well under the promised second."""


class Ledger:
    """Every change of the state goes through here. Use as an async context manager.

    `durable()` returns once everything so far is on disk; many callers share one save. After a failed
    save it raises that failure to everybody, and `failure` holds it.
    """

    def __init__(self, store: StateStore, lock: Lock, version: Version, stamp: Changed | None = None) -> None:
        self._store = store
        self._stamp = stamp
        """Who changes the state, and when; None leaves it out."""
        self._base = lock
        self._version = version
        self.voices: dict[str, Record] = dict(lock.voices)
        self.removed: dict[str, tuple[Retired, ...]] = {n: r.retired for n, r in lock.removed.items()}
        self.withdrawn: tuple[Deleted, ...] = lock.deleted
        self.uncleared = {name for name, removed in lock.removed.items() if not removed.retired}
        """Names that were forgotten, and whose models still carry our marks, since the provider does not clear them."""
        # After a failed save there is no other: the version there may not be the one that this run knows.
        self.failure: StateError | TryAgain | None = None
        self.deleted: set[str] = set()
        self._retired: dict[str, str] = {}
        """Ids that this run retired, and under which name."""
        self._over = False
        """No save comes any more: one failed, or broke."""
        self._changes = 0
        self._saved_changes = 0
        self._saved_ids = lock.ids()
        self._wake = asyncio.Event()
        self._saved = asyncio.Condition()
        self._timer: asyncio.TimerHandle | None = None
        self._saver: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Ledger:
        self._saver = asyncio.create_task(self._save_in_groups())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.failure is None and self._saved_changes < self._changes:
            with contextlib.suppress(StateError, TryAgain):  # `failure` holds it
                await self.durable()
        if self._timer is not None:
            self._timer.cancel()
        if self._saver is not None:
            self._saver.cancel()
            await asyncio.gather(self._saver, return_exceptions=True)

    @property
    def lock(self) -> Lock:
        """The state as it stands now; every id in one place, whatever step a voice is at."""
        serving = {record.id for record in self.voices.values() if record.origin != "external"}
        return replace(
            self._base,
            voices={name: self._alone(name, record, serving) for name, record in self.voices.items()},
            removed={n: Removed(left) for n, gone in self.removed.items() if (left := _without(gone, serving))}
            | {n: Removed(()) for n in self.uncleared if n not in self.voices and not self.removed.get(n)},
            deleted=self.withdrawn,
        )

    def _alone(self, name: str, record: Record, serving: Set[str]) -> Record:
        """The record without what is recorded elsewhere, or twice: a save may come between two changes."""
        gone = tuple(r for r in _without(record.retired, serving) if self._retired.get(r.id, name) == name)
        return record if len(gone) == len(record.retired) else replace(record, retired=gone)

    def set_account(self, account: str) -> None:
        """Record whose models these are, once it is known."""
        # Once known, it never changes: another account is refused, not followed.
        if account and self._base.provider.account is None:
            self._base = replace(self._base, provider=replace(self._base.provider, account=account))

    def put(self, name: str, record: Record, previous_name: str | None = None) -> None:
        """Record a voice, and drop what was recorded under its previous name or as removed.

        `record` names the retired generations that stay; those that this run has retired stay as well.
        """
        before = self.voices.get(name) or (self.voices.get(previous_name) if previous_name else None)
        # Records are equal whoever changed them: then nobody did, and Git shows no difference.
        changed = before.changed if before == record and before is not None else self._stamp
        record = replace(record, changed=changed or record.changed)
        names = {name} if previous_name is None else {name, previous_name}
        for old in names:
            earlier = self.voices.pop(old, None)
            known = (*(earlier.retired if earlier else ()), *self.removed.pop(old, ()))
            record = record.with_retired(*(r for r in known if self._retired.get(r.id) in names))
        # The record was made with the plan, before this run deleted some of what it names.
        kept = tuple(r for r in record.retired if r.id not in self.deleted)
        self.voices[name] = replace(record, retired=kept)
        self._changed()

    def rename(self, names: Mapping[str, str]) -> None:
        """Give records and what is left of removed voices their new names, all at once."""
        # All are taken out before any is put in: in a ring, each new name is another's old one.
        voices = {new: self.voices.pop(old) for old, new in names.items() if old in self.voices}
        removed = {new: self.removed.pop(old) for old, new in names.items() if old in self.removed}
        self.voices |= voices
        self.removed |= removed
        self._changed()

    def remember_withdrawn(self, name: str, gone: Retired) -> None:
        """Keep what was deleted because a consent was withdrawn: its samples stay refused."""
        stamp = self._stamp or Changed(gone.retired_at)
        deleted = Deleted(
            name, gone.id, gone.inputs, "consent withdrawn", stamp.at, stamp.run, stamp.commit, gone.samples
        )
        self.withdrawn = (*self.withdrawn, deleted)
        self._changed()

    def retire(self, name: str, entry: Retired) -> None:
        """Record a retired generation of a name, whether it is still a voice or not."""
        self._retired[entry.id] = name
        if name in self.voices:
            record = self.voices[name].with_retired(entry)
            # A pending model that is retired waits for nothing any more; another one still does.
            waiting = record.pending is not None and record.pending.id != entry.id
            self.voices[name] = record if waiting else replace(record, pending=None)
        else:
            self.removed[name] = merged((entry,), self.removed.get(name, ()))
        self._changed()

    def leave(self, name: str, entry: Retired | None, previous_name: str | None = None) -> None:
        """A voice left the manifests: its record goes, its generations stay as removed."""
        gone: tuple[Retired, ...] = (entry,) if entry is not None else ()
        for old in (name, previous_name):
            if old is not None:
                record = self.voices.pop(old, None)
                gone = merged(gone, merged(record.retired if record else (), self.removed.pop(old, ())))
        self.removed[name] = gone
        self._changed()

    def forget(self, name: str, previous_name: str | None = None) -> None:
        """Drop everything that is known of a name."""
        for old in (name, previous_name):
            if old is not None:
                self.voices.pop(old, None)
                self.removed.pop(old, None)
        self._changed()

    def drop(self, name: str, model_id: str, previous_name: str | None = None, *, gone: bool = True) -> None:
        """A retired generation is gone from the account, or is not this name's."""
        # What is another name's is still in the account.
        if gone:
            self.deleted.add(model_id)
        for old in (name, previous_name):
            if old in self.voices:
                self.voices[old] = self.voices[old].without_retired(model_id)
            if old in self.removed:
                self.removed[old] = tuple(r for r in self.removed[old] if r.id != model_id)
        self._changed()

    def ids(self, name: str, *more: str | None) -> set[str]:
        """The ids that are recorded under a name, and `more`."""
        record = self.voices.get(name)
        retired = (*(record.retired if record else ()), *self.removed.get(name, ()))
        return {r.id for r in retired} | ({record.id} if record else set()) | {each for each in more if each}

    def holds(self, model_id: str) -> bool:
        """Whether a model is the current one of any voice."""
        return any(record.id == model_id for record in self.voices.values() if record.origin != "external")

    def unsaved(self) -> list[str]:
        """Ids that the run recorded and the disk may not hold."""
        if self._saved_changes == self._changes:
            return []
        return sorted(self.lock.ids() - self._saved_ids)

    def _changed(self) -> None:
        self._changes += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GROUP_SECONDS, self._wake.set)

    async def durable(self) -> None:
        """Return once all changes so far are on disk. Raises what saving raised."""
        wanted = self._changes
        self._wake.set()
        async with self._saved:
            await self._saved.wait_for(lambda: self._over or self._saved_changes >= wanted)
        if self.failure is not None:
            raise self.failure
        # The saver broke in a way that is no StateError: its own exception says how.
        if self._saved_changes < wanted and self._saver is not None:
            await self._saver

    async def prove(self, more: int) -> None:
        """Show that the state can be saved, with `more` bytes than it has now. Raises StateNotSaved.

        Where the file is not as voicectl writes it, it is saved so.
        """
        await asyncio.to_thread(self._store.prove, more)
        # As if something had changed: nothing else would rewrite a file whose content is the same.
        self._changes += 1
        await self.durable()

    async def _save_in_groups(self) -> None:
        try:
            await self._save_until_failure()
        finally:
            # Nobody may wait for ever for a save that broke in a way that is no StateError.
            self._over = True
            async with self._saved:
                self._saved.notify_all()

    async def _save_until_failure(self) -> None:
        while self.failure is None:
            await self._wake.wait()
            self._wake.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            # Both now: what changes while the thread writes belongs to the next save.
            changes, lock = self._changes, self.lock
            try:
                # In a thread: a slow disk must not hold up requests in flight.
                self._version = await asyncio.to_thread(self._store.save, lock, self._version)
                self._saved_changes, self._saved_ids = changes, lock.ids()
            except (StateError, TryAgain) as error:
                self.failure = error
            async with self._saved:
                self._saved.notify_all()


def _without(retired: tuple[Retired, ...], ids: Set[str]) -> tuple[Retired, ...]:
    return tuple(gone for gone in retired if gone.id not in ids)
