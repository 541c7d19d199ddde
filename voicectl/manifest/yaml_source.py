"""YAML text -> plain data with places, without YAML's surprises.

It reads the parser's events one by one instead of composing nodes: so it can bound depth and the expansion of aliases
before any recursive code sees the data. Keys are texts as written (`no:` is the key "no"). A scalar becomes a number,
true, false or null only if it would be written back the same way. `1.10`, `NO`, `007` and dates stay texts, and fields
of other types read them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from voicectl.errors import Place, Problem, cut
from voicectl.manifest.problems import shown
from voicectl.manifest.yaml_document import FLAGS, Document, KeySpot, Plain, Spot

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40
MAX_ALIASED = 100_000
"""How many values all aliases of one file may stand for."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# No file can hold these (`_CONTROL`), but an escape in quotes could still bring them in.
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}\.[0-9]{1,18}")
# Not YAML 1.1's `yes`, `no`, `on` and `off`: a country `NO` must not become false in silence.
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_CHECK = "check indentation, quotes and brackets"
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {None, "!", _TAG + "str", _TAG + "map", _TAG + "seq"}


class NotYaml(Exception):
    """This is not YAML, or reading it any further is too dangerous."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse(file: str, content: bytes) -> tuple[Document | None, list[Problem]]:
    """The document in `content` (None if it is unreadable) and the problems found.

    `file` is its name in places. An empty document has the data None.
    """
    try:
        builder = _Builder(file)
        return builder.read(_decode(file, content)), builder.problems
    except NotYaml as error:
        return None, [*builder.problems, error.problem]


def _decode(file: str, content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise NotYaml(Problem(Place(file), "the file is larger than 1 MiB", "split it into several files"))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        raise NotYaml(Problem(_end_of(file, before), "the file is not UTF-8 text", "save it as UTF-8")) from error
    text = text.removeprefix("\ufeff")
    found = _CONTROL.search(text)
    if found is not None:
        message = f"a character (U+{ord(found[0]):04X}) that YAML does not allow"
        raise NotYaml(Problem(_end_of(file, text[: found.start()]), message, "delete it"))
    return text


def _end_of(file: str, text: str) -> Place:
    lines = re.split("\r\n|\r|\n", text)
    return Place(file, len(lines), len(lines[-1]) + 1)


class _Value(NamedTuple):
    data: Any
    spot: Spot
    size: int


@dataclass(slots=True)
class _Open:
    """A mapping or list that is still open."""

    mark: Any
    anchor: str | None
    mapping: dict[str, Any] | None
    items: list[Any] = field(default_factory=list)
    keys: dict[str, KeySpot] = field(default_factory=dict)
    spots: list[Spot] = field(default_factory=list)
    key: tuple[str, Any, bool] | None = None
    merges: list[tuple[_Value, Any]] = field(default_factory=list)
    size: int = 1

    @property
    def awaits_key(self) -> bool:
        return self.mapping is not None and self.key is None


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Value] = {}
        self._aliased = 0
        self._root: _Value | None = None
        self._quoted: Any = None
        """The latest quoted text of several lines. If a quote is missing, this text has swallowed the next one."""

    def read(self, text: str) -> Document:
        try:
            loader = _LOADER(text)
            try:
                self._take_all(loader)
            finally:
                loader.dispose()
        except (yaml.YAMLError, ValueError) as error:
            # PyYAML's own scanner lets chr() fail on escapes beyond Unicode.
            raise NotYaml(self._syntax_problem(error, text)) from error
        if self._root is None:
            return Document(self.file, None, Spot(0, 0))
        return Document(self.file, self._root.data, self._root.spot)

    def _take_all(self, loader: Any) -> None:
        documents = 0
        while True:
            event = loader.get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close()
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self._stop(event.start_mark, "a second document begins here", "use one file for each")
            elif event is None or kind is yaml.StreamEndEvent:
                return

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        mark = event.start_mark
        if event.style in ("'", '"') and event.end_mark.line > mark.line:
            self._quoted = event
        if event.style == '"' and _UNSENDABLE.search(text):
            self._report(mark, "a NUL or half a surrogate pair in a text", "delete it")
            text = _UNSENDABLE.sub("", text)
        if event.tag not in _PLAIN_TAGS:
            self._report(mark, f"the YAML tag {shown(event.tag)} is not supported", "delete the tag")
        top = self._stack[-1] if self._stack else None
        if top is not None and top.awaits_key:
            top.key = (text, mark, text == "<<" and event.implicit[0])
            return
        # Whoever writes quotes means a text, whatever it looks like.
        data = _plain(text) if event.implicit[0] else text
        value = _Value(data, Spot(mark.line, mark.column), 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        self._add(value)

    def _open(self, event: Any) -> None:
        mark = event.start_mark
        # What walks the data later is recursive: no file may choose how deep.
        if len(self._stack) >= MAX_DEPTH:
            self._stop(mark, f"nested deeper than {MAX_DEPTH} levels", "make it flatter")
        if self._stack and self._stack[-1].awaits_key:
            self._stop(mark, "a key must be a text", "put the braces or brackets in quotes")
        if event.tag not in _PLAIN_TAGS:
            self._report(mark, f"the YAML tag {shown(event.tag)} is not supported", "delete the tag")
        is_mapping = type(event) is yaml.MappingStartEvent
        self._stack.append(_Open(mark, event.anchor, {} if is_mapping else None))

    def _close(self) -> None:
        done = self._stack.pop()
        if done.mapping is None:
            value = _Value(done.items, Spot(done.mark.line, done.mark.column, None, done.spots), done.size)
        else:
            self._merge(done, done.mapping)
            value = _Value(done.mapping, Spot(done.mark.line, done.mark.column, done.keys), done.size)
        if done.anchor is not None:
            self._anchors[done.anchor] = value
        self._add(value)

    def _alias(self, event: Any) -> None:
        mark = event.start_mark
        if self._stack and self._stack[-1].awaits_key:
            self._stop(mark, "a key must be a text", "write it out instead of an alias")
        value = self._anchors.get(event.anchor)
        if value is None:
            message = f"the alias *{cut(event.anchor)} stands for nothing before it, or for itself"
            self._stop(mark, message, "anchor a value with & above it")
            return
        # Counted before it is used: a few lines of aliases of aliases stand for billions of values.
        self._aliased += value.size
        if self._aliased > MAX_ALIASED:
            self._stop(mark, f"aliases stand for more than {MAX_ALIASED:,} values", "write them out")
        self._add(value._replace(spot=value.spot._replace(line=mark.line, column=mark.column)))

    def _add(self, value: _Value) -> None:
        if not self._stack:
            self._root = value
            return
        top = self._stack[-1]
        top.size += value.size
        if top.mapping is None:
            top.items.append(value.data)
            top.spots.append(value.spot)
            return
        assert top.key is not None
        key, mark, is_merge = top.key
        top.key = None
        if is_merge:
            top.merges.append((value, mark))
        # YAML readers take the last one in silence, and with it the wrong half of a bad merge.
        elif key in top.keys:
            first = top.keys[key]
            self._report(mark, f"duplicate key {shown(key)}", f"it is already in line {first.line + 1}")
        else:
            top.mapping[key] = value.data
            top.keys[key] = KeySpot(mark.line, mark.column, value.spot)

    def _merge(self, into: _Open, mapping: dict[str, Any]) -> None:
        """Add what `<<` names. Own keys win, then earlier mappings."""
        for value, mark in into.merges:
            data = value.data
            several = isinstance(data, list) and value.spot.items is not None
            sources = zip(data, value.spot.items or (), strict=True) if several else [(data, value.spot)]
            for source, spot in sources:
                if not isinstance(source, dict) or spot.keys is None:
                    self._report(mark, "<<: must be a mapping, or a list of mappings", "use it with an alias")
                    break
                for key, inner in source.items():
                    mapping.setdefault(key, inner)
                    into.keys.setdefault(key, spot.keys[key])

    def _report(self, mark: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(self._place(mark), message, hint))

    def _stop(self, mark: Any, message: str, hint: str) -> None:
        raise NotYaml(Problem(self._place(mark), message, hint))

    def _syntax_problem(self, error: Exception, text: str) -> Problem:
        # Whatever the parser stumbled over: these marks are why.
        conflict = re.search(r"^<{7} ", text, re.MULTILINE)
        if conflict:
            line = text.count("\n", 0, conflict.start()) + 1
            return Problem(Place(self.file, line), "merge-conflict marks", "settle the conflict in Git first")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        context, problem = (getattr(error, name, None) or "" for name in ("context", "problem"))
        said = ", ".join(part for part in (context, problem) if part)
        if mark is None:
            return Problem(Place(self.file), f"not valid YAML ({said or 'unreadable'})", _CHECK)
        if "quoted scalar" in context and ("end of stream" in problem or "document" in problem):
            start = getattr(error, "context_mark", mark)
            return Problem(self._place(start), "not valid YAML: the quote that opens here is never closed", "close it")
        # The parser complains where the next text should begin; the mistake is where this one did.
        if self._quoted is not None and self._quoted.end_mark.line == mark.line:
            start, message = self._quoted.start_mark, "not valid YAML: the text in quotes that begins here ends"
            message += f" in line {mark.line + 1}, and not as YAML wants it"
            return Problem(self._place(start), message, "close the quote where the text ends")
        return Problem(self._place(mark), *_in_words(said, _character(text, mark)))

    def _place(self, mark: Any) -> Place:
        return Place(self.file, mark.line + 1, mark.column + 1)


def _character(text: str, mark: Any) -> str:
    """The character at a mark; empty at the end of a line."""
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
    line = lines[mark.line] if mark.line < len(lines) else ""
    return line[mark.column : mark.column + 1]


def _in_words(said: str, character: str) -> tuple[str, str]:
    """Why the parser stopped at this character, and what to do."""
    if character == "\t" and ("tab" in said or "cannot start" in said):
        return "not valid YAML: a tab is used to indent", "indent with spaces, not tabs"
    if character and "cannot start" in said:
        return f"not valid YAML: a text can't begin with {character} unless it is in quotes", "put it in quotes"
    return f"not valid YAML ({said or 'unreadable'})", _CHECK


def _plain(text: str) -> Any:
    """The value of an unquoted scalar: a number only if its digits say everything."""
    if text in _WORDS:
        return _WORDS[text]
    if text in FLAGS:
        return Plain(text)
    value: Any = text
    if text[0] in "-0123456789":
        if _INTEGER.fullmatch(text):
            value = int(text)
        elif _DECIMAL.fullmatch(text):
            value = float(text)
    # `1.10` and `007` would come back as other texts: a version or a code stays as it was written.
    return value if str(value) == text else Plain(text)
