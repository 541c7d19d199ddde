"""Expressions of workflows, as far as ours use them.

Facts: docs.github.com, "Evaluate expressions in workflows and actions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<op>==|!=|&&|\|\||!|\(|\)|,)|'(?P<text>(?:[^']|'')*)'|(?P<word>[A-Za-z_][\w.-]*|\d+))")
_STATUS = ("always()", "success()", "failure()", "cancelled()")


def condition(text: Any, contexts: Mapping[str, Any], *, failed: bool) -> bool:
    """Whether a step or job with this `if` runs; without a status function only where nothing has failed."""
    if text is None:
        return not failed
    source = str(text).strip().removeprefix("${{").removesuffix("}}").strip()
    wanted = truthy(evaluate(source, {**contexts, "failed": failed}))
    return wanted and (not failed or any(status in source for status in _STATUS))


def filled(text: Any, contexts: Mapping[str, Any]) -> str:
    """A value with its `${{ }}` put in."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: shown(evaluate(match[1].strip(), contexts)), shown(text))


def shown(value: Any) -> str:
    return {None: "", True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, str) else value


def truthy(value: Any) -> bool:
    return value not in (None, False, 0, "")


def evaluate(source: str, contexts: Mapping[str, Any]) -> Any:
    return _Parser(source, contexts).whole()


class _Parser:
    def __init__(self, source: str, contexts: Mapping[str, Any]) -> None:
        self.source = source
        self.contexts = contexts
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(source.rstrip()):
            match = _TOKEN.match(source, at)
            assert match, f"not understood: {source[at:]!r} in {source!r}"
            kind = match.lastgroup or ""
            self.tokens.append((kind, match[kind]))
            at = match.end()

    def whole(self) -> Any:
        value = self.either()
        assert not self.tokens, f"left over in {self.source!r}: {self.tokens}"
        return value

    def take(self, *wanted: str) -> str | None:
        if self.tokens and self.tokens[0][0] == "op" and self.tokens[0][1] in wanted:
            return self.tokens.pop(0)[1]
        return None

    def either(self) -> Any:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if truthy(value) else other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self.take("&&"):
            other = self.compared()
            value = other if truthy(value) else value
        return value

    def compared(self) -> Any:
        value = self.single()
        while sign := self.take("==", "!="):
            same = shown(value).lower() == shown(self.single()).lower()
            value = same if sign == "==" else not same
        return value

    def single(self) -> Any:
        if self.take("!"):
            return not truthy(self.single())
        if self.take("("):
            inner = self.either()
            assert self.take(")")
            return inner
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return text.replace("''", "'")
        assert kind == "word", f"unexpected {text!r} in {self.source!r}"
        if self.take("("):
            assert self.take(")"), f"no function here takes arguments: {self.source!r}"
            failed = bool(self.contexts.get("failed"))
            return {"always": True, "success": not failed, "failure": failed, "cancelled": False}[text]
        if text.isdecimal() or text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}.get(text, text)
        value: Any = self.contexts
        for part in text.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value
