"""The emulator's SQLite file: its tables, and how it is opened beside other processes."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from voicectl.emulator.entity import language_of

_APPLICATION_ID = 0x766F6963
_VERSION = 1
_BUSY_MS = 10_000
_SCHEMA = """
CREATE TABLE names (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workspace TEXT NOT NULL,
    owner INTEGER NOT NULL, visibility TEXT NOT NULL, created_at INTEGER NOT NULL,
    folded_title TEXT NOT NULL, languages TEXT NOT NULL, task_count INTEGER NOT NULL,
    score INTEGER NOT NULL, state TEXT NOT NULL, ready_at INTEGER NOT NULL, document TEXT NOT NULL);
CREATE INDEX models_newest ON models (created_at);
CREATE INDEX models_of_owner ON models (owner, created_at DESC, number DESC);
CREATE INDEX models_by_visibility ON models (visibility, created_at DESC, number DESC);
CREATE INDEX models_by_score ON models (owner, score DESC, id);
CREATE TABLE model_tags (
    owner INTEGER NOT NULL, tag INTEGER NOT NULL, created_at INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (owner, tag, created_at DESC, number DESC)) WITHOUT ROWID;
CREATE INDEX tags_of_model ON model_tags (number, tag);
"""
# Later tables are added where they are missing, so that files of older versions still work.
_ADDED = """
CREATE TABLE IF NOT EXISTS past (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, model TEXT NOT NULL, before TEXT);
CREATE INDEX IF NOT EXISTS past_by_time ON past (at);
CREATE TABLE IF NOT EXISTS saves (owner INTEGER NOT NULL, model TEXT NOT NULL, PRIMARY KEY (owner, model)) WITHOUT ROWID
"""


def open_database(path: Path | None) -> sqlite3.Connection:
    """The database in this file (None: in memory), with all its tables.

    Raises ValueError for another program's file, and SQLite's own errors.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(
        ":memory:" if path is None else path,
        timeout=_BUSY_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection) -> None:
    _write_ahead(db)
    db.execute("PRAGMA synchronous = OFF")
    db.create_function("language_of", 1, language_of, deterministic=True)
    db.execute("BEGIN IMMEDIATE")
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and (application != _APPLICATION_ID or version != _VERSION):
        db.execute("ROLLBACK")
        raise ValueError("it is another program's, or another version's")
    if not tables:
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_VERSION}")
    for statement in _ADDED.split(";"):
        db.execute(statement)
    db.execute("COMMIT")


def _write_ahead(db: sqlite3.Connection) -> None:
    # The switch to WAL needs exclusive access and, unlike transactions, does not wait for it.
    deadline = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
