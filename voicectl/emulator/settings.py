"""What the emulator should do: its account rules, its weaknesses and the faults ordered from it.

Everything here is a frozen value. `Settings()` is a provider in good health; `Settings.from_yaml` reads
the same fields from a file. Times are in the unit that a field's name or docstring gives.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from voicectl.errors import UsageError

KINDS = {
    "status": "answer with `status`, and `retry_after` and `body` if given",
    "html": "answer 200 with a page of HTML",
    "delay": "wait `ms` between reading the request and doing its work; a client that leaves changes nothing",
    "reset_upload": "reset the connection when the request's head has arrived",
    "reset_before": "read the whole request, then reset the connection without doing the work",
    "reset_after": "do the work, then reset the connection without an answer",
    "truncate": "do the work, send half of the first piece of the answer's body, close the connection",
    "cut_json": "do the work, answer with half of the body, well framed, so that only its JSON is broken",
    "window_limited": "list no further than the first `limit` models, and say so",
    "wrong_total": "add `by` to a listing's total, still called exact",
    "shift": "move the pages of a listing after the first by `by` places (negative repeats, positive skips)",
}
DOWNGRADES = ("never", "create", "always")
VISIBILITIES = ("public", "unlist", "private")


@dataclass(frozen=True, slots=True)
class Rule:
    """One aimed fault: which requests it meets, and what happens to them.

    A request matches if `method` (any of them; none means all) and `path` (a shell glob over the path
    without the query) fit. Matching requests are numbered from 1; of these the rule fires for the numbers in
    `nth` (none means all), with `probability` drawn from a generator seeded by `seed`, and `times` times
    at most. `after` makes `status`, `html` and `delay` act when the work is done instead of before.
    Raises ValueError if a field makes no sense.
    """

    kind: str
    method: tuple[str, ...] = ()
    path: str = "*"
    nth: tuple[int, ...] = ()
    probability: float = 1.0
    seed: int = 0
    times: int | None = None
    after: bool = False
    status: int = 500
    retry_after: float | None = None
    body: str | None = None
    ms: float = 0.0
    by: int = 1
    limit: int = 100

    def __post_init__(self) -> None:
        _choice("kind", self.kind, tuple(KINDS))
        _strings("method", self.method)
        _of("path", self.path, str, "a path or a glob such as /model/*")
        _ordinals("nth", self.nth)
        _number("probability", self.probability, 0, 1)
        _integer("seed", self.seed, None)
        if self.times is not None:
            _integer("times", self.times, 1)
        _of("after", self.after, bool, "true or false")
        _integer("status", self.status, 100, 599)
        if self.retry_after is not None:
            _number("retry_after", self.retry_after, 0)
        if self.body is not None:
            _of("body", self.body, str, "a text")
        _number("ms", self.ms, 0)
        _integer("by", self.by, None)
        _integer("limit", self.limit, 0)
        object.__setattr__(self, "method", tuple(name.upper() for name in self.method))


@dataclass(frozen=True, slots=True)
class Settings:
    """The emulator's behaviour. Raises ValueError if a field makes no sense.

    keys: the accepted bearer keys; none means any key that isn't empty.
    no_credit: keys whose account is empty: 402 on creating and on speech.
    latency: milliseconds between reading a request and doing its work.
    concurrency_limit: requests in flight per key beyond which the answer is 429.
    retry_after: seconds sent with such a 429, if any.
    training_seconds: how long a new model stays in training; 0 answers `trained` at once.
    fail_training: globs over titles of models whose training fails.
    fail_training_nth: creates, numbered from 1, whose training fails.
    drop_tags: tags are not stored on creation.
    downgrade_public: `create` stores private for public on creation, `always` on PATCH too.
    default_visibility: what a creation without a visibility gets.
    match_any_tag: several `tag` filters select models with any of them, not with all.
    max_offset: models of a listing beyond this many can't be reached by any page.
    array_errors: the body of a 422 is a bare array.
    rules: aimed faults; see Rule.
    """

    keys: tuple[str, ...] = ()
    no_credit: tuple[str, ...] = ()
    latency: float = 0.0
    concurrency_limit: int | None = None
    retry_after: float | None = None
    training_seconds: float = 0.0
    fail_training: tuple[str, ...] = ()
    fail_training_nth: tuple[int, ...] = ()
    drop_tags: bool = False
    downgrade_public: str = "never"
    default_visibility: str = "public"
    match_any_tag: bool = False
    max_offset: int | None = None
    array_errors: bool = False
    rules: tuple[Rule, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("keys", "no_credit", "fail_training"):
            _strings(name, getattr(self, name))
        for name in ("latency", "training_seconds"):
            _number(name, getattr(self, name), 0)
        for name in ("drop_tags", "match_any_tag", "array_errors"):
            _of(name, getattr(self, name), bool, "true or false")
        if self.retry_after is not None:
            _number("retry_after", self.retry_after, 0)
        if self.concurrency_limit is not None:
            _integer("concurrency_limit", self.concurrency_limit, 1)
        if self.max_offset is not None:
            _integer("max_offset", self.max_offset, 0)
        _ordinals("fail_training_nth", self.fail_training_nth)
        _choice("downgrade_public", self.downgrade_public, DOWNGRADES)
        _choice("default_visibility", self.default_visibility, VISIBILITIES)
        for rule in self.rules:
            _of("rules", rule, Rule, "a list of rules")

    @classmethod
    def from_yaml(cls, path: Path) -> Settings:
        """The settings in a YAML file. Raises UsageError, with the file's name, if it can't be used."""
        import yaml

        try:
            content = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}", "give a YAML file with faults") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            where = getattr(error, "problem_mark", None)
            line = f":{where.line + 1}" if where else ""
            raise UsageError(f"{path}{line}: is not valid YAML", "see `voicectl emulator --help`") from None
        try:
            return cls.from_mapping({} if content is None else content)
        except ValueError as error:
            raise UsageError(f"{path}: {error}", "see `voicectl emulator --help`") from None

    @classmethod
    def from_mapping(cls, content: object) -> Settings:
        """The settings in a mapping as read from YAML or JSON. Raises ValueError that names the field."""
        values = dict(_known(content, cls))
        rules = values.pop("rules", ())
        if not isinstance(rules, list | tuple):
            raise ValueError("rules: must be a list")
        built = []
        for index, rule in enumerate(rules):
            try:
                built.append(rule if isinstance(rule, Rule) else Rule(**_known(rule, Rule)))
            except (ValueError, TypeError) as error:
                raise ValueError(f"rules[{index}]: {_without_call(error)}") from None
        return cls(**values, rules=tuple(built))


def _known(content: object, target: type[Settings] | type[Rule]) -> dict[str, Any]:
    """The mapping's items as arguments for `target`: lists as tuples, single values of lists wrapped."""
    names = {f.name: f for f in fields(target)}
    if not isinstance(content, Mapping):
        raise ValueError(f"must be a mapping with keys such as {', '.join(list(names)[:3])}")
    arguments: dict[str, Any] = {}
    for name, value in content.items():
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(names))}"
            raise ValueError(f"{name}: unknown key; {hint}")
        if str(names[name].type).startswith("tuple") and name != "rules":
            value = () if value is None else value if isinstance(value, list | tuple) else [value]
        arguments[name] = tuple(value) if isinstance(value, list) and name != "rules" else value
    if target is Settings and isinstance(arguments.get("downgrade_public"), bool):
        arguments["downgrade_public"] = "create" if arguments["downgrade_public"] else "never"
    return arguments


def _without_call(error: Exception) -> str:
    return "kind: is missing" if isinstance(error, TypeError) else str(error)


def _of(name: str, value: object, kind: type, what: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(f"{name}: {value!r} is not {what}")


def _choice(name: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        near = difflib.get_close_matches(str(value), allowed, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(allowed)}{guess}")


def _number(name: str, value: object, low: float, high: float | None = None) -> None:
    wrong = isinstance(value, bool) or not isinstance(value, int | float)
    if wrong or not low <= float(str(value)) <= (float("inf") if high is None else high):
        raise ValueError(f"{name}: {value!r} is not a number from {low}" + (f" to {high}" if high else ""))


def _integer(name: str, value: object, low: int | None, high: int | None = None) -> None:
    wrong = isinstance(value, bool) or not isinstance(value, int)
    if wrong or (low is not None and int(str(value)) < low) or (high is not None and int(str(value)) > high):
        bounds = "" if low is None else f" from {low}" + (f" to {high}" if high is not None else "")
        raise ValueError(f"{name}: {value!r} is not a whole number{bounds}")


def _strings(name: str, value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(item, str) and item for item in value):
        raise ValueError(f"{name}: {value!r} is not a list of texts")


def _ordinals(name: str, value: object) -> None:
    if not isinstance(value, tuple):
        raise ValueError(f"{name}: {value!r} is not a list of whole numbers")
    for item in value:
        _integer(name, item, 1)
