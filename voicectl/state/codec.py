"""The lockfile's bytes, read and written."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from voicectl.errors import Place, StateError, cut
from voicectl.model.lock import EARLIEST, FORMAT_VERSION, LATEST, REVISION, Lock, Record
from voicectl.state.carried import NOTHING, Carried, put_back, take_out

MAX_BYTES = 256 * 1024 * 1024
"""The largest lockfile, far above 100,000 voices: a larger file is something else."""
_RESTORE = "restore it from Git (`git checkout -- {0}`); without it, the next apply finds its models by their marks"
_CONFLICT_MARKS = (b"<<<<<<< ", b">>>>>>> ")


@cache
def _adapter(kind: type[Any] = Lock) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def schema() -> dict[str, Any]:
    """The JSON Schema of a lockfile."""
    result: dict[str, Any] = _adapter().json_schema()
    return result


Texts = dict[str, tuple[Record, str, bool]]
"""By name: a record, its text in the lockfile, and whether that needs revision 2."""


def encode(lock: Lock, carried: Carried = NOTHING, texts: Texts | None = None) -> bytes:
    """Sorted, two-space JSON with a newline at the end; equal locks give equal bytes.

    Optional keys without a value are left out, so that older versions can read the file as long as possible. For the
    same reason the revision is the lowest that has all keys in use, or `carried`'s if that is higher. `texts` are those
    of an earlier call, and are brought up to date: a run saves often, and changes few records between two saves.
    """
    before, now = texts or {}, {}
    for name, record in lock.voices.items():
        known = before.get(name)
        # By identity: records are frozen, and comparing them would cost what this saves.
        now[name] = known if known is not None and known[0] is record else _text(record)
    if texts is not None:
        texts.clear()
        texts.update(now)
    data = _adapter().dump_python(replace(lock, voices={}), mode="json")
    newer = _trim(data) or any(newer for _, _, newer in now.values())
    revision = max(carried.revision, 2 if newer else 1)
    if revision == 1:
        del data["revision"]
    else:
        data["revision"] = revision
    # Keys of a newer revision may be anywhere, so here the whole is data once more. That is rare.
    if carried.keys:
        data["voices"] = {name: json.loads(text) for name, (_, text, _) in now.items()}
        put_back(data, carried)
        return (_json(data) + "\n").encode()
    voices = ",".join(f"\n    {_json(name)}: {now[name][1]}" for name in sorted(now))
    whole = f"{{{voices}\n  }}" if voices else "{}"
    return (_json(data).replace('\n  "voices": {}', f'\n  "voices": {whole}', 1) + "\n").encode()


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _text(record: Record) -> tuple[Record, str, bool]:
    data = _adapter(Record).dump_python(record, mode="json")
    # As old as the format itself, so it asks for no higher revision.
    _without_empty(data, "retain")
    newer = _without_empty(data, "previous_names", "changed")
    for sample in data["samples"]:
        newer |= _without_empty(sample, "file", "seconds")
    newer |= _trim_retired(data["retired"])
    return record, _json(data).replace("\n", "\n    "), newer


def _trim(data: dict[str, Any]) -> bool:
    """Remove optional keys without a value from all but the voices, and say whether one is left of revision 2."""
    newer = _without_empty(data, "deleted")
    for entry in data.get("deleted", ()):
        for sample in entry["samples"]:
            _without_empty(sample, "file", "seconds")
    for removed in data["removed"].values():
        newer |= _trim_retired(removed["retired"])
    return newer


def _trim_retired(retired: list[dict[str, Any]]) -> bool:
    newer = False
    for gone in retired:
        newer |= _without_empty(gone, "samples")
        for sample in gone.get("samples", ()):
            _without_empty(sample, "file", "seconds")
    return newer


def _without_empty(values: dict[str, Any], *keys: str) -> bool:
    """Remove these keys if they are null or empty, and return whether any is left."""
    for key in keys:
        if values[key] is None or values[key] == []:
            del values[key]
    return any(key in values for key in keys)


def decode(data: bytes, name: str) -> Lock:
    """Read a lockfile, which messages call `name`. Raises StateError with a way to go on."""
    return decode_all(data, name)[0]


def decode_all(data: bytes, name: str) -> tuple[Lock, Carried]:
    """Read a lockfile together with the keys that a newer revision added. Raises StateError."""
    from pydantic import ValidationError

    hint = _RESTORE.format(name)
    # Some editors put a byte-order mark there, which JSON does not allow.
    data = data.removeprefix(b"\xef\xbb\xbf")
    carried = NOTHING
    try:
        # In one pass, as nearly every file is right: only one that is not is parsed again, to say why.
        lock: Lock = _adapter().validate_json(data)
    except ValidationError as error:
        if problem := _not_text(data, name, hint):
            raise problem from None
        values = json.loads(data)
        carried = take_out(values) if isinstance(values, dict) else carried
        # Unknown keys are fine only in a file that says it is newer: elsewhere they are typing errors.
        if carried.revision <= REVISION:
            raise _invalid(error, name, hint) from None
        try:
            lock = _adapter().validate_json(json.dumps(values))
        except ValidationError as second:
            raise _invalid(second, name, hint) from None
    # voicectl writes this key at the start of a line. Only a reformatted file needs a second parse to find it.
    if b'\n  "format_version":' not in data and "format_version" not in json.loads(data):
        raise StateError(f"{name}: format_version: this key is missing", hint, [Place(name)])
    return _checked(lock, name, hint), replace(carried, revision=lock.revision)


def _not_text(data: bytes, name: str, hint: str) -> StateError | None:
    """The reason why no version up to this one can read these bytes; None if there is none."""
    for number, text in enumerate(data.splitlines(), 1):
        if text.startswith(_CONFLICT_MARKS) or text == b"=======":
            return StateError(
                f"{name}:{number}: the lockfile holds merge-conflict marks",
                merge_hint(name),
                [Place(name, number)],
            )
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        what = "is empty" if not data.strip() else "is not complete JSON"
        return StateError(f"{name}:{line}: the lockfile {what}", hint, [Place(name, line)])
    version = values.get("format_version") if isinstance(values, dict) else FORMAT_VERSION
    if version is None:
        return StateError(f"{name}: format_version: this key is missing", hint, [Place(name)])
    if isinstance(version, int) and version > FORMAT_VERSION:
        message = f"{name}: format version {cut(version)} is newer than this voicectl knows ({FORMAT_VERSION})"
        return StateError(message, "upgrade voicectl", [Place(name)])
    return None


def merge_hint(name: str) -> str:
    """How to merge both sides of a conflict in the lockfile at the path `name`."""
    file, base, ours, theirs = (shlex.quote(f"{name}{ending}") for ending in ("", ".base", ".ours", ".theirs"))
    sides = "; ".join(
        f"git show {shlex.quote(f':{number}:./{name}')} > {side}" for number, side in enumerate((base, ours, theirs), 1)
    )
    return (
        f"while Git merges, this merges both sides: `{sides}; voicectl state merge {base} {ours} {theirs} && "
        f"mv {ours} {file} && rm {base} {theirs}` (`voicectl help state` shows how to have Git do this by itself); "
        "or take either side whole: the next plan finds the models of the other one by their marks"
    )


def _invalid(error: Any, name: str, hint: str) -> StateError:
    """The first violation of the lockfile's format."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = cut(".".join(str(part) for part in first["loc"])) or "the file"
    return StateError(f"{name}: {where}: {_words(first['type'])}", hint, [Place(name)])


def _words(kind: str) -> str:
    known = {
        "missing": "this key is missing",
        "unexpected_keyword_argument": "unknown key",
        "extra_forbidden": "unknown key",
        "greater_than_equal": "this number or time is too small",
        "less_than_equal": "this number or time is too large",
        "time_delta_parsing": "voicectl can't have written this time span",
        "datetime_parsing": "voicectl can't have written this time",
        "string_pattern_mismatch": "voicectl can't have written this id or digest",
    }
    return known.get(kind, "this value has the wrong type")


def _checked(lock: Lock, name: str, hint: str) -> Lock:
    """Check what a schema can't express: each id has one place, ids belong to an account, times have a zone."""
    gone = [r for record in lock.voices.values() for r in record.retired]
    gone += [r for removed in lock.removed.values() for r in removed.retired]
    times = [(entry.id, when) for entry in gone for when in (entry.retired_at, entry.delete_after)]
    times += [(entry.id, entry.at) for entry in lock.deleted]
    times += [(record.id, record.changed.at) for record in lock.voices.values() if record.changed]
    for model_id, when in times:
        if when.tzinfo is None:
            raise StateError(f"{name}: model {model_id}: a time without a zone", hint, [Place(name)])
        if not EARLIEST <= when <= LATEST:
            message = f"{name}: model {model_id}: {when.isoformat()} can't be: it is not in this or the next century"
            raise StateError(message, hint, [Place(name)])
    for voice in lock.voices.keys() & lock.removed.keys():
        raise StateError(f"{name}: {voice} is recorded as a voice and as removed", hint, [Place(name)])
    seen: dict[str, str] = {}
    for voice, ids in _ids_by_name(lock).items():
        for model_id in ids:
            if model_id in seen:
                raise StateError(
                    f"{name}: model {model_id} is recorded twice, under {seen[model_id]} and {voice}",
                    f"if Git merged it, take one side whole (`voicectl help state` has a merge driver); else {hint}",
                    [Place(name)],
                )
            seen[model_id] = voice
    # Without an account nobody could tell that a key opens the wrong one.
    if seen and lock.provider.account is None:
        raise StateError(f"{name}: provider.account: ids are recorded, but no account", hint, [Place(name)])
    return lock


def _ids_by_name(lock: Lock) -> dict[str, list[str]]:
    ids = {f"removed.{name}": [gone.id for gone in removed.retired] for name, removed in lock.removed.items()}
    for name, record in lock.voices.items():
        # Several voices may use one external model, also one that this catalog manages.
        external = record.origin == "external"
        ids[name] = [] if external else [record.id]
        ids[name] += [record.pending.id] if record.pending else []
        ids[name] += [gone.id for gone in record.retired]
    return ids


def now() -> datetime:
    """The present in the form of a lockfile's times: whole seconds, UTC."""
    return datetime.now(UTC).replace(microsecond=0)
