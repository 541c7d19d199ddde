"""The emulator's models in SQLite, in a file or in memory.

It keeps each model as the JSON text of an answer, so a page is a concatenation of texts; queried fields have columns of
their own. Several processes may share a file. What a request has stored survives the death of the process, but not of
the machine: for speed it does not fsync.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicectl.emulator.database import open_database
from voicectl.emulator.entity import Draft, iso_time, micros_of, new_entity, rendered
from voicectl.emulator.query import Query, Statement, statements
from voicectl.emulator.responses import dumps
from voicectl.errors import UsageError

_PAST_SECONDS = 3600
"""How long the store remembers earlier values, and the longest possible lag."""
_COLUMNS = (
    "number, id, workspace, owner, visibility, created_at, folded_title, languages, task_count, score, "
    "state, ready_at, document"
)


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A stored model. `state` is as of now; `text` is the JSON that the API sends."""

    id: str
    workspace: str
    visibility: str
    state: str
    text: str

    def fields(self) -> dict[str, Any]:
        """The model as the API shows it."""
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True)
class PageOfModels:
    """The number of all matches, and one page of them as JSON texts."""

    total: int
    texts: list[str]


class UnusableDatabase(UsageError):
    """A file is not the emulator's database, or not any more."""


class Store:
    """Models of all workspaces. Safe to use from several threads and processes.

    Raises UnusableDatabase if the file can't be used; its hint is `remedy`. Close it when done.
    """

    def __init__(
        self,
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
        remedy: str = "name a file that the emulator made, or a new one",
    ) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._path, self._remedy = path, remedy
        try:
            self._db = open_database(path)
        except (OSError, ValueError, sqlite3.Error) as error:
            raise self.unusable(error) from None
        self._counted: tuple[object, dict[Statement, int]] = (None, {})

    def unusable(self, error: Exception) -> UnusableDatabase:
        """The error for this file, with a remedy."""
        return UnusableDatabase(f"{self._path}: can't be used as the emulator's database: {error}", self._remedy)

    def close(self) -> None:
        """Closes the file. Closing twice does no harm."""
        with self._lock:
            self._db.close()

    def create(self, draft: Draft) -> StoredModel:
        """Makes one model; its `created_at` is later than that of every other."""
        return self._get(self.create_many([draft])[0])

    def create_many(self, drafts: Iterable[Draft]) -> list[str]:
        """Makes models in one transaction, in order. Returns their ids."""
        ids = []
        with self._transaction() as db:
            newest = db.execute("SELECT max(created_at) FROM models").fetchone()[0] or 0
            for draft in drafts:
                newest = max(int(self._clock() * 1e6), newest + 1)
                entity = new_entity(draft, newest)
                ready_at = int((self._clock() + draft.ready_in) * 1e6) if draft.ready_in else 0
                self._insert(entity, draft.state, ready_at)
                self._remember(str(entity["_id"]), None)
                ids.append(str(entity["_id"]))
        return ids

    def get(self, model_id: str, lag: float = 0.0) -> StoredModel | None:
        """The model with this id, of whatever workspace, as it was `lag` seconds ago; None if there is none."""
        with self._lock, self._ago(lag):
            row = self._db.execute(
                "SELECT id, workspace, visibility, state, ready_at, document FROM models WHERE id = ?",
                (model_id,),
            ).fetchone()
        if row is None:
            return None
        state = self._state(row[3], row[4])
        return StoredModel(row[0], row[1], row[2], state, rendered(row[5], state))

    def page(self, query: Query, lag: float = 0.0) -> PageOfModels:
        """The number and one page of the models that matched `lag` seconds ago."""
        count, page = statements(query)
        with self._lock, self._ago(lag):
            total = self._count(count)
            rows = self._db.execute(page.sql, page.values).fetchall()
        return PageOfModels(total, [rendered(document, self._state(state, at)) for document, state, at in rows])

    def update(self, model_id: str, changes: Mapping[str, Any], touch: bool = True) -> bool:
        """Sets fields of a model, by the API's names, without any check. False if there is no such model.

        With `touch` it also updates `updated_at`. Setting `state` ends a training.
        """
        with self._transaction() as db:
            row = db.execute(
                "SELECT document, state, ready_at, number FROM models WHERE id = ?", (model_id,)
            ).fetchone()
            if row is None:
                return False
            self._remember(model_id, row)
            entity, state, ready_at = json.loads(row[0]), row[1], row[2]
            if touch:
                now = max(int(self._clock() * 1e6), micros_of(entity["updated_at"]) + 1)
                entity["updated_at"] = iso_time(now)
            rest = dict(changes)
            if "state" in rest:
                state, ready_at = rest.pop("state"), 0
            entity.update(rest, _id=model_id)
            self._remove(model_id)
            self._insert(entity, state, ready_at, row[3])
        return True

    def used(self, model_id: str) -> None:
        """Counts one more task of a model; nothing happens if it is gone."""
        with self._transaction() as db:
            row = db.execute("SELECT task_count FROM models WHERE id = ?", (model_id,)).fetchone()
            if row is not None:
                self.update(model_id, {"task_count": row[0] + 1}, touch=False)

    def delete(self, model_id: str) -> bool:
        """Deletes a model; False if there is none."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT document, state, ready_at, number FROM models WHERE id = ?", (model_id,)
            ).fetchone()
            if row is not None:
                self._remember(model_id, row)
            return self._remove(model_id)

    def save(self, model_id: str, workspace: str) -> bool:
        """Saves another's model for a workspace, as the web app does; False if there is no such model."""
        with self._transaction() as db:
            if db.execute("SELECT 1 FROM models WHERE id = ?", (model_id,)).fetchone() is None:
                return False
            db.execute("INSERT OR IGNORE INTO saves VALUES (?, ?)", (self._number(workspace), model_id))
        return True

    def models(self) -> list[dict[str, Any]]:
        """All models of all workspaces as the API shows them, oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT document, state, ready_at FROM models ORDER BY created_at, id").fetchall()
        return [json.loads(rendered(document, self._state(state, at))) for document, state, at in rows]

    def _get(self, model_id: str) -> StoredModel:
        found = self.get(model_id)
        assert found is not None
        return found

    def _remember(self, model_id: str, before: Sequence[object] | None) -> None:
        """Notes the values before a change: (document, state, ready_at, number), or None for a new model."""
        now = int(self._clock() * 1e6)
        self._db.execute("DELETE FROM past WHERE at < ?", (now - _PAST_SECONDS * 1_000_000,))
        text = None if before is None else dumps(before)
        self._db.execute("INSERT INTO past (at, model, before) VALUES (?, ?, ?)", (now, model_id, text))

    @contextmanager
    def _ago(self, seconds: float) -> Iterator[None]:
        """Shows the models of so many seconds ago: it undoes newer changes in a transaction, and then rolls that
        back."""
        if not seconds:
            yield
            return
        first = "SELECT min(number) FROM past WHERE at > ? GROUP BY model"
        self._db.execute("BEGIN IMMEDIATE")
        try:
            since = int((self._clock() - seconds) * 1e6)
            changed = self._db.execute(f"SELECT model, before FROM past WHERE number IN ({first})", (since,)).fetchall()
            for model_id, before in changed:
                self._remove(model_id)
                if before is not None:
                    document, state, ready_at, number = json.loads(before)
                    self._insert(json.loads(document), state, ready_at, number)
            yield
        finally:
            self._db.execute("ROLLBACK")
            self._counted = (None, {})

    def _state(self, final: str, ready_at: int) -> str:
        return "training" if ready_at and self._clock() * 1e6 < ready_at else final

    def _count(self, count: Statement) -> int:
        # A walk over pages asks for the same count again and again. Any write by any process makes it stale.
        version = (self._db.execute("PRAGMA data_version").fetchone()[0], self._db.total_changes)
        if self._counted[0] != version:
            self._counted = (version, {})
        known = self._counted[1]
        if count not in known:
            known[count] = self._db.execute(count.sql, count.values).fetchone()[0]
        return known[count]

    def _number(self, name: str) -> int:
        row = self._db.execute("SELECT number FROM names WHERE name = ?", (name,)).fetchone()
        if row is None:
            return int(self._db.execute("INSERT INTO names (name) VALUES (?)", (name,)).lastrowid or 0)
        return int(row[0])

    def _insert(self, entity: dict[str, Any], state: str, ready_at: int, number: int | None = None) -> None:
        created, workspace = micros_of(entity["created_at"]), entity["author"]["_id"]
        owner = self._number(workspace)
        row = (
            number,
            entity["_id"],
            workspace,
            owner,
            entity["visibility"],
            created,
            entity["title"].casefold(),
            "|" + "".join(f"{language}|" for language in entity["languages"]),
            entity["task_count"],
            entity["task_count"] + 2 * entity["like_count"],
            state,
            ready_at,
            dumps(entity),
        )
        marks = ",".join("?" * len(row))
        number = self._db.execute(f"INSERT INTO models ({_COLUMNS}) VALUES ({marks})", row).lastrowid
        tags = [(owner, self._number(tag), created, number) for tag in dict.fromkeys(entity["tags"])]
        self._db.executemany("INSERT INTO model_tags VALUES (?, ?, ?, ?)", tags)

    def _remove(self, model_id: str) -> bool:
        row = self._db.execute("SELECT number, owner, created_at FROM models WHERE id = ?", (model_id,)).fetchone()
        if row is None:
            return False
        number, owner, created = row
        tags = self._db.execute("SELECT tag FROM model_tags WHERE number = ?", (number,)).fetchall()
        self._db.executemany(
            "DELETE FROM model_tags WHERE owner = ? AND tag = ? AND created_at = ? AND number = ?",
            [(owner, tag, created, number) for (tag,) in tags],
        )
        self._db.execute("DELETE FROM models WHERE number = ?", (number,))
        return True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; a transaction inside another is part of it."""
        with self._lock:
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
