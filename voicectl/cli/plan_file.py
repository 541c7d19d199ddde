"""Saved plans as files. They are untrusted: `plan/saved.py` decides what one may lead to."""

from __future__ import annotations

from pathlib import Path

from voicectl.errors import UsageError
from voicectl.files import Scratch, replace_file
from voicectl.plan.plan import Plan
from voicectl.plan.saved import MAX_BYTES, PlanInvalid, decode
from voicectl.redaction import redacted
from voicectl.report import plan_json


def read(path: Path) -> Plan:
    """The plan in a file. Raises PlanInvalid, also where it can't be read."""
    name = str(path)
    try:
        if not path.is_file():
            raise PlanInvalid(f"{name} is {'no regular file' if path.exists() else 'not there'}", "name a saved plan")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PlanInvalid(f"{name} can't be read ({error.strerror or error})", "check its permissions") from error
    if len(data) > MAX_BYTES:
        raise PlanInvalid(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MiB", "name a saved plan")
    return decode(data, name)


def _is_plan(path: Path) -> bool:
    try:
        return path.stat().st_size == 0 or bool(read(path))
    except (PlanInvalid, OSError):
        return False


def write(path: Path, plan: Plan, scratch: Scratch) -> None:
    """Save a plan, whole or not at all; `scratch` is the project's. Raises UsageError where that can't be."""
    if path.is_dir():
        raise UsageError(f"--out {path} is a directory", "name a file, such as plan.json")
    if path.exists() and not _is_plan(path):
        raise UsageError(f"--out {path} exists and is no saved plan", "name another file, such as plan.json")
    try:
        replace_file(path, redacted(plan_json.plan(plan)).encode(), scratch=scratch)
    except OSError as error:
        raise UsageError(
            f"--out {path} can't be written: {error.strerror or error}", "name a file that can be"
        ) from error
