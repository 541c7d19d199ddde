"""What the emulator should do: its account rules, its weaknesses and the faults ordered from it.

Everything here is a frozen value that pydantic validates, whether it comes from Python, YAML or JSON. `Settings()` is
a provider in good health. Times are in the unit that a field's name or docstring gives.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

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
Visibility = Literal["private", "unlist", "public"]


def _listed(value: Any) -> Any:
    """One value may stand for a list of one, and nothing for an empty list."""
    return () if value is None else tuple(value) if isinstance(value, list | tuple) else (value,)


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"is not one of the kinds {', '.join(KINDS)}{_did_you_mean(kind, KINDS)}")
    return kind


_CHECKED = ConfigDict(extra="forbid", allow_inf_nan=False)
_Listed = BeforeValidator(_listed)
_Text = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(strict=True, ge=0)]
_FromOne = Annotated[int, Field(strict=True, ge=1)]
_Seconds = Annotated[float, Field(strict=True, ge=0)]
_Milliseconds = Annotated[float, Field(strict=True, ge=0)]
_Ordinals = Annotated[tuple[_FromOne, ...], _Listed]
_Texts = Annotated[tuple[_Text, ...], _Listed]


@dataclass(frozen=True, slots=True, config=_CHECKED)
class Fault:
    """One aimed fault: which requests it meets, and what happens to them.

    A request matches if `method` (any of them; none means all) and `path` (a shell glob over the path without the
    query) fit. Matching requests are numbered from 1; the fault fires for the numbers in `nth` (none means all),
    with `probability` drawn from a generator seeded by `seed`, and at most `times` times. `after` makes `status`,
    `html` and `delay` act when the work is done instead of before. Raises ValueError if a field makes no sense.
    """

    kind: Annotated[str, AfterValidator(_kind)]
    method: Annotated[tuple[Annotated[str, StringConstraints(to_upper=True)], ...], _Listed] = ()
    path: str = "*"
    nth: _Ordinals = ()
    probability: Annotated[float, Field(strict=True, ge=0, le=1)] = 1.0
    seed: StrictInt = 0
    times: _FromOne | None = None
    after: StrictBool = False
    status: Annotated[int, Field(strict=True, ge=100, le=599)] = 500
    retry_after: _Seconds | None = None
    body: str | None = None
    ms: _Milliseconds = 0.0
    by: StrictInt = 1
    limit: _Count = 100


def _downgrade(value: Any) -> Any:
    return {True: "create", False: "never"}[value] if isinstance(value, bool) else value


@dataclass(frozen=True, slots=True, config=_CHECKED)
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
    rules: aimed faults, each a Fault.
    """

    keys: _Texts = ()
    no_credit: _Texts = ()
    latency: _Milliseconds = 0.0
    concurrency_limit: _FromOne | None = None
    retry_after: _Seconds | None = None
    creation_seconds: _Seconds = 0.0
    training_seconds: _Seconds = 0.0
    fail_training: _Texts = ()
    fail_training_nth: _Ordinals = ()
    listing_lag: _Seconds = 0.0
    get_lag: _Seconds = 0.0
    drop_tags: StrictBool = False
    tag_length: _FromOne | None = None
    tag_count: _Count | None = None
    lower_tags: StrictBool = False
    clean_tags: Literal["never", "strip", "nfkc"] = "never"
    colon_tags: Literal["keep", "refuse", "drop"] = "keep"
    patch_without_tags: Literal["keep", "empty"] = "keep"
    patch_empty_tags: Literal["empty", "keep"] = "empty"
    tag_filter: Literal["exact", "no_colons", "nothing"] = "exact"
    match_any_tag: StrictBool = False
    self_lists_saved: StrictBool = False
    default_visibility: Visibility = "private"
    downgrade_public: Annotated[Literal["never", "create", "always", "refuse"], BeforeValidator(_downgrade)] = "create"
    gone_status: Literal[404, 403, 400] = 404
    foreign_private_status: Literal[403, 404] = 403
    max_offset: _Count | None = 10_000
    public_max_offset: _Count | None = 1_000
    signed_covers: StrictBool = False
    array_errors: StrictBool = True
    unauthorized_body: Literal["text", "json"] = "text"
    error_reasons: StrictBool = False
    rules: tuple[Fault, ...] = ()

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
            raise UsageError(f"{path}{line}: is not valid YAML", "see `voicectl help emulator`") from None
        try:
            return _validated({} if content is None else content)
        except ValueError as error:
            raise UsageError(f"{path}: {error}", "see `voicectl help emulator`") from None

    @classmethod
    def from_findings(cls, path: Path) -> Settings:
        """The settings in a JSON file that says what was found of a live provider: its `settings`, by the names here.

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
            raise UsageError(f"{path}: `format_version` is not 1.x: this version can't read these findings", hint)
        if "settings" not in content:
            raise UsageError(f"{path}: `settings` is missing", hint)
        try:
            return _validated(content["settings"])
        except ValueError as error:
            raise UsageError(f"{path}: settings: {error}", hint) from None


def _validated(content: object) -> Settings:
    """The settings in what YAML or JSON holds. Raises ValueError that names every field that is wrong."""
    try:
        return TypeAdapter(Settings).validate_python(content)
    except ValidationError as error:
        raise ValueError("; ".join(_sentence(item) for item in error.errors(include_url=False))) from None


def _sentence(item: Any) -> str:
    """What is wrong with one field."""
    *above, name = item["loc"] or ("",)
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in item["loc"]).lstrip(".")
    match item["type"]:
        case "unexpected_keyword_argument":
            target = Fault if above else Settings
            return f"{where}: unknown key{_did_you_mean(str(name), [each.name for each in fields(target)])}"
        case "missing":
            return f"{where}: is missing"
        case "dataclass_type":
            return f"{where}: must be a mapping".removeprefix(": ")
        case "value_error":
            return f"{where}: {item['input']!r} {item['ctx']['error']}"
        case _:
            return f"{where}: {item['input']!r}: {item['msg']}"


def _did_you_mean(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
