"""Whatever is in the project's files, loading ends with a catalog or a VoicectlError."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicectl.errors import InvalidFiles, Problem, VoicectlError
from voicectl.manifest.load import load_all

PROJECT = """\
catalog: acme
requires: ">=0"
manifests: ["voices/**/*.yaml"]
state: x/lock.json
concurrency: auto
retain: 7d
defaults: {tags: [a], visibility: private, lifecycle: {protect: true}}
policy:
  max_deletes: 30%
  require_consent: [public]
  min_sample_seconds: 3
  rules: [{message: m, schema: {maxLength: 3, properties: {title: {pattern: x}}}, level: warn}]
environments:
  staging: {title_suffix: x, voices: {a: {title: x, model: 802e3bc2b27e49c2995d23ef70e6ac89}}}
"""
MANIFEST = """\
voices:
  a: &a
    title: A
    visibility: public
    tags: [x, y]
    cover_image: a.png
    samples:
      - {audio: a.wav, transcript: x}
      - {audio: ../b.wav, transcript_file: t.txt}
    environments: [staging]
    consent: {speaker: J, granted_on: 2026-03-01, visibilities: [public]}
    lifecycle: {protect: true, ignore: [tags], retain: 3d}
    metadata: {x: [1, {y: z}]}
  b: {<<: *a, title: B, external: false}
moved: [{from: c, to: a}]
removed: [{name: d, keep_model: true}]
"""
WORDS = sorted(set(yaml.safe_load(PROJECT)) | set(yaml.safe_load(MANIFEST)) | {
    "title", "samples", "audio", "tags", "transcript", "transcript_file", "model", "external", "from", "to", "name",
    "a", "a.wav", "../a", "staging", "public", "lifecycle", "consent", "cover_image", "ignore", "granted_on", "",
})  # fmt: skip

scalars = st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=15,
)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "voices": st.dictionaries(st.sampled_from(["a", "b", "A", ""]), trees, max_size=2) | trees,
        "environments": st.dictionaries(st.sampled_from(["staging", "E"]), trees, max_size=2) | trees,
        "catalog": trees,
        "state": trees,
        "defaults": trees,
        "manifests": st.lists(st.text("v/*?[].!", max_size=8)) | trees,
        "moved": st.lists(st.dictionaries(st.sampled_from(["from", "to"]), st.sampled_from("abcd"))) | trees,
        "removed": trees,
    },
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    (root / "voices").mkdir()
    (root / "voices/a.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    (root / "voices/t.txt").write_bytes(b"words")
    return root


def check(root: Path, project: bytes, manifest: bytes, environment: str | None = "staging") -> None:
    (root / "voicectl.yaml").write_bytes(project)
    (root / "voices/a.yaml").write_bytes(manifest)
    complaints: list[Problem] = []
    try:
        complaints += load_all(root, environment)[1].warnings
    except InvalidFiles as error:
        complaints += error.problems
    except VoicectlError:
        pass
    for problem in complaints:
        assert problem.message
        assert "nput should be" not in problem.message
        assert min(problem.place.line, problem.place.column) > 0


run = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@run
@given(st.binary(max_size=80), st.booleans())
def test_random_bytes(root: Path, content: bytes, as_project: bool) -> None:
    project, manifest = (content, MANIFEST.encode()) if as_project else (PROJECT.encode(), content)
    check(root, project, manifest)


@run
@given(shaped | trees, shaped | trees)
def test_random_trees(root: Path, project: Any, manifest: Any) -> None:
    texts = [yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace") for tree in (project, manifest)]
    check(root, texts[0], texts[1], None)
    check(root, PROJECT.encode(), texts[1])
    check(root, texts[0], MANIFEST.encode(), None)


@run
@given(st.data())
def test_mutated_files(root: Path, data: st.DataObject) -> None:
    contents = [bytearray(PROJECT.encode()), bytearray(MANIFEST.encode())]
    for content in contents:
        for _ in range(data.draw(st.integers(0, 4))):
            at = data.draw(st.integers(0, len(content) - 1))
            length = data.draw(st.integers(0, 12))
            content[at : at + length] = data.draw(
                st.binary(max_size=3) | st.sampled_from([b"*a", b"&b ", b"<<: ", b"- ", b"\n", b"null", b"!x ", b"3"])
            )
    check(root, bytes(contents[0]), bytes(contents[1]))


@run
@given(st.text(max_size=12) | st.text("./\\ab*~", max_size=10))
def test_random_paths(root: Path, path: str) -> None:
    tree = {"voices": {"a": {"title": "A", "cover_image": path, "samples": [{"audio": path, "transcript_file": path}]}}}
    manifest = yaml.safe_dump(tree).encode()
    project = yaml.safe_dump({"catalog": "a", "state": path, "manifests": [path, "voices/*.yaml"]}).encode()
    check(root, project, manifest, None)
    check(root, b"catalog: a\n", manifest, None)


def test_the_files_that_are_mutated_are_good(root: Path) -> None:
    for name in ("a", "b"):
        assert name in MANIFEST
    (root / "voicectl.yaml").write_text(PROJECT)
    (root / "voices/a.yaml").write_text(MANIFEST)
    with pytest.raises(InvalidFiles) as caught:
        load_all(root, "staging")
    assert {p.message.split(":")[0] for p in caught.value.problems} == {"samples.audio", "cover_image"}
