"""New voices and samples in manifests: in a file of their own, or in a user's, where all else stays as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from voicectl.manifest.editing import (
    LOADER,
    MORE,
    CannotEdit,
    Splice,
    child,
    data_of,
    end_of,
    line_end,
    newline_of,
    spliced,
    written,
)

_INDENT = 2


@dataclass(frozen=True, slots=True)
class Addition:
    """What a manifest is to hold of one voice: a whole voice, or more samples for one that it has."""

    name: str
    values: Mapping[str, Any]
    """All of a new voice, its samples too; only `samples` for one that is there."""
    new: bool


def manifest_with(text: str, additions: Sequence[Addition]) -> str:
    """The manifest's text (empty for a new file) with these voices and samples. Raises CannotEdit.

    What stands there keeps its comments, order and form. The result is read again: if anything else would change, the
    file stays as it was.
    """
    if not text.strip():
        return _dumped({"voices": {one.name: dict(one.values) for one in additions}})
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(mark)
    try:
        root: Any = yaml.compose(body, Loader=LOADER)
    except yaml.YAMLError:
        raise CannotEdit("it can't be read") from None
    changed = mark + spliced(body, [_splice(body, root, one) for one in reversed(additions)])
    wanted = data_of(text) or {}
    voices = wanted["voices"] = wanted.get("voices") or {}
    for one in additions:
        plain = json.loads(json.dumps(one.values, default=str))
        if one.new:
            voices[one.name] = plain
        else:
            voices[one.name]["samples"] = [*(voices[one.name].get("samples") or []), *plain["samples"]]
    if json.loads(json.dumps(data_of(changed), default=str)) != wanted:
        raise CannotEdit(MORE)
    return changed


def _splice(text: str, root: Any, addition: Addition) -> Splice:
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise CannotEdit("it is not a mapping of lines")
    key, voices = child(root, "voices")
    if key is None:
        if not addition.new:
            raise CannotEdit(f"it does not hold {addition.name}")
        at = len(text)
        lead = "" if text.endswith("\n") else newline_of(text)
        return Splice(at, at, lead + _block({"voices": {addition.name: addition.values}}, 0, newline_of(text)))
    if addition.new:
        return _voice(text, key, voices, addition)
    _, voice = child(voices, addition.name)
    if not isinstance(voice, yaml.MappingNode):
        raise CannotEdit(f"it does not hold {addition.name} as a mapping")
    return _samples(text, voice, addition)


def _voice(text: str, key: Any, voices: Any, addition: Addition) -> Splice:
    """A new voice behind the last one."""
    newline = newline_of(text)
    if isinstance(voices, yaml.MappingNode) and voices.value:
        if voices.flow_style:
            raise CannotEdit("its voices stand in one line of braces")
        at = line_end(text, end_of(text, voices))
        return Splice(at, at, newline + _block({addition.name: addition.values}, _column(voices), newline).rstrip())
    # `voices:` without any: nothing, null, or {}.
    colon = text.index(":", key.end_mark.index) + 1
    end = voices.end_mark.index if voices.start_mark.index >= colon else colon
    return Splice(colon, end, newline + _block({addition.name: addition.values}, _INDENT, newline).rstrip())


def _samples(text: str, voice: Any, addition: Addition) -> Splice:
    """More samples behind the last one of a voice."""
    newline = newline_of(text)
    new: Sequence[Mapping[str, Any]] = addition.values["samples"]
    key, samples = child(voice, "samples")
    if key is None:
        if voice.flow_style:
            at = end_of(text, voice.value[-1][1])
            return Splice(at, at, f", samples: {written([dict(one) for one in new])}")
        at = line_end(text, end_of(text, voice))
        return Splice(at, at, newline + _block({"samples": [*new]}, _column(voice), newline).rstrip())
    if not isinstance(samples, yaml.SequenceNode) or not samples.value:
        raise CannotEdit(f"the samples of {addition.name} are no list")
    at = end_of(text, samples.value[-1])
    if samples.flow_style:
        return Splice(at, at, "".join(f", {written(dict(one))}" for one in new))
    at = line_end(text, at)
    indent = samples.start_mark.column
    return Splice(at, at, newline + _block([*new], indent, newline).rstrip())


def _column(mapping: Any) -> int:
    column: int = mapping.value[0][0].start_mark.column
    return column


def _block(value: Any, indent: int, newline: str) -> str:
    """A value as lines of YAML, indented."""
    lines = _dumped(value).splitlines()
    return "".join(f"{' ' * indent}{line}{newline}" if line else newline for line in lines)


def _dumped(value: Any) -> str:
    class Dumper(yaml.SafeDumper):
        """Indents the items of lists below their key, as people do."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

    text: str = yaml.dump(_plain(value), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100_000)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
