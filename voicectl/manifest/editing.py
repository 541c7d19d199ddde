"""YAML that voicectl writes for its users: new manifests, and values changed in files of their own.

PyYAML's composer tells where each value stands, and only these characters are replaced: comments, order, quotes,
indentation and line ends of everything else stay as they are. (A library that rewrites the whole file, such as
ruamel.yaml, keeps the comments but not the formatting.) The result is then read again. If anything else would change,
because of an alias, say, the file stays as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from voicectl.manifest import yaml_source
from voicectl.manifest.values import Tag
from voicectl.model import canonical
from voicectl.model.observed import Model

Path = tuple[str, ...]
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = re.compile(r"[^\W\d_][\w .'’!?()/-]*")
_WORDS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|none")
_COMMENT = re.compile(r"\s#")
_LINE_END = re.compile(r"\r?\n|\Z")
MORE = "more than these values would change: is an alias or a merge key at work?"
_HEAD = "# Written by `voicectl import`: the next apply writes its marks on the model, and nothing else.\n"


class CannotEdit(Exception):
    """This file can't be changed so that only these values change. The text says why."""


def set_values(text: str, edits: Mapping[Path, Any]) -> str:
    """The text with each value (a text, a list of texts, or a mapping of such) at its path. Raises CannotEdit.

    The mapping that holds a path's last key must exist.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)  # libyaml does not count it
    changed = mark + spliced(text, _splices(text, edits))
    wanted, found = data_of(text), data_of(changed)
    for path, value in edits.items():
        holder, other = wanted, found
        for step in path[:-1]:
            holder, other = holder[step], other[step]
        got = other.get(path[-1])
        # A list is a set of tags: those that stay keep their places.
        alike = isinstance(value, list) and isinstance(got, list) and sorted(map(str, got)) == sorted(value)
        holder[path[-1]] = got if alike else value
    if found != wanted:
        raise CannotEdit(MORE)
    return changed


def with_models(project_text: str, environment: str, models: Mapping[str, str]) -> str:
    """The project file with `environments.<environment>.voices.<name>.model` for each name, all else as it was.

    Adds the mappings that are missing on the way. Raises CannotEdit.
    """
    data, edits = data_of(project_text), dict[Path, Any]()
    for name, model_id in models.items():
        path, there, depth = ("environments", environment, "voices", name, "model"), data, 0
        while depth < len(path) - 1 and isinstance(there.get(path[depth]), dict) and there[path[depth]]:
            there, depth = there[path[depth]], depth + 1
        *missing, last = path[depth:]
        if not missing:
            edits[path] = model_id
            continue
        inner = edits.setdefault((*path[:depth], missing[0]), {})
        for step in missing[1:]:
            inner = inner.setdefault(step, {})
        inner[last] = model_id
    # The last of several new keys is put first.
    return set_values(project_text, dict(reversed(edits.items())))


def data_of(text: str) -> Any:
    """A manifest's text as plain data. Raises CannotEdit where it can't be read again."""
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no file can hold
        raise CannotEdit("a value is not text that a file can hold") from None
    document, problems = yaml_source.parse("file", data)
    if document is None or problems:
        raise CannotEdit("it can't be read again")
    return json.loads(json.dumps(document.data))


class Splice(NamedTuple):
    """One change of a text: what stands from `start` to `end` gives way to `text`."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """The text with all of these changes. Where several share a place, a later one comes first. Raises CannotEdit."""
    pieces, done, latest_first = [], 0, splices[::-1]
    for splice in sorted(latest_first, key=lambda splice: splice[:2]):
        if splice.start < done:
            raise CannotEdit(MORE)
        pieces += [text[done : splice.start], splice.text]
        done = splice.end
    return "".join([*pieces, text[done:]])


def _splices(text: str, edits: Mapping[Path, Any]) -> list[Splice]:
    """The changes that these edits need. Composing takes long, so it is done once, and no change moves another's place.

    Raises CannotEdit.
    """
    try:
        root: Any = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        raise CannotEdit("it can't be read") from None
    # Two paths may lead to one value through aliases, and then ask for the same change.
    return list(dict.fromkeys(splice for path, value in edits.items() for splice in _set(text, root, path, value)))


def _set(text: str, node: Any, path: Path, value: Any) -> Iterator[Splice]:
    for step in path[:-1]:
        _, node = child(node, step)
        if not isinstance(node, yaml.MappingNode):
            raise CannotEdit(f"{'.'.join(path[:-1])} is not there as a mapping")
    if not isinstance(node, yaml.MappingNode):
        raise CannotEdit("it is not a mapping")
    key, present = child(node, path[-1])
    if present is None:
        yield _insertion(text, node, path[-1], value)
    elif isinstance(value, list) and isinstance(present, yaml.SequenceNode) and not present.flow_style and value:
        yield from _list_splices(text, present, value)
    elif isinstance(value, dict) and not node.flow_style:
        colon = text.index(":", key.end_mark.index) + 1
        yield Splice(colon, max(colon, end_of(text, present)), "")
        at = line_end(text, end_of(text, present))
        yield Splice(at, at, _lines(value, key.start_mark.column + 2, newline_of(text)))
    elif isinstance(present, yaml.CollectionNode) and not present.flow_style:
        colon = text.index(":", key.end_mark.index) + 1
        yield Splice(colon, end_of(text, present), f" {written(value, present)}")
    else:
        start = present.start_mark.index
        if isinstance(present, yaml.CollectionNode) and _COMMENT.search(text, start, present.end_mark.index):
            raise CannotEdit("a comment inside the list would be lost")
        space = " " if text[start - 1] == ":" else ""
        yield Splice(start, end_of(text, present), space + written(value, present))


def child(node: Any, key: str) -> tuple[Any, Any]:
    """The nodes of a key and of its value; None for both where there are none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next(((name, value) for name, value in pairs if name.value == key), (None, None))


def end_of(text: str, node: Any) -> int:
    """Where a node's own text ends. The marks of block nodes lie behind the line ends and comments that follow."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return end_of(text, last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        end = node.start_mark.index + len(text[node.start_mark.index : end].rstrip())
    return end


def written(value: Any, like: Any = None) -> str:
    """A value as YAML on one line, without quotes if it needs none and the value before had none."""
    if isinstance(value, list):
        return "[" + ", ".join(written(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)}: {written(inner)}" for key, inner in value.items()) + "}"
    quoted = isinstance(like, yaml.ScalarNode) and like.style in ("'", '"')
    plain = _PLAIN.fullmatch(value) and value == value.strip() and not _WORDS.fullmatch(value)
    if plain and not quoted:
        return str(value)
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\u202a-\u202e\u2066-\u2069]", lambda m: f"\\u{ord(m[0]):04x}", text)


def _lines(value: Mapping[str, Any], indent: int, newline: str) -> str:
    """A mapping as a block of lines, each after a line end."""
    return "".join(
        f"{newline}{' ' * indent}{written(key)}:"
        + (_lines(inner, indent + 2, newline) if isinstance(inner, dict) else f" {written(inner)}")
        for key, inner in value.items()
    )


def _insertion(text: str, mapping: Any, key: str, value: Any) -> Splice:
    """A new key: behind `title`, or else behind the mapping's last key."""
    if not mapping.value:
        raise CannotEdit("the mapping is empty")
    if any(name.value == "<<" for name, _ in mapping.value):
        raise CannotEdit(MORE)  # the key may already be there, merged in from a mapping that others share
    first, after = next(((k, v) for k, v in mapping.value if k.value == "title"), mapping.value[-1])
    at = end_of(text, after)
    if mapping.flow_style:
        return Splice(at, at, f", {written(key)}: {written(value)}")
    at = line_end(text, at)
    return Splice(at, at, _lines({key: value}, first.start_mark.column, newline_of(text)))


def _list_splices(text: str, node: Any, value: Sequence[str]) -> Iterator[Splice]:
    """The changes for a list with a line for each item: keep the lines of items that stay, and add new items at the
    end."""
    kept = [item.value for item in node.value if item.value in value]
    last = node.value[-1]
    lead = re.match(r"[ \t]*-[ \t]+", text[_line_start(text, last) :])
    if lead is None:
        raise CannotEdit("the list's items don't begin lines of their own")
    added = [lead[0] + written(item) for item in value if item not in kept]
    for item in node.value:
        start, end = _line_start(text, item), line_end(text, end_of(text, item))
        stays = item.value in value
        if item is last and added:
            lines = [text[start:end], *added] if stays else added
            yield Splice(start, end, newline_of(text).join(lines))
        elif not stays:
            found = _LINE_END.match(text, end)
            yield Splice(start, found.end() if found else end, "")


def _line_start(text: str, node: Any) -> int:
    return text.rfind("\n", 0, node.start_mark.index) + 1


def line_end(text: str, at: int) -> int:
    """Where the line ends that holds this place, before its line end."""
    found = _LINE_END.search(text, at)
    assert found is not None
    return found.start()


def newline_of(text: str) -> str:
    """The line end that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"


def manifest_text(name: str, model: Model, environment: str | None, suffix: str) -> tuple[str, list[str]]:
    """A manifest of one voice whose plan adopts this model unchanged, and remarks on what it can't express.

    In a project with environments the voice belongs to this one only, the model's id goes into the project file, and
    the title loses the environment's `suffix`.
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
