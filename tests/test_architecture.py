"""The layout's rules: imports go one way, start-up stays light, published schemas are what the code reads."""

from __future__ import annotations

import ast
import graphlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import voicectl
from voicectl.cli.commands import schema as schemas
from voicectl.cli.main import SECTIONS, cli

ROOT = Path(voicectl.__file__).parent
CORE = {"errors", "model", "plan"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "concurrency": set(),
    "files": set(),
    "redaction": set(),
    "signals": set(),
    "unpacking": set(),
    "version": set(),
    "model": {"errors", "model"},
    "plan": CORE,
    "audio": {"audio", "errors", "files", "model"},
    "manifest": {*CORE, "audio", "manifest", "version", "files"},
    "report": {*CORE, "report"},
    "provider.port": {"errors", "model"},
    "state.port": {"errors", "model"},
    "engine": {*CORE, "manifest", "engine", "provider.port", "state.port", "concurrency", "signals"},
    "provider.fish": {*CORE, "provider.port", "provider.fish", "concurrency", "files", "redaction", "unpacking"},
    "state": {"errors", "model", "state", "state.port", "files"},
    "emulator": {"errors", "emulator"},
    "hosting.port": {"errors"},
    # Lockfiles are merged where they are pushed; Git and the services know nothing of voices.
    "hosting.publish": {"concurrency", "hosting", "hosting.port", "state", "files"},
    "hosting.lfs": {"files", "hosting", "hosting.port", "redaction", "signals"},
    "hosting": {"concurrency", "errors", "hosting", "hosting.port", "redaction", "unpacking", "version"},
}
ADAPTERS = ("provider.fish", "state.file", "emulator", "hosting.github", "hosting.gitlab")


def part(module: str) -> str:
    """Which rule a module falls under: the longest name that it begins with."""
    name = module.removeprefix("voicectl.")
    fitting = [rule for rule in (*MAY_IMPORT, "cli") if name == rule or name.startswith(rule + ".")]
    return max(fitting, key=len) if fitting else name


def imports(path: Path) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("voicectl"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [n for n in names if is_module(n)]
            found += [(module, node.lineno) for module in modules or [node.module]]
        elif isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names if alias.name.startswith("voicectl")]
    return found


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split(".")[1:])
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def modules() -> list[tuple[str, Path]]:
    return [
        (".".join(("voicectl", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"), path)
        for path in sorted(ROOT.rglob("*.py"))
    ]


def test_imports_go_one_way() -> None:
    broken = []
    for module, path in modules():
        rule = part(module)
        if rule.startswith("cli") or rule in ("voicectl", "__main__", "provider"):
            continue
        assert rule in MAY_IMPORT, f"{module}: what may it import?"
        broken += [
            f"{path.relative_to(ROOT)}:{line} imports {target}"
            for target, line in imports(path)
            if part(target) not in MAY_IMPORT[rule]
        ]
    assert broken == []


def test_no_module_needs_itself() -> None:
    needs = {module: {target for target, _ in imports(path)} - {module} for module, path in modules()}
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError


def test_only_the_wiring_names_adapters() -> None:
    broken = []
    for module, path in modules():
        name = module.removeprefix("voicectl.")
        # `voicectl emulator` serves the emulator itself, which is no adapter there.
        if not name.startswith("cli") or name in ("cli.wiring", "cli.commands.emulator"):
            continue
        for target, line in imports(path):
            if target.removeprefix("voicectl.").startswith(ADAPTERS):
                broken.append(f"{path.relative_to(ROOT)}:{line} imports {target}")
    assert broken == []


def test_init_files_hand_on_nothing() -> None:
    for _, path in modules():
        if path.name == "__init__.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert len(tree.body) == 1, path
            assert isinstance(tree.body[0], ast.Expr), path


def test_the_core_does_no_io() -> None:
    forbidden = {"os", "pathlib", "httpx", "asyncio", "subprocess", "socket", "yaml", "random", "tempfile", "threading"}
    for module, path in modules():
        if part(module) not in ("model", "plan"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & forbidden, path
            if isinstance(node, ast.Call):
                assert not (isinstance(node.func, ast.Name) and node.func.id in ("open", "print")), path
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] not in forbidden, path


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], []])
def test_version_and_help_import_nothing_heavy(arguments: list[str]) -> None:
    heavy = ["httpx", "pydantic", "deepdiff", "jsonschema", "starlette", "yaml", "rich", "asyncio"]
    code = (
        "import sys; from voicectl.cli.main import main; "
        f"main({arguments!r}); print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


@pytest.mark.parametrize("name", [name for section in SECTIONS.values() for name in section])
def test_the_help_of_a_command_imports_nothing_heavy(name: str) -> None:
    heavy = ["httpx", "pydantic", "deepdiff", "jsonschema", "starlette", "yaml", "rich", "asyncio"]
    code = (
        "import sys; from voicectl.cli.main import main; "
        f"main([{name!r}, '--help']); print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert name in done.stdout


@pytest.mark.parametrize("arguments", [["--version"], ["validate"], ["plan", "--offline"]])
def test_the_decoder_is_not_imported_and_no_process_started_for_plain_files(
    arguments: list[str], tmp_path: Path
) -> None:
    shutil.copytree(ROOT.parent / "examples/minimal", tmp_path / "project")
    decoder = ["av", "webrtcvad", "numpy", "multiprocessing", "concurrent.futures.process", "tinytag"]
    code = (
        "import sys; from voicectl.cli.main import main; "
        f"code = main(['-C', {str(tmp_path / 'project')!r}, *{arguments!r}]); "
        f"print(code, [m for m in {decoder!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 []"


def test_plan_imports_nothing_of_the_emulator_or_reports_it_does_not_need() -> None:
    code = (
        "import sys, voicectl.cli.commands.plan, voicectl.engine.plan, voicectl.manifest.load, "
        "voicectl.report.plan_text, voicectl.report.plan_json; "
        "print([m for m in ('starlette', 'uvicorn', 'rich', 'deepdiff', 'jsonschema', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_published_schemas_are_up_to_date_and_valid(kind: str) -> None:
    path = ROOT.parent / "schemas" / f"{kind}.schema.json"
    assert path.read_text(encoding="utf-8") == schemas.schema_text(kind), "run `make schemas`"
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_the_help_has_every_command_with_its_own_summary() -> None:
    import click

    context = click.Context(cli)
    for section in SECTIONS.values():
        for name, summary in section.items():
            command = cli.get_command(context, name)
            assert command is not None
            assert command.name == name
            assert (command.help or "").startswith(summary.rstrip(".")), name
