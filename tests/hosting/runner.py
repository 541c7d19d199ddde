"""A runner for workflows: reads the files, hands out tokens and secrets as the service would, runs the steps in bash.

It knows what our workflows and actions use and fails on everything else, so that nothing passes unseen.
Facts: docs.github.com, "Workflow syntax", "Metadata syntax", "Workflow commands", "Use GITHUB_TOKEN in workflows".
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.hosting.expressions import condition, filled
from tests.hosting.github_service import GitHubService
from tests.warm import warm

ROOT = Path(__file__).parent.parent.parent
REAL = str(Path(sys.executable).parent)
"""The directory of the real `voicectl`, for a PATH."""
ACTIONS = ROOT / ".github" / "actions"
_USES = re.compile(r"(?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40})")
_OURS = "voicectl/voicectl/.github/actions/"
_SHELL = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]

Values = dict[str, Any]


@dataclass
class Event:
    """What sets workflows off."""

    name: str
    ref: str
    sha: str
    payload: Values = field(default_factory=dict)
    fork: bool = False


@dataclass
class Settings:
    """The repository's settings."""

    environments: dict[str, Values] = field(default_factory=dict)
    """By name: `branches` that may use it, and its `secrets`."""
    variables: Values = field(default_factory=dict)


@dataclass
class Kill:
    """Where the machine dies: before the step whose name begins so. Or in which step, and once what is so, it is
    cancelled."""

    before: str | None = None
    signal_in: str | None = None
    once: Callable[[], bool] = lambda: True


@dataclass
class Job:
    """How a job went."""

    name: str
    failed: bool = False
    skipped: bool = False
    died: bool = False
    log: str = ""
    summary: str = ""
    keys_seen: dict[str, bool] = field(default_factory=dict)
    """By step: whether the account's key was in its environment."""
    tokens_seen: dict[str, bool] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    artifacts: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """By name: the uploaded files."""

    def annotations(self, level: str) -> list[str]:
        return [line for line in self.log.splitlines() if line.startswith(f"::{level} ")]


class Died(Exception):
    """The machine is gone."""


class Runner:
    """Machines for one repository."""

    def __init__(self, service: GitHubService, directory: Path, settings: Settings, extra: Mapping[str, str]) -> None:
        self.service = service
        self.directory = directory
        self.settings = settings
        self.extra = dict(extra)
        """What the machines have in their environment, such as the address of the account."""
        self.narrowed: dict[str, list[str]] = {}
        """Values of a matrix that are run, to save time where the others would show nothing new."""
        self.left_out = {"preview"}
        """Jobs that are not run, to save time."""
        self.real = False
        """Whether the machines have the real entry point instead of a warm one."""
        self._runs = itertools.count(9001)

    def workflows(self, event: Event) -> Iterator[tuple[str, Values]]:
        """The workflows that an event sets off, as the repository has them at that commit."""
        names = self._git("ls-tree", "--name-only", event.sha, ".github/workflows/").split()
        for name in names:
            workflow = yaml.load(self._git("show", f"{event.sha}:{name}"), Loader=yaml.BaseLoader)
            if self._triggered(workflow["on"], event):
                yield Path(name).stem, workflow

    def _triggered(self, on: Any, event: Event) -> bool:
        if event.name not in on:
            return False
        rules = (on.get(event.name) if isinstance(on, dict) else None) or {}
        if event.name != "push":
            return True
        if "[skip ci]" in self._git("log", "-1", "--format=%B", event.sha):
            return False
        branch = event.ref.removeprefix("refs/heads/")
        changed = self._git("diff", "--name-only", f"{event.sha}^1", event.sha).split()
        ignored = rules.get("paths-ignore", [])
        seen = [path for path in changed if not any(fnmatch.fnmatch(path, glob) for glob in ignored)]
        return branch in rules.get("branches", [branch]) and bool(seen)

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.service.bare, capture_output=True, text=True, check=False)
        return done.stdout

    def run(self, event: Event, *, kill: Kill | None = None) -> list[Job]:
        """Everything that an event sets off, one job after the other."""
        jobs: list[Job] = []
        for name, workflow in self.workflows(event):
            failed: set[str] = set()
            for job_name, job in workflow["jobs"].items():
                if job_name in self.left_out:
                    continue
                if job.get("needs") in failed:
                    jobs.append(Job(f"{name}/{job_name}", skipped=True))
                    continue
                done = list(self._job(f"{name}/{job_name}", workflow, job, event, kill))
                failed |= {job_name for each in done if each.failed}
                jobs += done
        return jobs

    def _job(self, name: str, workflow: Values, job: Values, event: Event, kill: Kill | None) -> Iterator[Job]:
        github = self._github(event)
        contexts: Values = {"github": github, "vars": self.settings.variables, "secrets": {}}
        if not condition(job.get("if"), contexts, failed=False):
            yield Job(name, skipped=True)
            return
        strategy = job.get("strategy", {})
        matrix_of = {key: self.narrowed.get(key, values) for key, values in strategy.get("matrix", {}).items()}
        keys = list(matrix_of)
        failed = False
        for values in itertools.product(*matrix_of.values()):
            if failed and strategy.get("fail-fast", "true") == "true":
                yield Job(f"{name} ({', '.join(values)})", skipped=True)
                continue
            matrix = dict(zip(keys, values, strict=True))
            result = Job(f"{name} ({', '.join(values)})" if values else name)
            permissions: dict[str, str] = job.get("permissions") or workflow["permissions"]
            if event.fork:
                permissions = dict.fromkeys(permissions, "read")
            github["token"] = self.service.workflow_token(permissions)
            secrets = self._secrets(job, event)
            _Machine(self, result, {**contexts, "matrix": matrix, "secrets": secrets}, event, kill).steps(job["steps"])
            failed = failed or result.failed
            yield result
            if result.died:
                return

    def _secrets(self, job: Values, event: Event) -> Values:
        environment = self.settings.environments.get(str(job.get("environment")), {})
        branch = event.ref.removeprefix("refs/heads/")
        allowed = any(fnmatch.fnmatch(branch, glob) for glob in environment.get("branches", [])) and not event.fork
        return dict(environment.get("secrets", {})) if allowed else {}

    def _github(self, event: Event) -> Values:
        return {
            "ref": event.ref,
            "sha": event.sha,
            "repository": self.service.name,
            "event_name": event.name,
            "event": event.payload,
            "run_id": next(self._runs),
        }


class _Machine:
    """One fresh machine, which runs one job."""

    def __init__(self, runner: Runner, job: Job, contexts: Values, event: Event, kill: Kill | None) -> None:
        self.runner, self.job, self.contexts, self.event, self.kill = runner, job, contexts, event, kill
        number = f"{contexts['github']['run_id']}-{time.monotonic_ns()}"
        self.home = runner.directory / f"machine-{number}"
        self.workspace = self.home / "work"
        self.temp = self.home / "temp"
        for directory in (self.workspace, self.temp):
            directory.mkdir(parents=True)
        self.path = [REAL] if runner.real else [warm().on_path(), REAL]
        (self.home / "event.json").write_text(json.dumps(event.payload), encoding="utf-8")

    def steps(self, steps: list[Values]) -> None:
        try:
            for step in steps:
                if condition(step.get("if"), self.contexts, failed=self.job.failed):
                    self._step(step, self.contexts, self.contexts.setdefault("steps", {}))
        except Died:
            self.job.died = self.job.failed = True

    def _step(self, step: Values, contexts: Values, outputs: Values, action: Path | None = None) -> None:
        if "uses" not in step:
            return self._bash(step, contexts, outputs, action)
        uses = _USES.fullmatch(step["uses"].split(" #")[0].strip())
        assert uses, f"not pinned by a commit: {step['uses']}"
        given = {name: filled(value, contexts) for name, value in step.get("with", {}).items()}
        name = uses["action"]
        self.job.steps.append(name)
        if name == "actions/checkout":
            return self._checkout(given)
        if name == "github/codeql-action/upload-sarif":
            return self._sarif(given)
        if name == "actions/upload-artifact":
            return self._upload(given)
        assert name.startswith(_OURS), f"an action that this runner does not know: {name}"
        if name == f"{_OURS}preview" and "preview" in self.runner.left_out:
            return None
        if name == f"{_OURS}setup":
            return None  # tried for real elsewhere: here the command of the tests is on the PATH
        return self._composite(ACTIONS / name.removeprefix(_OURS), given, step, contexts, outputs)

    def _composite(self, folder: Path, given: Values, step: Values, contexts: Values, outputs: Values) -> None:
        action = yaml.load((folder / "action.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        unknown = given.keys() - action["inputs"].keys()
        assert not unknown, f"{folder.name} has no input {unknown}"
        # An action sees its inputs and what is public: neither secrets nor variables.
        inner: Values = {"github": contexts["github"], "steps": {}}
        defaults = {name: filled(value.get("default", ""), inner) for name, value in action["inputs"].items()}
        missing = [name for name, value in action["inputs"].items() if value.get("required") and not given.get(name)]
        assert not missing, f"{folder.name} needs {missing}"
        inner["inputs"] = {**defaults, **given}
        before, self.job.failed = self.job.failed, False
        for each in action["runs"]["steps"]:
            if condition(each.get("if"), inner, failed=self.job.failed):
                self._step(each, inner, inner["steps"], folder)
        outputs[step.get("id", "")] = {
            "outputs": {name: filled(value["value"], inner) for name, value in action.get("outputs", {}).items()}
        }
        self.job.failed = self.job.failed or before

    def _bash(self, step: Values, contexts: Values, outputs: Values, action: Path | None) -> None:
        name: str = step.get("name") or step["run"]
        self.job.steps.append(name)
        if self.kill and self.kill.before and name.startswith(self.kill.before):
            raise Died
        files = {
            what: self.temp / f"{what}-{time.monotonic_ns()}" for what in ("OUTPUT", "PATH", "STEP_SUMMARY", "ENV")
        }
        for file in files.values():
            file.touch()
        environment = self._environment(contexts["github"], files, action)
        environment |= {key: filled(value, contexts) for key, value in step.get("env", {}).items()}
        self.job.keys_seen[name] = bool(environment.get("FISH_API_KEY"))
        self.job.tokens_seen[name] = "GITHUB_TOKEN" in environment
        script = self.temp / f"script-{time.monotonic_ns()}.sh"
        assert "${{" not in step["run"], f"an expression in a script may be a stranger's text: {step['run']}"
        script.write_text(step["run"] + "\n", encoding="utf-8")
        code = self._process(name, [*_SHELL, str(script)], environment)
        self.job.summary += files["STEP_SUMMARY"].read_text(encoding="utf-8")
        self.path = [*files["PATH"].read_text(encoding="utf-8").split(), *self.path]
        lines = files["OUTPUT"].read_text(encoding="utf-8").splitlines()
        outputs[step.get("id", "")] = {"outputs": dict(line.split("=", 1) for line in lines)}
        self.job.failed = self.job.failed or code != 0

    def _process(self, name: str, command: list[str], environment: Values) -> int:
        running = subprocess.Popen(
            command, cwd=self.workspace, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        if self.kill and self.kill.signal_in and name.startswith(self.kill.signal_in):
            while not self.kill.once():
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)  # as the service cancels a run: to the step's own process
        out, _ = running.communicate(timeout=120)
        self.job.log += f"##[group]{name}\n{out}\nexit {running.returncode}\n"
        return running.returncode

    def _environment(self, github: Values, files: Mapping[str, Path], action: Path | None) -> Values:
        event = self.event
        branch = event.ref.startswith("refs/heads/")
        environment = {
            "PATH": ":".join([*self.path, "/usr/local/bin:/usr/bin:/bin"]),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": self.runner.service.url,
            "GITHUB_API_URL": f"{self.runner.service.url}/api",
            "GITHUB_REPOSITORY": github["repository"],
            "GITHUB_REF": event.ref,
            "GITHUB_REF_NAME": event.ref.removeprefix("refs/heads/").removeprefix("refs/"),
            "GITHUB_REF_TYPE": "branch" if branch else "",
            "GITHUB_SHA": event.sha,
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(self.home / "event.json"),
            "GITHUB_RUN_ID": str(github["run_id"]),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            **{f"GITHUB_{what}": str(file) for what, file in files.items()},
            **self.runner.extra,
        }
        return environment | ({"GITHUB_ACTION_PATH": str(action)} if action else {})

    def _checkout(self, given: Values) -> None:
        """What actions/checkout does: one commit, or as many as were asked for, of a branch's tip or of the event."""
        assert given.get("persist-credentials") == "false", "the token would lie in the checkout for every step"
        token = self.contexts["github"]["token"]
        assert self.runner.service.tokens[token].may("contents", "read"), "checkout needs contents: read"
        wanted = given.get("ref")
        source = f"refs/heads/{wanted}" if wanted else self.event.sha
        depth = f"--depth={given.get('fetch-depth', 1)}"
        git = ["git", "-c", "protocol.file.allow=always"]
        for arguments in (
            ["init", "-q", "-b", "main"],
            ["remote", "add", "origin", f"{self.runner.service.url}/{self.runner.service.name}.git"],
            ["fetch", "-q", depth, f"file://{self.runner.service.bare}", source],
            ["checkout", "-q", *(["-B", wanted] if wanted else ["--detach"]), "FETCH_HEAD"],
        ):
            subprocess.run([*git, *arguments], cwd=self.workspace, check=True, capture_output=True)

    def _upload(self, given: Values) -> None:
        """Keep what a page's job hands out; hidden files are left out, as the action does."""
        directory = Path(given["path"])
        assert directory.is_relative_to(self.temp), "a checkout may hold links"
        assert given["name"] not in self.job.artifacts
        files = [path for path in sorted(directory.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        self.job.artifacts[given["name"]] = {
            path.relative_to(directory).as_posix(): path.read_bytes() for path in files
        }

    def _sarif(self, given: Values) -> None:
        document = json.loads((self.workspace / given["sarif_file"]).read_text(encoding="utf-8"))
        service = self.runner.service
        headers = {"Authorization": f"Bearer {given['token']}"}
        values = {"category": given["category"], "document": document}
        answer = httpx.post(
            f"{service.url}/api/repos/{service.name}/code-scanning/sarifs", json=values, headers=headers
        )
        self.job.failed = self.job.failed or answer.status_code != 202
