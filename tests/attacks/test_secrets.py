"""A server, or a proxy before it, sends the key back: cut by a limit, in another writing, where nobody looks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

import pytest

from tests.attacks.hostile_server import document, head, serving
from tests.conftest import Done, Project

KEY = "sk0123456789abcdefghijklmnopqrstuvwx"
PART = 10
"""Characters of the key in a row that show that it leaked."""


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(sign):04x}" for sign in text)


WRITINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in JSON escapes": escaped,
    "half in JSON escapes": lambda key: key[:18] + escaped(key[18:]),
    "in a URL": lambda key: "".join(f"%{ord(sign):02X}" for sign in key),
    "quoted for a URL": lambda key: quote(f"?key={key}"),
}
CUTS = (100, 300, 500, 600, 2000, 65_000, 65_536)
"""Where text is, or was, cut."""


@pytest.fixture
def applied(project: Project) -> Project:
    project.environ["FISH_API_KEY"] = KEY
    project.voices({"a": {"samples": [{"audio": project.sample("a.wav"), "transcript": "The words."}]}})
    project.apply()
    return project


def aim(project: Project, url: str) -> None:
    """Let the project be of this server, its lockfile too."""
    project.environ["FISH_API_URL"] = url
    lock = project.lock
    lock["provider"]["host"] = url.removeprefix("http://")
    project.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def all_texts(project: Project, done: Done) -> Iterator[tuple[str, str]]:
    yield "output", done.out
    yield "errors", done.err
    for path in project.root.rglob("*"):
        if path.is_file() and path.suffix not in (".wav", ".mp3"):
            yield path.name, path.read_text(encoding="utf-8", errors="replace")


def clean(project: Project, done: Done) -> None:
    for name, text in all_texts(project, done):
        for at in range(len(KEY) - PART + 1):
            part = KEY[at : at + PART]
            for form in (part, escaped(part), "".join(f"%{ord(sign):02X}" for sign in part)):
                assert form not in text, (name, text[:2000])


def answering(body: str, status: int, kind: str) -> Callable[[str, str], Iterable[bytes]]:
    return lambda method, path: [head(status, kind) + body.encode()]


COMMANDS = (
    ["plan", "--out", "plan.json", "--report", "markdown=p.md", "--report", "json=p.json"],
    ["drift", "--report", "junit=d.xml", "--report", "json=d.json", "--report", "markdown=d.md"],
    ["apply", "--yes"],
    ["say", "a", "Hello.", "-o", "out.mp3"],
    ["audition", "a", "Hello.", "-o", "out.mp3"],
    ["doctor"],
)


@pytest.mark.parametrize("log", ["text", "json"])
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
@pytest.mark.parametrize("writing", WRITINGS)
def test_the_key_in_an_error(applied: Project, writing: str, kind: str, log: str) -> None:
    for cut in CUTS:
        for shift in (1, 20, len(KEY) - 1):
            words = "x" * (cut - shift) + WRITINGS[writing](KEY)
            body = json.dumps({"message": "@"}).replace("@", words) if kind == "application/json" else words
            with serving(answering(body, 400, kind)) as url:
                aim(applied, url)
                done = applied.run(*COMMANDS[cut % len(COMMANDS)], "--log-format", log)
            assert done.code != 0
            clean(applied, done)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_the_key_in_headers(applied: Project, command: list[str]) -> None:
    for status in (200, 302, 403):
        answer = head(
            status, f"text/{'x' * 80}{KEY}", location=f"https://x/{'y' * 180}{KEY}", x_request_id="z" * 90 + KEY
        )
        with serving(lambda method, path, answer=answer: [answer]) as url:  # type: ignore[misc]
            aim(applied, url)
            done = applied.run(*command)
            print(command, done.code, done.err[-300:])
            clean(applied, done)


@pytest.mark.parametrize("writing", ["as it is", "in JSON escapes"])
def test_the_key_in_what_a_listing_says(applied: Project, writing: str) -> None:
    """It would come into plans, reports, lockfiles and manifests as a title, a tag or a cover's path."""
    lock = applied.lock["voices"]["a"]
    key = WRITINGS[writing](KEY)
    model = (
        json.dumps({"_id": lock["id"], "title": "@", "description": "@ and more", "tags": ["@"], "cover_image": "c/@"})
        .replace("@", key)
    )  # fmt: skip
    listing = f'{{"items": [{model}], "total": 1}}'

    def answer(method: str, path: str) -> Iterable[bytes]:
        return [head() + (listing if path.startswith("/model?") else model).encode()]

    for command, code in (
        (COMMANDS[0], 0),
        (COMMANDS[1], 2),
        (["pull"], 0),
        (["list"], 0),
        (["import", "--all"], 0),
        (["state", "rebuild", "--yes"], 1),
    ):
        with serving(answer) as url:
            aim(applied, url)
            clean(applied, applied.run(*command).expect(code))


@pytest.mark.parametrize("log", ["text", "json"])
def test_the_key_in_a_traceback(applied: Project, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **more: object) -> None:
        try:
            raise ValueError(f"inner {KEY}")
        except ValueError as error:
            raise RuntimeError(f"Bearer {KEY} and {KEY!r}") from error

    monkeypatch.setattr("voicectl.cli.wiring.load", broken)
    done = applied.run("plan", "-vv", "--log-format", log).expect(1)
    assert "RuntimeError" in done.err
    assert "ValueError" in done.err
    clean(applied, done)


def test_the_key_in_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    from voicectl.hosting import posts
    from voicectl.hosting.port import Job

    monkeypatch.setenv("FISH_API_KEY", KEY)
    subject = posts.Subject("plan", "", None)
    line = "word " * 20 + "\n"
    for length in range(64_000, 65_000, 7):
        report = (line * 700)[:length] + KEY + "\n" + line * 20
        body = posts._body(subject, report, Job(None, None, None, False))
        assert not any(KEY[at : at + PART] in body for at in range(len(KEY) - PART))


MALFORMED = {
    f'"{KEY}"': "is wrapped in quotes",
    f"'{KEY}'": "is wrapped in quotes",
    f"Bearer {KEY}": "begins with `Bearer`",
    f"{KEY[:9]}\n{KEY[9:]}": "holds a line end",
    f"{KEY[:9]}\r{KEY[9:]}": "holds a line end",
    f"{KEY} {KEY}": "holds characters that no key has",
}


@pytest.mark.parametrize("key", MALFORMED)
def test_a_malformed_key_is_said_by_name_and_never_sent(applied: Project, key: str) -> None:
    asked: list[str] = []

    def answer(method: str, path: str) -> Iterable[bytes]:
        asked.append(path)
        return document({})

    with serving(answer) as url:
        applied.environ |= {"FISH_API_URL": url, "FISH_API_KEY": key}
        done = applied.run("plan").expect(1)
    assert f"FISH_API_KEY {MALFORMED[key]}" in done.err
    assert asked == []
    clean(applied, done)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1", "pip install 'httpx[socks]'"),
        ("HTTPS_PROXY", "http://user:secretword/x@127.0.0.1:1", "the address of a proxy in the environment"),
        ("HTTPS_PROXY", "http://[", "proxy"),
        ("HTTPS_PROXY", "gopher://127.0.0.1:1", "proxy"),
        ("HTTPS_PROXY", "127.0.0.1:notaport", "proxy"),
    ],
)
def test_a_proxy_that_can_not_be_used_is_an_ordinary_error(
    applied: Project, variable: str, value: str, said: str
) -> None:
    applied.environ |= {"FISH_API_URL": "https://api.fish.audio", variable: value}
    (applied.root / "voicectl.lock.json").unlink()
    done = applied.run("plan").expect(1)
    assert said in done.err
    assert "internal error" not in done.err
    assert "secretword" not in done.err


def test_addresses_of_this_machine_are_shown_as_they_are(applied: Project) -> None:
    applied.environ["FISH_API_URL"] = "http://example.com"
    assert "(127.0.0.1, " not in applied.run("plan").expect(1).err
    applied.environ["FISH_API_URL"] = "http://[::1]:1"
    (applied.root / "voicectl.lock.json").unlink()
    assert "::1:1" in applied.run("say", "a", "x", "-o", "o.mp3").err + applied.run("doctor").out
