"""Rules that need more than one value of a voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voicectl.errors import Place
from voicectl.manifest.layers import Declared
from voicectl.manifest.problems import Problems, did_you_mean
from voicectl.manifest.project import Project
from voicectl.manifest.schema import ConsentEntry, SampleEntry
from voicectl.model import canonical
from voicectl.model.marker import MAX_MARKER, Marker
from voicectl.model.voice import Visibility

_NOT_FOR_EXTERNAL = (
    "samples",
    "visibility",
    "description",
    "tags",
    "cover_image",
    "enhance_audio_quality",
)


def check_voice(voice: Declared, problems: Problems) -> None:
    """All rules for one voice, except those that need its files."""
    _check_title(voice, problems)
    _check_marker(voice, problems)
    _check_model(voice, problems)
    _check_external(voice, problems)
    _check_samples(voice, problems)
    _check_cover(voice, problems)
    _check_consent(voice, problems)


def _check_title(voice: Declared, problems: Problems) -> None:
    layer = next((layer for layer in voice.specific if layer.has("title")), None)
    if layer is None:
        if not voice.is_broken("title"):
            problems.error(voice.place, f"voice {voice.name!r} has no title", "add `title:`")
    elif not canonical.text(layer.value("title")):
        problems.error(layer.place("title"), "title: must not be empty", "write a title")


def _check_marker(voice: Declared, problems: Problems) -> None:
    room = MAX_MARKER - len(Marker(voice.project.namespace, "", "0" * 12, retired=True).tag)
    if len(voice.name) > room and not voice.entry.external:
        message = f"the name {voice.name!r} is too long for the marks of {voice.project.namespace!r}"
        problems.error(voice.place, message, f"use at most {room} characters")


def _check_model(voice: Declared, problems: Problems) -> None:
    project = voice.project
    if project.environments and voice.own.has("model"):
        hint = f"write it as environments.{project.environment}.voices.{voice.name}.model in {project.file}"
        message = "model: a project with environments can't name a model in a manifest"
        problems.error(voice.own.place("model"), message, hint)
    if not voice.names_model and not voice.entry.samples and not voice.is_broken("samples"):
        message = f"voice {voice.name!r} has no samples"
        problems.error(voice.place, message, "add `samples:`, or `model:` to adopt an existing model")


def _check_external(voice: Declared, problems: Problems) -> None:
    if not voice.entry.external:
        return
    if not voice.model and not voice.is_broken("model"):
        where = f"environments.{voice.project.environment}.voices.{voice.name}.model in {voice.project.file}"
        hint = f"write it as {where}" if voice.project.environments else "add `model:`"
        problems.error(voice.own.key_place("external"), f"external voice {voice.name!r} has no model", hint)
    for layer in voice.specific:
        for key in _NOT_FOR_EXTERNAL:
            if layer.has(key):
                message = f"{key}: can't be set for an external voice"
                problems.error(layer.key_place(key), message, f"delete {key!r}, or `external: true`")


def _check_samples(voice: Declared, problems: Problems) -> None:
    samples = voice.entry.samples
    for index, sample in enumerate(samples):
        _check_sample(voice, index, sample, problems)
    if any(voice.is_broken("samples", index) for index in range(len(samples))):
        return
    with_words = [_has_words(sample) for sample in samples]
    if any(with_words) and not all(with_words):
        index = with_words.index(False)
        message = "samples: this sample has no transcript, others of the voice have one"
        hint = "give all samples a transcript, or none"
        problems.error(voice.own.place("samples", index), message, hint)


def _check_sample(voice: Declared, index: int, sample: SampleEntry, problems: Problems) -> None:
    given = sample.model_fields_set
    if "audio" not in given and not voice.is_broken("samples", index, "audio"):
        place = voice.own.place("samples", index)
        problems.error(place, "samples: this sample has no audio", "add `audio: <path>`")
    if {"transcript", "transcript_file"} <= given:
        message = "samples.transcript_file: a sample has either transcript or transcript_file"
        problems.error(voice.own.key_place("samples", index, "transcript_file"), message, "delete one of them")
    if "transcript" in given and not canonical.text(sample.transcript):
        message = "samples.transcript: must not be empty"
        hint = "write the words spoken, or leave it out for all samples"
        problems.error(voice.own.place("samples", index, "transcript"), message, hint)


def _has_words(sample: SampleEntry) -> bool:
    return bool({"transcript", "transcript_file"} & sample.model_fields_set)


def _check_cover(voice: Declared, problems: Problems) -> None:
    if voice.names_model or voice.is_broken("cover_image"):
        return
    if voice.value("visibility") == "public" and voice.layer_of("cover_image") is None:
        message = "visibility: a public voice needs a cover_image"
        problems.error(_visibility_place(voice), message, "add `cover_image:`, or choose unlist")


def _visibility_place(voice: Declared) -> Place:
    layer = voice.layer_of("visibility")
    # A default suits other voices, so the message points to this voice, which lacks the cover.
    return layer.place("visibility") if layer in voice.specific and layer is not None else voice.place


def _check_consent(voice: Declared, problems: Problems) -> None:
    consent = voice.entry.consent
    visibility: Visibility | None = voice.value("visibility", None if voice.names_model else "private")
    if consent is None:
        return
    if (
        not canonical.text(consent.speaker)
        and ("voices", voice.name, "consent", "speaker") not in voice.manifest.broken
    ):
        problems.error(voice.own.key_place("consent"), "consent: has no speaker", "add `speaker:`")
    _check_consent_dates(voice, consent, problems)
    # Without `visibilities` it covers private only; a plan refuses what would show the voice more widely.
    written = "visibilities" in consent.model_fields_set
    if written and visibility is not None and visibility not in consent.visibilities:
        message = f"consent.visibilities: the consent does not cover {visibility!r}, the voice's visibility"
        place = voice.own.place("consent", "visibilities")
        problems.error(place, message, "choose a visibility that it covers")


def _check_consent_dates(voice: Declared, consent: ConsentEntry, problems: Problems) -> None:
    if consent.granted_on is None:
        return
    for key, day in (("expires_on", consent.expires_on), ("withdrawn_on", consent.withdrawn_on)):
        if day is not None and day < consent.granted_on:
            message = f"consent.{key}: {day} is before granted_on ({consent.granted_on})"
            problems.error(voice.own.place("consent", key), message, "put the dates in order")


def check_environments(voice: Declared, problems: Problems) -> None:
    """A voice names only environments that the project has."""
    known = voice.project.environments
    for index, name in enumerate(voice.entry.environments):
        if name not in known:
            otherwise = "" if known else f"{voice.project.file} has no `environments:`"
            hint = did_you_mean(name, known, otherwise)
            problems.error(voice.own.place("environments", index), f"environments: there is no {name!r}", hint)


def check_overrides(project: Project, voices: Mapping[str, Declared], problems: Problems) -> None:
    """Every environment overrides only voices that the manifests have."""
    for environment, values in project.content.environments.items():
        for name in values.voices:
            path = ("environments", environment, "voices", name)
            declared = voices.get(name)
            if declared is None:
                message = f"environments.{environment}.voices: this overrides {name!r}, and no manifest has that voice"
                near = did_you_mean(name, voices, " ").strip()
                hint = f"if it was removed, delete the override; else: {near}" if near else "delete the override"
                problems.error(project.document.key(path), message, hint)
            elif declared.entry.environments and environment not in declared.entry.environments:
                message = f"environments.{environment}.voices: {name!r} is not in this environment"
                hint = f"add {environment!r} to its `environments:`, or delete the override"
                problems.warn(project.document.key(path), message, hint)


def check_models(project: Project, voices: Sequence[Declared], problems: Problems) -> None:
    """No two voices, and no two environments, adopt the same model."""
    users: dict[str, tuple[str, Place]] = {}
    for voice in voices:
        if not voice.model:
            continue
        layer = voice.override if voice.override is not None and voice.override.has("model") else voice.own
        _note_model(users, voice.model, f"voice {voice.name!r}", layer.place("model"), problems)
    external = {voice.name for voice in voices if voice.entry.external}
    for environment, values in project.content.environments.items():
        for name, override in values.voices.items():
            if environment != project.environment and override.model and name not in external:
                place = project.document.value(("environments", environment, "voices", name, "model"))
                _note_model(users, override.model, f"voice {name!r} of {environment}", place, problems)


def _note_model(users: dict[str, tuple[str, Place]], model: str, user: str, place: Place, problems: Problems) -> None:
    if model in users:
        other, where = users[model]
        problems.error(place, f"model: {model} is also the model of {other} ({where})", "name each model once")
    else:
        users[model] = user, place
