"""Finding and reading the project file."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from voicectl.errors import InvalidFiles, ProjectNotFound, UsageError
from voicectl.manifest.project import find_project, load_project, state_path
from voicectl.model.catalog import Limit, Policy

Write = Callable[..., Path]


def test_found_at_or_above(write: Write, tmp_path: Path) -> None:
    root = write({"voices/deep/x.yaml": ""})
    assert find_project(root) == find_project(root / "voices/deep") == root
    assert find_project(chdir=root) == root


def test_not_found_says_what_to_do(write: Write, tmp_path: Path) -> None:
    root = write({"sub/voicectl.yml": ""})
    with pytest.raises(ProjectNotFound) as caught:
        find_project(chdir=tmp_path)
    assert "voicectl init" in caught.value.hint
    with pytest.raises(ProjectNotFound, match="does not exist"):
        find_project(chdir=root / "nowhere")
    with pytest.raises(ProjectNotFound) as caught:
        find_project(chdir=root / "sub")
    assert caught.value.hint == "rename voicectl.yml to voicectl.yaml"
    with pytest.raises(ProjectNotFound):
        find_project(tmp_path)
    with pytest.raises(ProjectNotFound):
        load_project(tmp_path, None)


def test_values_and_defaults(write: Write) -> None:
    project = load_project(write({}), None)
    assert (project.catalog, project.namespace, project.provider, project.file) == (
        "acme",
        "acme",
        "fish",
        "voicectl.yaml",
    )
    assert (project.state, project.concurrency, project.retain) == (
        "voicectl.lock.json",
        4,
        timedelta(days=7),
    )
    assert (project.manifests, project.policy) == (("voices/**/*.yaml", "voices/**/*.yml"), Policy())


def test_everything_given(write: Write) -> None:
    text = (
        "catalog: acme-2\nprovider: emulator\nrequires: '>=0.0.1'\nmanifests: [v.yaml]\nstate: x/lock.json\n"
        "concurrency: auto\nretain: 12h\npolicy: {max_deletes: 3, max_replaces: 50%, on_drift: keep,\n"
        "  on_conflict: overwrite, min_sample_seconds: 5, require_consent: [public]}\n"
        "environments: {e-1: }\n"
    )
    project = load_project(write({"voicectl.yaml": text}), "e-1")
    assert (project.namespace, project.provider, project.state) == (
        "acme-2.e-1",
        "emulator",
        "x/lock.e-1.json",
    )
    assert (project.concurrency, project.retain) == ("auto", timedelta(hours=12))
    assert project.policy == Policy(Limit(3), Limit(50, True), "keep", "overwrite", 5.0, frozenset({"public"}))


@pytest.mark.parametrize(
    ("state", "environment", "path"),
    [
        ("voicectl.lock.json", None, "voicectl.lock.json"),
        ("voicectl.lock.json", "staging", "voicectl.staging.lock.json"),
        ("x/lock.json", "staging", "x/lock.staging.json"),
        ("x/lock", "staging", "x/lock.staging"),
    ],
)
def test_state_of_an_environment(state: str, environment: str | None, path: str) -> None:
    assert state_path(state, environment) == path


def test_a_build_on_the_way_to_a_version_counts_as_it(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicectl.manifest.project.VERSION", "1.0.0.dev0")
    root = write({"voicectl.yaml": 'catalog: a\nrequires: ">=1.0,<2"\n'})
    assert load_project(root, None).catalog == "a"


def test_environment_has_to_fit(write: Write) -> None:
    root = write({"voicectl.yaml": "catalog: a\nenvironments: {staging: {}, production: {}}\n"})
    with pytest.raises(UsageError, match="production, staging") as caught:
        load_project(root, None)
    assert "--env" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        load_project(root, "stagin")
    assert caught.value.hint == "did you mean 'staging'?"
    with pytest.raises(UsageError, match="no environments"):
        load_project(write({"voicectl.yaml": "catalog: a\n"}), "staging")


def test_a_project_file_behind_a_link_is_not_read(write: Write, tmp_path: Path) -> None:
    root = write({})
    secret = tmp_path / "secret"
    secret.write_text("token: abc\n")
    (root / "voicectl.yaml").unlink()
    (root / "voicectl.yaml").symlink_to(secret)
    with pytest.raises(InvalidFiles) as caught:
        load_project(root, None)
    assert [p.message for p in caught.value.problems] == ["'voicectl.yaml' is outside the project"]


def test_a_pipe_is_no_project_file(write: Write) -> None:
    root = write({})
    (root / "voicectl.yaml").unlink()
    os.mkfifo(root / "voicectl.yaml")
    with pytest.raises(ProjectNotFound):
        load_project(root, None)
