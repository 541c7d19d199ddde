"""The files that teams copy: valid by their published schemas, pinned, and without a stranger's text in a script."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.hosting.runner import ACTIONS, ROOT

GITOPS = ROOT / "examples" / "gitops"
WORKFLOWS = sorted((GITOPS / ".github/workflows").glob("*.yml"))
REPOSITORY = sorted((ROOT / ".github/workflows").glob("*.yml"))
METADATA = sorted(ACTIONS.glob("*/action.yml"))
SCRIPTS = sorted([*ACTIONS.glob("*/*.sh"), *GITOPS.glob("ci/*.sh")])
WRITES = {
    ("plan", "plan"): {"pull-requests"},
    ("plan", "live"): {"pull-requests"},
    ("plan", "preview"): set(),
    ("apply", "apply"): {"contents"},
    ("drift", "drift"): {"issues", "security-events"},
}
"""Every right to write, by workflow and job."""


def load(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return value


def check(schema: str, *files: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_are_valid() -> None:
    assert len(WORKFLOWS) == 3
    check("github-workflows", *WORKFLOWS, *REPOSITORY)


def test_actions_are_valid() -> None:
    assert [path.parent.name for path in METADATA] == ["apply", "drift", "plan", "preview", "setup"]
    check("github-actions", *METADATA)


def test_the_pipeline_and_the_updates_are_valid() -> None:
    check("gitlab-ci", GITOPS / ".gitlab-ci.yml")
    check("dependabot", GITOPS / ".github/dependabot.yml")


def test_a_broken_workflow_would_be_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("on: push\njobs: {a: {runs-on: x, steps: [{uses: a@b, runs: c}]}}\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="Additional properties"):
        check("github-workflows", broken)


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
def test_actionlint_has_nothing_to_say() -> None:
    done = subprocess.run(
        ["actionlint", *map(str, [*WORKFLOWS, *REPOSITORY])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    done = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_everything_is_pinned_by_commit() -> None:
    used = [use for path in [*WORKFLOWS, *METADATA] for use in re.findall(r"uses:\s*(.+)", path.read_text("utf-8"))]
    ours = [use for use in used if use.startswith("voicectl/")]
    assert all(re.fullmatch(r"voicectl/voicectl/\.github/actions/\w+@[0-9a-f]{40}", use) for use in ours)
    assert len({use.partition("@")[2] for use in ours}) == 1
    others = set(used) - set(ours)
    assert others
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", use) for use in others)
    pins = dict(use.split("@") for use in used)
    for name, pin in (
        use.split("@") for path in REPOSITORY for use in re.findall(r"uses:\s*(.+)", path.read_text("utf-8"))
    ):
        assert pins.get(name, pin) == pin, f"{name} is pinned twice"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_is_granted_that_is_not_needed(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow["on"])
    for name, job in workflow["jobs"].items():
        granted = {right for right, how in job["permissions"].items() if how == "write"}
        assert granted == WRITES[path.stem, name]
        secret = [step for step in job["steps"] if "secrets." in json.dumps(step)]
        used = {step["uses"].split("/")[-1].split("@")[0] for step in secret}
        assert used == (set() if name in ("plan", "preview") else {"plan" if name == "live" else name})
        assert not secret or job["environment"], "the key is a secret of an environment, which protects it"


def test_applies_follow_each_other() -> None:
    apply = load(GITOPS / ".github/workflows/apply.yml")
    assert apply["concurrency"] == {"group": "voicectl-apply", "cancel-in-progress": "false"}
    assert "strategy" not in apply["jobs"]["apply"], "the environments follow each other in one job"
    pipeline = yaml.safe_load((GITOPS / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    assert pipeline[".apply"]["resource_group"]
    assert "ci/voicectl.sh push" in pipeline[".apply"]["after_script"]
    assert pipeline["production"]["needs"] == ["staging"]
    assert load(GITOPS / ".github/workflows/plan.yml")["jobs"]["live"]["needs"] == "plan"


def test_the_key_reaches_one_step_of_an_action_and_the_token_another() -> None:
    for path in METADATA:
        steps = load(path)["runs"]["steps"]
        for step in steps:
            environment = json.dumps(step.get("env", {}))
            assert not ("inputs.api-key" in environment and "inputs.token" in environment), step["name"]
        keyed = [step["name"] for step in steps if "inputs.api-key" in json.dumps(step)]
        assert len(keyed) == (0 if path.parent.name in ("setup", "preview") else 1)


def test_no_expression_stands_in_a_script() -> None:
    steps = [step for path in METADATA for step in load(path)["runs"]["steps"]]
    steps += [step for path in WORKFLOWS for job in load(path)["jobs"].values() for step in job["steps"]]
    assert not [step["run"] for step in steps if "${{" in step.get("run", "")]


def test_nothing_of_the_scratch_directory_is_cached() -> None:
    for path in [*WORKFLOWS, *METADATA, GITOPS / ".gitlab-ci.yml"]:
        text = path.read_text(encoding="utf-8")
        assert "actions/cache" not in text
        assert not re.search(r"^\s*cache:", text, re.M)


def test_the_editor_has_the_published_schemas() -> None:
    for name in ("project", "manifest"):
        copy = (GITOPS / ".vscode" / f"{name}.schema.json").read_text(encoding="utf-8")
        assert copy == (ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"), "run `make schemas`"
    settings = json.loads((GITOPS / ".vscode/settings.json").read_text(encoding="utf-8"))
    assert all((GITOPS / name).is_file() for name in settings["yaml.schemas"])
    check_file = [sys.executable, "-m", "check_jsonschema", "--schemafile"]
    for name, files in (("project", [GITOPS / "voicectl.yaml"]), ("manifest", sorted(GITOPS.glob("voices/*.yaml")))):
        command = [*check_file, str(GITOPS / f".vscode/{name}.schema.json"), *map(str, files)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_action_installs_what_the_tests_ran_with() -> None:
    needed = (ACTIONS / "setup/requirements.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w-]+)==([^\s;]+)", needed, re.M))
    tested = dict(
        line.replace("_", "-").lower().split("==") for line in (ROOT / "constraints.txt").read_text().splitlines()
    )
    assert {name: version for name, version in pins.items() if tested.get(name, version) != version} == {}
    entries = re.split(r"^(?=[\w-]+==)", needed, flags=re.M)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    with (ROOT / "pyproject.toml").open("rb") as file:
        import tomllib

        wanted = tomllib.load(file)["project"]["dependencies"]
    assert {re.split("[><=]", name)[0].replace(".", "-") for name in wanted} <= pins.keys()


def test_hooks_name_commands_that_exist(tmp_path: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    used = yaml.safe_load((GITOPS / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {hook["id"] for hook in used["repos"][0]["hooks"]} == {hook["id"] for hook in hooks}
    for hook in hooks:
        done = subprocess.run(
            [sys.executable, "-m", *hook["entry"].split(), "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_a_release_hands_out_a_repository_that_is_ready(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "voicectl-1.2.3-py3-none-any.whl").write_bytes(b"a wheel")
    commit = "0123456789" * 4
    release = [sys.executable, str(ROOT / ".ci/release.py"), "kit", str(dist), str(tmp_path)]
    assert subprocess.run([*release, "main"], capture_output=True, check=False).returncode == 1
    subprocess.run([*release, commit], check=True)
    with tarfile.open(tmp_path / "voicectl-gitops.tar.gz") as archive:
        archive.extractall(tmp_path / "copy", filter="data")
    copy = tmp_path / "copy/voicectl-gitops"
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert {".github/workflows/apply.yml", ".gitattributes", "voices/game.yaml", "ci/voicectl.sh"} <= names
    used = [use for path in copy.glob(".github/workflows/*.yml") for use in path.read_text("utf-8").split("uses: ")[1:]]
    ours = {use.split()[0].partition("@")[2] for use in used if use.startswith("voicectl/")}
    assert ours == {commit}
    assert f"actions/setup@{commit}" in (copy / ".github/workflows/plan.yml").read_text("utf-8")
    needed = (copy / "ci/requirements.txt").read_text("utf-8")
    assert needed == (tmp_path / "voicectl-requirements.txt").read_text("utf-8")
    assert "voicectl==1.2.3 \\\n    --hash=sha256:" in needed
    assert (copy / "ci/voicectl.sh").stat().st_mode & 0o111
