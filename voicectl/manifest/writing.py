"""Manifests for models that exist already, and the project file's entries for them."""

from __future__ import annotations

import io
from typing import Any

import yaml

from voicectl.manifest.values import Tag
from voicectl.model import canonical
from voicectl.model.observed import Model

_HEAD = "# Written by `voicectl import`: the next apply writes ownership tags on the model, and nothing else.\n"


def manifest_text(name: str, model: Model, environment: str | None, suffix: str) -> tuple[str, list[str]]:
    """A manifest of one voice whose plan adopts this model and changes nothing, and what it could not say.

    In a project with environments the voice is in this one only, its id has to stand in the project file, and the
    environment's title `suffix` is taken off.
    """
    left_out = []
    values: dict[str, Any] = {} if environment else {"model": model.id}
    title = canonical.text(model.title)
    values["title"] = canonical.text(title.removesuffix(suffix)) or name
    if suffix and not title.endswith(suffix):
        left_out.append(f"{name}: its title lacks the title_suffix {suffix!r}, which the next apply adds")
    if not canonical.text(model.title):
        left_out.append(f"{name}: the model has no title, and gets {name!r}")
    if canonical.text(model.description):
        values["description"] = canonical.text(model.description)
    values["visibility"] = model.visibility
    tags = model.plain_tags
    if tags and all(_writable(tag) for tag in tags):
        values["tags"] = list(tags)
    elif tags:
        left_out.append(f"{name}: its tags can't be written in a manifest, and stay unmanaged")
    values |= {"environments": [environment]} if environment else {}
    text = yaml.safe_dump({"voices": {name: values}}, sort_keys=False, allow_unicode=True, width=1000)
    return _HEAD + text, left_out


def _writable(tag: str) -> bool:
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(Tag).validate_python(tag)
    except ValidationError:
        return False
    return True


def with_models(project_text: str, environment: str, models: dict[str, str]) -> str:
    """The project file with `environments.<environment>.voices.<name>.model` for each name, all else as it was."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 10_000
    data = editor.load(project_text)
    chosen = _mapping(_mapping(data, "environments"), environment)
    voices = _mapping(chosen, "voices")
    for name, model_id in models.items():
        _mapping(voices, name)["model"] = model_id
    buffer = io.StringIO()
    editor.dump(data, buffer)
    return buffer.getvalue()


def _mapping(parent: Any, key: str) -> Any:
    """The mapping under a key, made if there is none."""
    if not isinstance(parent.get(key), dict):
        parent[key] = {}
    return parent[key]
