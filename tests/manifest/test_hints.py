"""Hints that name a way out: whoever goes it literally arrives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest

from voicectl.errors import Problem
from voicectl.model.catalog import Catalog

V = "voices/v.yaml"
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
Load = Callable[..., Catalog]
Find = Callable[..., list[Problem]]


def manifest(audio: str = "../samples/a.wav", more: str = "") -> str:
    return f"voices:\n  narrator:\n    title: T\n    samples: [{{audio: {audio}}}]\n{more}"


@pytest.mark.parametrize("written", ["../samples/A.wav", "../Samples/a.WAV", "../samples/../SAMPLES/a.wav"])
def test_a_name_in_other_letters_is_told_as_it_stands_on_the_disk(load: Load, problems: Find, written: str) -> None:
    (found,) = problems({V: manifest(written)})
    hint = re.search("there is '(.*)': file names are case-sensitive here", found.hint)
    assert hint is not None, found.hint
    assert load({V: manifest(hint[1])}).voices["narrator"].samples[0].path == "samples/a.wav"


@pytest.mark.parametrize("key", ["transcript_file", "cover_image"])
def test_so_are_transcripts_and_covers(problems: Find, key: str) -> None:
    more = "    cover_image: ../covers/A.png\n" if key == "cover_image" else ""
    audio = "../samples/a.wav, transcript_file: ../texts/A.txt" if key == "transcript_file" else "../samples/a.wav"
    (found,) = problems({V: manifest(audio, more), "texts/a.txt": "words"})
    assert "file names are case-sensitive here" in found.hint


def test_a_name_in_another_unicode_form_is_told_so(problems: Find) -> None:
    on_disk = "samples/" + unicodedata.normalize("NFD", "é.wav")
    (found,) = problems({V: manifest("../samples/é.wav"), on_disk: b"RIFF"})
    assert "the same letters in another Unicode form" in found.hint
    assert f"../{on_disk}" in found.hint


def test_what_is_outside_the_project_or_behind_a_link_is_not_named(
    write: Callable[..., object], problems: Find, tmp_path: object
) -> None:
    root = write({})
    (root.parent / "Secret.wav").write_bytes(b"RIFF")  # type: ignore[attr-defined]
    (root / "samples" / "out").symlink_to(root.parent)  # type: ignore[attr-defined, operator]
    for written in ("../../secret.wav", "../samples/out/secret.wav"):
        (found,) = problems({V: manifest(written)})
        assert "Secret" not in str(found)


def test_a_pointer_is_no_transcript(load: Load, problems: Find) -> None:
    text = manifest("../samples/a.wav, transcript_file: ../samples/a.txt")
    for pointer in (POINTER, "\ufeff" + POINTER):
        (found,) = problems({V: text, "samples/a.txt": pointer})
        assert "'../samples/a.txt' is a Git LFS pointer, not the text" in found.message
        assert "git lfs pull" in found.hint
    voice = load({V: text, "samples/a.txt": "What git lfs pull brings.\n"}).voices["narrator"]
    assert voice.samples[0].transcript == "What git lfs pull brings."


@pytest.mark.parametrize(
    ("name", "kind"), [("samples/a.wav", "audio (wav)"), ("covers/a.png", "a picture (image/png)")]
)
def test_a_glob_that_takes_in_more_than_manifests(load: Load, problems: Find, name: str, kind: str) -> None:
    wide = f"catalog: acme\nmanifests: [voices/*.yaml, {name}]\n"
    (found,) = problems({"voicectl.yaml": wide, V: manifest()})
    assert str(found) == f"{name}:1:1: this is {kind}, not YAML text; narrow `manifests:` in voicectl.yaml"
    assert load({"voicectl.yaml": "catalog: acme\nmanifests: [voices/*.yaml]\n", V: manifest()}).voices


@pytest.mark.parametrize("given", ["999999d", "36501d", "100000w"])
def test_a_retention_out_of_bounds_is_told_the_bound(load: Load, problems: Find, given: str) -> None:
    (found,) = problems({"voicectl.yaml": f"catalog: acme\nretain: {given}\n", V: manifest()})
    assert "is not a duration" not in found.message
    longest = re.search(r"\d+d(?=,| is the longest)", found.message)
    assert longest is not None
    assert load({"voicectl.yaml": f"catalog: acme\nretain: {longest[0]}\n", V: manifest()}).retain.days == 36500


@pytest.mark.parametrize("key", ["title", "description"])
def test_a_rule_about_a_title_belongs_under_properties(load: Load, problems: Find, key: str) -> None:
    rules = "catalog: acme\npolicy: {{rules: [{{message: m, schema: {}}}]}}\n"
    (found,) = problems({"voicectl.yaml": rules.format(f"{{{key}: false}}"), V: manifest()})
    assert f"belongs under `properties`, as in {{properties: {{{key}: …}}}}" in found.message
    assert load({"voicectl.yaml": rules.format(f"{{properties: {{{key}: false}}}}"), V: manifest()}).policy.rules


def test_an_override_of_a_voice_that_was_removed_is_to_be_deleted(load: Load, problems: Find) -> None:
    project = "catalog: acme\nenvironments:\n  production:\n    voices:\n"
    override = "      narrator-2: {model: 802e3bc2b27e49c2995d23ef70e6ac89}\n"
    (found,) = problems({"voicectl.yaml": project + override, V: manifest()}, "production")
    assert "this overrides 'narrator-2', and no manifest has that voice" in found.message
    assert found.hint.startswith("if it was removed, delete the override")
    assert load({"voicectl.yaml": project.removesuffix("    voices:\n") + "\n", V: manifest()}, "production").voices


def test_metadata_keeps_its_texts_and_other_types_are_read_where_they_are_meant(load: Load) -> None:
    more = (
        "    description: no\n    enhance_audio_quality: No\n    lifecycle: {protect: on}\n"
        "    consent: {speaker: 007, document: 1.10}\n    tags: [no, 1.10]\n"
        "    metadata: {version: 1.10, country: NO, id: 007, deep: [{at: 12:30:00, on: 2026-01-01}],\n"
        "      n: 3, x: 1.5, y: true}\n"
    )
    project = "catalog: acme\npolicy: {min_sample_seconds: 10.50}\nenvironments: {e: {title_suffix: 1.0e3}}\n"
    catalog = load({"voicectl.yaml": project, V: manifest(more=more)}, "e")
    voice = catalog.voices["narrator"]
    assert voice.metadata.title == "T1.0e3"
    assert (voice.metadata.description, voice.metadata.tags) == ("no", ("1.10", "no"))
    assert (voice.enhance, voice.lifecycle.protect, catalog.policy.min_sample_seconds) == (False, True, 10.5)
    assert voice.consent is not None
    assert (voice.consent.speaker, voice.consent.document) == ("007", "1.10")
    assert voice.free == {
        "version": "1.10",
        "country": "NO",
        "id": "007",
        "deep": [{"at": "12:30:00", "on": "2026-01-01"}],
        "n": 3,
        "x": 1.5,
        "y": True,
    }
