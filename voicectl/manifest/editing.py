"""Changing values in a user's own YAML files, and nothing else in them.

Values are replaced where they stand, by the marks that PyYAML's composer puts on nodes, so that comments, order,
quotes, indentation and line ends of everything else stay as they are. The result is read again: a file in which
anything else would change (an alias, say) is left alone.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from voicectl.manifest import yaml_source
from voicectl.manifest.values import Tag
from voicectl.model import canonical
from voicectl.model.observed import Model

Path = tuple[str, ...]
_PLAIN = re.compile(r"[^\W\d_][\w .'’!?()/-]*")
_WORDS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|none")


class CannotEdit(Exception):
    """This file can't be changed so that only these values change. The text says why."""


def set_values(text: str, edits: Mapping[Path, Any]) -> str:
    """The text with each value (a text, or a list of texts) at its path. Raises CannotEdit.

    The mapping that holds a path's last key has to be there.
    """
    changed = text
    for path, value in edits.items():
        changed = _set(changed, path, value)
    wanted, found = _data(text), _data(changed)
    for path, value in edits.items():
        holder, other = wanted, found
        for step in path[:-1]:
            holder, other = holder[step], other[step]
        got = other.get(path[-1])
        # A list is a set of tags: those that stay keep their places.
        alike = isinstance(value, list) and isinstance(got, list) and sorted(map(str, got)) == sorted(value)
        holder[path[-1]] = got if alike else value
    if found != wanted:
        raise CannotEdit("more than these values would change: is an alias or a merge key at work?")
    return changed


def _data(text: str) -> Any:
    document, problems = yaml_source.parse("file", text.encode())
    if document is None or problems:
        raise CannotEdit("it can't be read again")
    return json.loads(json.dumps(document.data))


def _set(text: str, path: Path, value: Any) -> str:
    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        raise CannotEdit("it can't be read") from None
    for step in path[:-1]:
        node = _child(node, step)
        if not isinstance(node, yaml.MappingNode):
            raise CannotEdit(f"{'.'.join(path[:-1])} is not there as a mapping")
    present = _child(node, path[-1])
    if present is None:
        return _insert(text, node, path[-1], value)
    if isinstance(value, list) and isinstance(present, yaml.SequenceNode) and not present.flow_style and value:
        return _edit_list(text, present, value)
    start, end = present.start_mark.index, _end(text, present)
    if isinstance(present, yaml.CollectionNode) and not present.flow_style:
        key = next(name for name, _ in node.value if name.value == path[-1])
        start = text.index(":", key.end_mark.index) + 1
        return f"{text[:start]} {_written(value, present)}{text[end:]}"
    return text[:start] + _written(value, present) + text[end:]


def _child(node: Any, key: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    return None


def _end(text: str, node: Any) -> int:
    """Where a node's own text ends: marks of block nodes lie behind the line ends and comments that follow."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        end = node.start_mark.index + len(text[node.start_mark.index : end].rstrip())
    return end


def _written(value: Any, like: Any = None) -> str:
    """A value as YAML on one line, without quotes where the one before had none and none are needed."""
    if isinstance(value, list):
        return "[" + ", ".join(_written(item) for item in value) + "]"
    quoted = isinstance(like, yaml.ScalarNode) and like.style in ("'", '"')
    plain = _PLAIN.fullmatch(value) and value == value.strip() and not _WORDS.fullmatch(value)
    if plain and not quoted:
        return str(value)
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\u202a-\u202e\u2066-\u2069]", lambda m: f"\\u{ord(m[0]):04x}", text)


def _insert(text: str, mapping: Any, key: str, value: Any) -> str:
    """A new key behind `title`, or behind the mapping's first key."""
    if not mapping.value:
        raise CannotEdit("the mapping is empty")
    first, after = next(((k, v) for k, v in mapping.value if k.value == "title"), mapping.value[0])
    at = _end(text, after)
    entry = f"{key}: {_written(value)}"
    if mapping.flow_style:
        return f"{text[:at]}, {entry}{text[at:]}"
    line_end = re.compile(r"\r?\n|\Z").search(text, at)
    assert line_end is not None
    newline = "\r\n" if "\r\n" in text else "\n"
    column = first.start_mark.column
    return f"{text[: line_end.start()]}{newline}{' ' * column}{entry}{text[line_end.start() :]}"


def _edit_list(text: str, node: Any, value: Sequence[str]) -> str:
    """A list with a line for each item: lines of items that stay stay, the others go, new ones come at the end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    kept = [item.value for item in node.value if item.value in value]
    added = [item for item in value if item not in kept]
    last = node.value[-1]
    line_start = text.rfind("\n", 0, last.start_mark.index) + 1
    lead = re.match(r"[ \t]*-[ \t]+", text[line_start:])
    if lead is None:
        raise CannotEdit("the list's items don't begin lines of their own")
    end = _line_end(text, _end(text, last))
    text = text[:end] + "".join(newline + lead[0] + _written(item) for item in added) + text[end:]
    for item in reversed([item for item in node.value if item.value not in value]):
        start = text.rfind("\n", 0, item.start_mark.index) + 1
        text = text[:start] + text[_line_end(text, item.end_mark.index) :].removeprefix("\r").removeprefix("\n")
    return text


def _line_end(text: str, at: int) -> int:
    found = re.compile(r"\r?\n|\Z").search(text, at)
    assert found is not None
    return found.start()


_HEAD = "# Written by `voicectl import`: the next apply writes ownership tags on the model, and nothing else.\n"


def manifest_text(name: str, model: Model, environment: str | None, suffix: str) -> tuple[str, list[str]]:
    """A manifest of one voice whose plan adopts this model and changes nothing, and what it could not say.

    In a project with environments the voice is in this one only, its id has to stand in the project file, and the
    environment's title `suffix` is taken off.
    """
    left_out = []
    values: dict[str, Any] = {} if environment else {"model": model.id}
    title = canonical.text(model.title)
    values["title"] = canonical.text(title.removesuffix(suffix)) or name
    if suffix and not title.endswith(suffix):
        left_out.append(f"{name}: its title lacks the title_suffix {suffix!r}, which the next apply adds")
    if not canonical.text(model.title):
        left_out.append(f"{name}: the model has no title, and gets {name!r}")
    if canonical.text(model.description):
        values["description"] = canonical.text(model.description)
    values["visibility"] = model.visibility
    tags = model.plain_tags
    if tags and all(_writable(tag) for tag in tags):
        values["tags"] = list(tags)
    elif tags:
        left_out.append(f"{name}: its tags can't be written in a manifest, and stay unmanaged")
    values |= {"environments": [environment]} if environment else {}
    text = yaml.safe_dump({"voices": {name: values}}, sort_keys=False, allow_unicode=True, width=1000)
    return _HEAD + text, left_out


def _writable(tag: str) -> bool:
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(Tag).validate_python(tag)
    except ValidationError:
        return False
    return True


def with_models(project_text: str, environment: str, models: dict[str, str]) -> str:
    """The project file with `environments.<environment>.voices.<name>.model` for each name, all else as it was."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 10_000
    data = editor.load(project_text)
    chosen = _mapping(_mapping(data, "environments"), environment)
    voices = _mapping(chosen, "voices")
    for name, model_id in models.items():
        _mapping(voices, name)["model"] = model_id
    buffer = io.StringIO()
    editor.dump(data, buffer)
    return buffer.getvalue()


def _mapping(parent: Any, key: str) -> Any:
    """The mapping under a key, made if there is none."""
    if not isinstance(parent.get(key), dict):
        parent[key] = {}
    return parent[key]
