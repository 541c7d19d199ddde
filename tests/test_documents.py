"""What README, pages and guides name exists: messages, files, classes, functions, settings, targets of make."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from voicectl.cli.commands.help import TOPICS, page

ROOT = Path(__file__).resolve().parents[1]
CONTRIBUTING, TESTS = ROOT / ".github/CONTRIBUTING.md", ROOT / "tests/README.md"
GUIDES = [CONTRIBUTING, TESTS]
BASES = [ROOT, ROOT / "voicectl", ROOT / "tests", ROOT / ".github"]
SOURCES = [path for room in ("voicectl", "tests") for path in sorted((ROOT / room).rglob("*.py"))]
CODE = re.compile("`([^`\n]+)`")
ANYTHING = "\0"
"""Where a message says something else each time."""


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# Messages.


def told(node: ast.AST) -> str:
    """The text of a string in the code, with ANYTHING for what is put into it."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(told, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return told(left) + told(right)
    return ANYTHING


@cache
def texts() -> tuple[str, ...]:
    """Every text of the code, and what it has printed into the golden files."""
    nodes = (node for path in SOURCES if path.is_relative_to(ROOT / "voicectl") for node in ast.walk(parsed(path)))
    strings = {told(node) for node in nodes if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp)}
    golden = (path for path in (ROOT / "tests").glob("*/golden/**/*.txt"))
    return (*strings, *(line for path in golden for line in path.read_text(encoding="utf-8").splitlines()))


def quoted(topic: str) -> Iterator[str]:
    """The messages in a page's table of messages."""
    table = re.search(r"^\| message \|.*\n\|[-|]+\n((?:\|.*\n)+)", page(topic), re.M)
    for row in table[1].splitlines() if table else ():
        yield from CODE.findall(row.split("|")[1])


def says(text: str, message: str) -> bool:
    """Whether a text of the code can hold a message, clearly more than half of it word for word.

    `…`, N, M and K in the message stand for what the code puts in.
    """
    wanted = re.sub(r"…|\b[NMK]\b", ANYTHING, message).strip(f"{ANYTHING} ")
    shared = any(
        word in text for word in re.findall(r"\w{4,}", wanted)
    )  # for speed: nothing else can hold a half of it
    return shared and any(begins(text[start:], wanted, len(wanted) * 11 // 20) for start in range(len(text)))


def begins(text: str, message: str, needed: int) -> bool:
    """Whether a text can begin with a message, with as many letters as are needed that stand in both."""
    for length, (ours, theirs) in enumerate(zip(text, message, strict=False)):
        if ours == ANYTHING:
            left = range(length + 1, len(message) + 1)
            return any(begins(text[length + 1 :], message[end:], needed - length) for end in left)
        if ours != theirs:
            return False
    return len(message) <= len(text) and len(message) >= needed


@pytest.mark.parametrize(("topic", "message"), [(topic, text) for topic in TOPICS for text in quoted(topic)])
def test_a_message_that_a_page_explains_is_one_that_the_code_can_give(topic: str, message: str) -> None:
    assert any(says(text, message) for text in texts()), f"{topic}: {message}"


def test_the_page_for_troubles_explains_messages() -> None:
    assert len(list(quoted("troubleshooting"))) > 10


def test_a_message_that_nothing_gives_is_found_out() -> None:
    assert says(f"{ANYTHING} is locked by {ANYTHING}", "… is locked by another run")
    assert says(
        f"{ANYTHING} would be {ANYTHING}; the limit is {ANYTHING}", "N of M voices would be replaced; the limit is K"
    )
    assert not says(f"{ANYTHING} is locked by {ANYTHING}", "… is held by another run")
    assert not says(f"{ANYTHING} {ANYTHING}", "the manifests hold no voice")


# Files, and what is in them.


def spans(document: Path) -> Iterator[tuple[str, Path | None]]:
    """The words in code letters, outside of blocks, each with the directory that its line has named last."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.S)
    for line in text.splitlines():
        directory: Path | None = None
        for span in CODE.findall(line):
            yield span, directory
            found = next(files(span, None), None) if "/" in span else None
            if found is not None:
                directory = found if found.is_dir() else found.parent


def files(name: str, directory: Path | None) -> Iterator[Path]:
    """What a name can mean, from the top, from a package, or beside what was named before. `<verb>` is any."""
    pattern = re.sub(r"<\w+>", "*", name.rstrip("/"))
    for base in (*BASES, *([directory] if directory else [])):
        for ending in ("", ".py"):
            yield from base.glob(pattern + ending)


IDENTIFIER = re.compile(r"(?=.*[A-Z_])[A-Za-z_]\w*(\.\w+)?")
FILE = re.compile(r"[\w.<>*-]*/[\w./<>*-]*|[\w<>-]+\.(py|md|json|yml|yaml|toml)")


@pytest.mark.parametrize("document", GUIDES, ids=lambda path: path.name)
def test_files_and_directories_that_a_guide_names_exist(document: Path) -> None:
    named = [(span, directory) for span, directory in spans(document) if FILE.fullmatch(span)]
    assert len(named) > 20
    lost = [span for span, directory in named if not any(files(span, directory))]
    assert lost == []


def test_the_modules_of_the_layout_exist() -> None:
    """`plan/request`, `facts`: in a row, what has no directory is beside what has one."""
    rows = re.findall(r"^\| (`[^|]+`) \|", CONTRIBUTING.read_text(encoding="utf-8"), re.M)
    cells = [CODE.findall(row) for row in rows if re.match(r"`[\w.]+/|`\w+\.py", row)]
    assert len(cells) > 15
    for first, *others in cells:
        place = next(files(first, None), None)
        assert place is not None, first
        for other in others:
            assert any(files(other, place.parent)), other


def test_every_module_of_the_core_is_in_the_layout() -> None:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    layout = {
        name.removeprefix("plan/")
        for row in re.findall(r"^\| (`plan/.*?) \|", text, re.M)
        for name in CODE.findall(row)
    }
    modules = {path.stem for path in (ROOT / "voicectl/plan").glob("*.py")} - {"__init__"}
    assert modules - layout == {"plan"}


def names(path: Path) -> set[str]:
    """What a module defines: `Class`, `Class.method`, `function`, `CONSTANT`."""
    found = set()
    for node in parsed(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
            found |= {f"{node.name}.{each.name}" for each in inner}
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_what_a_guide_finds_in_a_module_is_there() -> None:
    """`Creations._patiently` in `engine/create.py`."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    claims = re.findall(r"((?:`[\w.]+`(?:, | and )?)+) in `([\w/]+\.py)`", text)
    assert len(claims) > 5
    for claimed, file in claims:
        assert set(CODE.findall(claimed)) <= names(ROOT / "voicectl" / file), file


@pytest.mark.parametrize("document", GUIDES, ids=lambda path: path.name)
def test_classes_and_functions_that_a_guide_names_exist(document: Path) -> None:
    known = set().union(*map(names, SOURCES))
    named = [span for span, _ in spans(document) if IDENTIFIER.fullmatch(span) and not FILE.fullmatch(span)]
    assert [name for name in named if name not in known and name.rpartition(".")[2] not in known] == []


def test_settings_codes_and_variables_that_a_page_names_are_in_the_code() -> None:
    words = {word for text in texts() for word in re.findall(r"\w+", text)} | set().union(*map(fields, SOURCES))
    pages = "\n".join([(ROOT / "README.md").read_text(encoding="utf-8"), *map(page, TOPICS)])
    named = set(re.findall(r"`(?:\w+\.)*(\w+_\w+)`", pages))
    assert len(named) > 30
    assert named - words == set()


def fields(path: Path) -> set[str]:
    """The names that a module gives to fields and arguments."""
    nodes = list(ast.walk(parsed(path)))
    return {node.arg for node in nodes if isinstance(node, ast.arg)} | {
        node.target.id for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def test_targets_that_a_document_names_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for document in [*GUIDES, ROOT / "README.md"]:
        text = document.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:`|^ {4})make ([\w-]+)", text, re.M)) <= targets, document.name
