"""The shape of the project file and of manifests: pydantic models, and the JSON Schemas made from them.

Only the shape is here: keys, types, patterns, sizes. Rules over several values are in `checks.py` and
`former_names.py`. Types are strict: a number does not count as a text.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from voicectl.manifest.values import (
    CatalogName,
    Concurrency,
    Count,
    Date,
    Duration,
    Flag,
    LintSetting,
    ModelId,
    Name,
    Number,
    Share,
    Tag,
    Text,
)
from voicectl.model.catalog import DEFAULT_RETENTION, Limit, OnConflict, OnDrift, RuleLevel
from voicectl.model.lint import RULES, Setting
from voicectl.model.voice import FieldName, Visibility

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_SAMPLES = 20
DEFAULT_MANIFESTS = ("voices/**/*.yaml", "voices/**/*.yml")
DEFAULT_STATE = "voicectl.lock.json"
EMULATOR_STATE = ".voicectl/emulator.lock.json"
"""Where the lockfile of the emulator is, if nobody says otherwise: beside its models, and out of Git."""


class _Closed(BaseModel):
    # Building a validator takes long, and most runs need the project file's alone: build each when it is first used.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Lifecycle(_Closed):
    """How careful to be with a voice."""

    protect: Flag = Field(default=False, description="Never retire, replace-and-delete or prune this voice's models.")
    ignore: list[FieldName] = Field(default_factory=list, description="Fields that are left to the provider's web app.")
    retain: Duration | None = Field(default=None, description="How long a retired model is kept; 0 deletes at once.")


class SpeechEntry(_Closed):
    """What to speak with."""

    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = Field(
        default="", description="The provider's speech model, such as s2.1-pro."
    )


class DefaultValues(_Closed):
    """Values for every voice that says nothing else. Tags are united; other keys give way."""

    description: str = Field(default="", description="Description of voices that have none.")
    visibility: Visibility = Field(default="private", description="Who can see the model.")
    tags: list[Tag] = Field(default_factory=list, description="Tags that every voice gets beside its own.")
    cover_image: Text = Field(default="", description="Cover image, relative to the project file.")
    enhance_audio_quality: Flag = Field(default=True, description="Let the provider clean up the samples.")
    lifecycle: Lifecycle = Field(default_factory=lambda: Lifecycle(), description="How careful to be with a voice.")
    speech: SpeechEntry | None = Field(default=None, description="What to speak with.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="Free values that stay in Git.")


class Override(_Closed):
    """What one voice has otherwise in one environment."""

    title: str = Field(default="", description="Title; the environment's title_suffix is still appended.")
    description: str = Field(default="", description="Description.")
    visibility: Visibility = Field(default="private", description="Who can see the model.")
    tags: list[Tag] = Field(default_factory=list, description="Tags, in place of all others.")
    cover_image: Text = Field(default="", description="Cover image, relative to the project file.")
    model: ModelId = Field(default="", description="Existing model to adopt in this environment.")


class RuleEntry(_Closed):
    """A rule of the team's own: a JSON Schema that every voice must fit."""

    model_config = ConfigDict(json_schema_extra={"required": ["schema", "message"]})

    shape: dict[str, Any] = Field(
        default_factory=dict, alias="schema", description="JSON Schema (draft 2020-12) over a voice's desired form."
    )
    message: Text = Field(default="", description="What is wrong with a voice that does not fit, in a sentence.")
    level: RuleLevel = Field(default="deny", description="deny refuses the plan; warn only says so.")


_LINT: dict[str, Any] = {
    rule.name: (LintSetting, Field(default_factory=Setting, description=f"A finding if {rule.says}."))
    for rule in RULES.values()
}
LintValues: Any = create_model(
    "LintValues", __base__=_Closed, __doc__="Levels and thresholds of `voicectl lint`.", **_LINT
)


class PolicyValues(_Closed):
    """The guards of an apply."""

    max_deletes: Share = Field(
        default_factory=lambda: Limit(30, percent=True),
        json_schema_extra={"default": "30%"},
        description="Voices that one apply may remove: a number, or a share of the catalog.",
    )
    max_replaces: Share = Field(
        default_factory=lambda: Limit(30, percent=True),
        json_schema_extra={"default": "30%"},
        description="Voices that one apply may replace: a number, or a share of the catalog.",
    )
    on_drift: OnDrift = Field(default="overwrite", description="What to do about changes made at the provider.")
    on_conflict: OnConflict = Field(default="fail", description="What to do about changes made on both sides.")
    min_sample_seconds: Number = Field(default=10.0, ge=0, description="Shorter samples give a warning.")
    require_consent: list[Visibility] = Field(
        default_factory=list, description="Visibilities for which a voice must carry consent."
    )
    max_visibility: Visibility = Field(default="public", description="What may be shown at most; wider is refused.")
    consent_warning_days: Count = Field(default=30, description="Warn so many days before a consent expires.")
    max_models: Count | None = Field(
        default=None, description="Models of this catalog in the account, retired generations included."
    )
    rules: list[RuleEntry] = Field(default_factory=list, description="Rules of your own, as JSON Schemas.")
    lint: LintValues = Field(
        default_factory=lambda: LintValues(), description="Levels and thresholds of `voicectl lint`, by rule."
    )


class Environment(_Closed):
    """A copy of the catalog with its own marks and lockfile."""

    title_suffix: str = Field(default="", description="Appended to every title.")
    retain: Duration | None = Field(default=None, description="How long a retired model is kept; 0 deletes at once.")
    defaults: DefaultValues = Field(
        default_factory=lambda: DefaultValues(), description="Defaults of this environment."
    )
    policy: PolicyValues = Field(
        default_factory=lambda: PolicyValues(), description="Guards that differ in this environment."
    )
    voices: dict[Name, Override] = Field(default_factory=dict, description="Overrides of metadata, by name.")


class ProjectFile(_Closed):
    """voicectl.yaml: where a catalog's manifests are, and the rules under which they are kept."""

    model_config = ConfigDict(json_schema_extra={"required": ["catalog"]})

    catalog: CatalogName = Field(default="", description="Name of the catalog: the namespace of its marks.")
    provider: Literal["fish", "emulator"] = Field(default="fish", description="Where the models live.")
    requires: Text = Field(default="", description='Versions of voicectl that may work here, such as ">=1.0,<2".')
    manifests: list[Text] = Field(default=list(DEFAULT_MANIFESTS), min_length=1, description="Globs of the manifests.")
    state: Text = Field(default=DEFAULT_STATE, description="Path of the lockfile.")
    concurrency: Concurrency = Field(default=4, description="Requests in flight at once.")
    retain: Duration = Field(
        default_factory=lambda: DEFAULT_RETENTION,
        description="How long a retired model is kept; 0 deletes at once.",
        json_schema_extra={"default": "7d"},
    )
    defaults: DefaultValues = Field(default_factory=lambda: DefaultValues(), description="Values for every voice.")
    policy: PolicyValues = Field(default_factory=lambda: PolicyValues(), description="The guards of an apply.")
    environments: dict[CatalogName, Environment] = Field(
        default_factory=dict, description="Copies of the catalog. If there are any, --env is required."
    )


class SampleEntry(_Closed):
    """One file of audio, with the words spoken in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["audio"],
            "not": {"required": ["transcript", "transcript_file"]},
        }
    )

    audio: Text = Field(default="", description="wav, mp3, m4a or opus file, relative to this manifest.")
    transcript: Text = Field(default="", description="The exact words spoken.")
    transcript_file: Annotated[str, Field(pattern=r"\.txt$")] = Field(
        default="", description="UTF-8 text file with the exact words spoken, relative to this manifest."
    )


class ConsentEntry(_Closed):
    """The speaker's consent."""

    model_config = ConfigDict(json_schema_extra={"required": ["speaker"]})

    speaker: Text = Field(default="", description="Who gave it.")
    document: Text = Field(default="", description="Where it is kept; a reference for people.")
    granted_on: Date = Field(default=None, description="Date of the consent.")
    expires_on: Date = Field(default=None, description="Last date on which it holds.")
    withdrawn_on: Date = Field(
        default=None,
        description="Set when it was withdrawn: every generation is deleted, its inputs are refused.",
    )
    visibilities: list[Visibility] = Field(
        default=["private"], min_length=1, description="Visibilities that it covers."
    )


class VoiceEntry(_Closed):
    """One voice. It needs samples, or the id of an existing model."""

    model_config = ConfigDict(
        json_schema_extra={"required": ["title"]},
    )

    title: str = Field(default="", description="Title of the model.", json_schema_extra={"minLength": 1})
    description: str = Field(default="", description="Description of the model.")
    visibility: Visibility = Field(default="private", description="Who can see the model.")
    tags: list[Tag] = Field(default_factory=list, description="Tags, beside those of the defaults.")
    cover_image: Text = Field(
        default="",
        description="png, jpeg, webp or gif file, relative to this manifest; required when public.",
    )
    enhance_audio_quality: Flag = Field(default=True, description="Let the provider clean up the samples.")
    samples: list[SampleEntry] = Field(
        default_factory=list, min_length=1, max_length=MAX_SAMPLES, description="What the model is made from."
    )
    environments: list[CatalogName] = Field(
        default_factory=list, min_length=1, description="Environments that have this voice; all if left out."
    )
    consent: ConsentEntry | None = Field(default=None, description="The speaker's consent.")
    lifecycle: Lifecycle = Field(default_factory=lambda: Lifecycle(), description="How careful to be with this voice.")
    speech: SpeechEntry | None = Field(default=None, description="What to speak with; `say` and applications use it.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="Free values that stay in Git.")
    model: ModelId = Field(default="", description="Existing model to adopt.")
    external: Flag = Field(default=False, description="Not ours to change: looked up and checked, never written to.")


class MoveEntry(_Closed):
    """A voice got another name; its model stays."""

    model_config = ConfigDict(json_schema_extra={"required": ["from", "to"]})

    old: Name = Field(default="", alias="from", description="The name before.")
    new: Name = Field(default="", alias="to", description="The name now.")


class RemovalEntry(_Closed):
    """How a voice leaves the catalog."""

    model_config = ConfigDict(json_schema_extra={"required": ["name"]})

    name: Name = Field(default="", description="The name that was removed.")
    keep_model: Flag = Field(default=False, description="Forget the model instead of retiring it.")


class ManifestFile(_Closed):
    """A manifest: voices by name, and what became of earlier names."""

    voices: dict[Name, VoiceEntry] = Field(default_factory=dict, description="The voices, by name.")
    moved: list[MoveEntry] = Field(default_factory=list, description="Voices that got another name.")
    removed: list[RemovalEntry] = Field(default_factory=list, description="Voices that left the catalog.")


def project_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `voicectl.yaml`."""
    return _published(ProjectFile, "voicectl project file")


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a manifest."""
    return _published(ManifestFile, "voicectl manifest")


def _published(model: type[BaseModel], title: str) -> dict[str, Any]:
    schema = _tidied(model.model_json_schema(mode="validation"))
    return {"$schema": DIALECT, **schema, "title": title}


def _tidied(value: Any, *, names: bool = False) -> Any:
    """Without generated titles and the empty defaults that stand for "not given"; names closed."""
    if isinstance(value, list):
        return [_tidied(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _tidied(inner, names=key in ("properties", "$defs"))
        for key, inner in value.items()
        if names or not (key == "title" or (key == "default" and inner in ("", [], {}, None)))
    }
    if "patternProperties" in kept and not names:
        kept["additionalProperties"] = False
    return kept
