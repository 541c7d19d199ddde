"""The published JSON Schemas."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from voicectl.manifest.schema import manifest_schema, project_schema
from voicectl.manifest.yaml_source import parse

SCHEMAS = {"project": project_schema(), "manifest": manifest_schema()}


def described(schema: Any, path: str = "") -> list[str]:
    """Paths of properties without a description."""
    missing: list[str] = []
    for key, inner in schema.get("properties", {}).items():
        if "description" not in inner and "$ref" not in inner:
            missing.append(f"{path}.{key}")
    for name, inner in schema.get("$defs", {}).items():
        missing += described(inner, name)
    return missing


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid_closed_and_described(name: str) -> None:
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["title"]
    assert schema["description"]
    assert all(part["additionalProperties"] is False for part in [schema, *schema["$defs"].values()])
    assert described(schema) == []


def accepts(name: str, text: str) -> bool:
    document, problems = parse("f.yaml", text.encode())
    assert document is not None
    assert not problems
    return bool(jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(document.data))


@pytest.mark.parametrize(
    "text",
    [
        "voices: {a: {title: A, samples: [{audio: a.wav, transcript: x}], lifecycle: {retain: 0}}}",
        "voices: {a: {title: A, model: 802e3bc2b27e49c2995d23ef70e6ac89, external: true}}",
        "voices: {a: {title: A, consent: {speaker: x, granted_on: 2026-03-01, withdrawn_on: null}}}",
        "moved: [{from: a, to: b}]\nremoved: [{name: a, keep_model: true}]",
    ],
)
def test_good_manifests_fit(text: str) -> None:
    assert accepts("manifest", text)


@pytest.mark.parametrize(
    "text",
    [
        "voices: {A b: {title: A}}",
        "voices: {a: {titel: A}}",
        "voices: {a: {title: 3}}",
        "voices: {a: {samples: []}}",
        "voices: {a: {title: A, tags: ['a,b']}}",
        "voices: {a: {title: A, tags: ['voicectl:b']}}",
        "voices: {a: {title: A, visibility: unlisted}}",
        "voices: {a: {title: A, samples: [{audio: a.wav, transcript: x, transcript_file: y.txt}]}}",
        "voices: {a: {title: A, lifecycle: {retain: 7 days}}}",
        "moved: [{from: a}]",
    ],
)
def test_broken_manifests_do_not_fit(text: str) -> None:
    assert not accepts("manifest", text)


def test_project_files() -> None:
    assert accepts("project", "catalog: a\nretain: 7d\nconcurrency: auto\npolicy: {max_deletes: 30%, max_replaces: 3}")
    assert accepts("project", "catalog: a\nenvironments: {e: {retain: 0, voices: {n: {visibility: private}}}}")
    for broken in [
        "retain: 7d",
        "catalog: A",
        "catalog: a\nconcurrency: 0",
        "catalog: a\npolicy: {max_deletes: 101%}",
    ]:
        assert not accepts("project", broken)
