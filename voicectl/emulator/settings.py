"""What the emulator should do: its account rules, its weaknesses and the faults ordered from it.

Everything here is a frozen value. `Settings()` is a provider in good health; `Settings.from_yaml` reads
the same fields from a file. Times are in the unit that a field's name or docstring gives.
"""

from __future__ import annotations

import difflib
import json
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
VISIBILITIES = ("public", "unlist", "private")
_CHOICES: dict[str, tuple[object, ...]] = {
    "downgrade_public": ("never", "create", "always", "refuse"),
    "default_visibility": VISIBILITIES,
    "gone_status": (404, 403, 400),
    "foreign_private_status": (403, 404),
    "tag_filter": ("exact", "no_colons", "nothing"),
    "patch_without_tags": ("keep", "empty"),
    "patch_empty_tags": ("empty", "keep"),
    "clean_tags": ("never", "strip", "nfkc"),
    "colon_tags": ("keep", "refuse", "drop"),
    "unauthorized_body": ("text", "json"),
}


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

    Defaults are what was measured or published; where nobody knows, the friendlier way.

    keys: the accepted bearer keys; none means any key that isn't empty.
    no_credit: keys whose account is empty: 402 on speech, but for the free speech model.
    latency: milliseconds between reading a request and doing its work.
    concurrency_limit: requests in flight per key beyond which the answer is 429.
    retry_after: seconds sent with such a 429, if any.
    creation_seconds: how long a creation takes before its model is there and its answer goes out. A client that
        leaves meanwhile gets its model all the same.
    training_seconds: how long a new model stays in training; 0 answers `trained` at once.
    fail_training: globs over titles of models whose training fails.
    fail_training_nth: creates, numbered from 1, whose training fails.
    listing_lag, get_lag: seconds until a listing, or GET of one model, shows a creation, a change or a deletion.
    drop_tags: tags are not stored on creation.
    tag_length, tag_count: tags are cut to so many characters, and to the first so many of them.
    lower_tags: tags are stored in lower case.
    clean_tags: `strip` stores tags without spaces around them, `nfkc` also in Unicode's form NFKC.
    colon_tags: `refuse` answers a tag with a colon with 422, `drop` leaves it out without a word.
    patch_without_tags: what a PATCH without tags does to them, `keep` or `empty`.
    patch_empty_tags: what a PATCH with an empty list does to them, `empty` or `keep`.
    tag_filter: what a listing's `tag` finds: `exact` matches, `no_colons` nothing for a tag with a colon, `nothing`.
    match_any_tag: several `tag` filters select models with any of them, not with all.
    self_lists_saved: `self=true` lists models of others too that the workspace has saved.
    default_visibility: what a creation without a visibility gets.
    downgrade_public: `never` takes public as it is; `create` stores private for public on creation, `always` on PATCH
        too; `refuse` does so on creation and answers a PATCH with 400.
    gone_status: how an id that is gone, or never was, is answered.
    foreign_private_status: how GET of another workspace's private model is answered.
    max_offset: models of an own listing beyond this many can't be reached by any page.
    public_max_offset: the same for public listings, which then call this number their total.
    signed_covers: covers are addresses with a signature that differs at every look.
    array_errors: the body of a 422 is the bare array of complaints, not an object with a `detail`.
    unauthorized_body: `text` or `json`: how a 401 is worded.
    error_reasons: errors have a `reason` where there is one.
    rules: aimed faults; see Rule.
    """

    keys: tuple[str, ...] = ()
    no_credit: tuple[str, ...] = ()
    latency: float = 0.0
    concurrency_limit: int | None = None
    retry_after: float | None = None
    creation_seconds: float = 0.0
    training_seconds: float = 0.0
    fail_training: tuple[str, ...] = ()
    fail_training_nth: tuple[int, ...] = ()
    listing_lag: float = 0.0
    get_lag: float = 0.0
    drop_tags: bool = False
    tag_length: int | None = None
    tag_count: int | None = None
    lower_tags: bool = False
    clean_tags: str = "never"
    colon_tags: str = "keep"
    patch_without_tags: str = "keep"
    patch_empty_tags: str = "empty"
    tag_filter: str = "exact"
    match_any_tag: bool = False
    self_lists_saved: bool = False
    default_visibility: str = "private"
    downgrade_public: str = "create"
    gone_status: int = 404
    foreign_private_status: int = 403
    max_offset: int | None = 10_000
    public_max_offset: int | None = 1_000
    signed_covers: bool = False
    array_errors: bool = True
    unauthorized_body: str = "text"
    error_reasons: bool = False
    rules: tuple[Rule, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("keys", "no_credit", "fail_training"):
            _strings(name, getattr(self, name))
        for name in ("latency", "creation_seconds", "training_seconds", "listing_lag", "get_lag"):
            _number(name, getattr(self, name), 0)
        for each in fields(self):
            if each.type == "bool":
                _of(each.name, getattr(self, each.name), bool, "true or false")
        if self.retry_after is not None:
            _number("retry_after", self.retry_after, 0)
        bounds = {"concurrency_limit": 1, "max_offset": 0, "public_max_offset": 0, "tag_length": 1, "tag_count": 0}
        for name, low in bounds.items():
            if getattr(self, name) is not None:
                _integer(name, getattr(self, name), low)
        _ordinals("fail_training_nth", self.fail_training_nth)
        for name, allowed in _CHOICES.items():
            _choice(name, getattr(self, name), allowed)
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
    def from_findings(cls, path: Path) -> Settings:
        """The settings in a JSON file that tells what was found of a live provider: its `settings`, by the names here.

        Its `assumptions` are for people. Raises UsageError, with the file's name, if it can't be used.
        """
        hint = "give the JSON of a check against the live provider, `settings` and all"
        try:
            content = json.loads(path.read_bytes())
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}", hint) from None
        except (ValueError, RecursionError):
            raise UsageError(f"{path}: is not valid JSON", hint) from None
        if not isinstance(content, dict) or not str(content.get("format_version", "")).startswith("1."):
            raise UsageError(f"{path}: `format_version` is not 1.x: these are no findings that can be read", hint)
        if "settings" not in content:
            raise UsageError(f"{path}: `settings` is missing", hint)
        try:
            return cls.from_mapping(content["settings"])
        except ValueError as error:
            raise UsageError(f"{path}: settings: {error}", hint) from None

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
    unknown = [str(name) for name in content if name not in names]
    if unknown:
        near = difflib.get_close_matches(unknown[0], names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(names))}"
        raise ValueError(f"{', '.join(unknown)}: unknown key{'s' * (len(unknown) > 1)}; {hint}")
    arguments: dict[str, Any] = {}
    for name, value in content.items():
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


def _choice(name: str, value: object, allowed: Sequence[object]) -> None:
    if value not in allowed:
        words = [str(each) for each in allowed]
        near = difflib.get_close_matches(str(value), words, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(words)}{guess}")


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
