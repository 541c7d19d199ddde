"""Standard error for machines: one JSON object a line, and nothing else (README: "Logs for machines")."""

from __future__ import annotations

import io
import json
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from voicectl.cli.context import Context
from voicectl.engine.events import Event, Listener
from voicectl.errors import Problem, VoicectlError
from voicectl.model.catalog import Catalog
from voicectl.plan.plan import Notice, Plan
from voicectl.plan.result import ApplyResult
from voicectl.redaction import redacted
from voicectl.report.escape import json_text
from voicectl.version import VERSION

_encode = json.JSONEncoder(ensure_ascii=False).encode


class JsonLog:
    """Implements Log. Until `end`, `sys.stderr` turns whatever anybody writes into such lines."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._start = time.perf_counter()
        self._clock = datetime.now(UTC)
        self._subject: dict[str, Any] = {"catalog": None, "environment": None}
        self._begun = False
        self._changes = self._ended = 0
        self._failed: set[tuple[str, str]] = set()
        self._stream = sys.stderr
        self._others = _Lines(self)
        sys.stderr = self._others

    def about(self, catalog: str, environment: str | None) -> None:
        """The first line waits for this, or for whatever comes before it."""
        self._subject = {"catalog": catalog, "environment": environment}
        self._begin()

    def note(self, text: str, *, ours: bool = False) -> None:
        self._tell("note", detail=text)

    def warning(self, text: str) -> None:
        self._tell("warning", detail=text)

    def question(self, text: str) -> None:
        self._tell("question", detail=text)

    def problems(self, found: Iterable[Problem]) -> None:
        from voicectl.report import failure

        for problem in found:
            if problem.level == "error" or not self._context.quiet:
                values = next(iter(failure.problems([problem])))
                self._tell("problem", detail=values.pop("message"), **values)

    def annotated(self, found: Iterable[Problem]) -> None:
        """Nothing: this reader has no use for annotations."""

    def plan(self, plan: Plan, catalog: Catalog) -> None:
        for notice in plan.refusals:
            self._notice("refused", notice)
        for notice in plan.warnings:
            self._notice("warning", notice)
        for change in plan.changes:
            for words in change.warnings:
                self._tell("warning", voice=change.name, action=change.action, detail=words)

    def _notice(self, event: str, notice: Notice) -> None:
        self._tell(event, detail=notice.message, code=notice.code, hint=notice.hint, voices=list(notice.voices))

    def applied(self, applied: ApplyResult, catalog: Catalog) -> None:
        """What no event of the run has reported."""
        for result in applied.results:
            name, action = result.change.name, str(result.change.action)
            if result.status == "failed" and (name, action) not in self._failed:
                self._tell("failed", voice=name, action=action, detail=result.message)
        for left in applied.leftovers:
            self._tell("leftover", voice=left.name, detail=left.message)
        for model_id in applied.unsaved:
            self._tell("unsaved", detail=model_id)

    def failure(self, error: VoicectlError) -> None:
        """The error as in JSON documents. With -vv an internal error has its traceback."""
        from voicectl.report import failure

        more: dict[str, Any] = {}
        if self._context.verbose > 1 and error.__cause__ is not None:
            more["traceback"] = "".join(traceback.format_exception(error.__cause__))
        self._tell("error", **failure.error_values(error), **more)

    @contextmanager
    def progress(self) -> Iterator[Listener]:
        yield self._hear

    def reading(self) -> Listener:

        def listener(event: Event) -> None:
            if event.kind in ("retrying", "limit", "request"):
                self._hear(event)

        return listener

    def end(self, exit_code: int) -> None:
        """The last line. It gives `sys.stderr` back."""
        self._others.close()
        self._tell("end", exit_code=exit_code, seconds=_rounded(time.perf_counter() - self._start))
        sys.stderr = self._stream

    def _hear(self, event: Event) -> None:
        if event.request is not None and not (event.request.troubled or self._context.verbose):
            return
        values: dict[str, Any] = {"voice": event.name, "action": event.action, "detail": event.detail}
        values = {key: value for key, value in values.items() if value}
        match event.kind:
            case "uploading" | "waiting":
                return
            case "limit":
                if not (event.detail and self._context.verbose):
                    return
                values["limit"] = event.limit
            case "request":
                request = event.request
                assert request is not None
                values |= {"method": request.method, "path": request.path, "status": request.status}
                values |= {"seconds": _rounded(request.seconds), "request_id": request.request_id or None}
            case "planned":
                self._changes = event.total
                values |= {"total": event.total, "bytes": event.sent}
            case "done" | "failed":
                self._ended += 1
                values |= {"seconds": _rounded(event.seconds), "done": self._ended, "total": self._changes}
                if event.kind == "failed":
                    self._failed.add((event.name, event.action))
        self._tell(event.kind, **values)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._write("run", 0.0, {"command": self._context.command, "version": VERSION, **self._subject})

    def _tell(self, event: str, **values: Any) -> None:
        self._begin()
        self._write(event, time.perf_counter() - self._start, values)

    def _write(self, event: str, seconds: float, values: dict[str, Any]) -> None:
        """One line, so many seconds after the beginning. Setting the clock back meanwhile changes nothing."""
        moment = (self._clock + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        line = {"time": moment.replace("+00:00", "Z"), "run": self._context.run, "event": event, **values}
        # If this fails the run goes on: it has more to lose than a line.
        with suppress(OSError, ValueError):
            self._stream.write(redacted(json_text(_encode(line))) + "\n")
            self._stream.flush()


class _Lines(io.TextIOBase):
    """Takes what others write to standard error, such as tracebacks and warnings of Python."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, log: JsonLog) -> None:
        self._log = log
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(None, lines):
            self._log.note(line)
        return len(text)

    def close(self) -> None:
        if self._rest:
            self.write("\n")


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
