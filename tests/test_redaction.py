"""Secrets are found however they are written."""

from __future__ import annotations

import base64
import html
import json
import textwrap
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from voicectl.redaction import redacted

KEY = """sk-4f9a8b"7c\\6d/5e&4f'3a<2b>1c%0d+9e"""
PLAIN = "0123456789abcdef0123456789abcdef"


def as_json(text: str) -> str:
    return "".join(f"\\u{ord(sign):04X}" for sign in text)


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "JSON": lambda key: json.dumps({"message": key}),
    "JSON in JSON": lambda key: json.dumps(json.dumps({"message": key})),
    "JSON, every sign escaped": as_json,
    "JSON, some signs escaped": lambda key: key[:5] + as_json(key[5:9]) + key[9:],
    "a URL": lambda key: quote(key, safe=""),
    "a URL, every sign escaped": lambda key: "".join(f"%{ord(sign):02x}" for sign in key),
    "a URL twice": lambda key: quote(quote(key, safe=""), safe=""),
    "HTML": lambda key: html.escape(key),
    "HTML, every sign escaped": lambda key: "".join(f"&#{ord(sign)};" for sign in key),
    "HTML, hexadecimal": lambda key: "".join(f"&#x{ord(sign):X};" for sign in key),
    "Python": lambda key: repr(key),
    "Python bytes": lambda key: "".join(f"\\x{ord(sign):02x}" for sign in key),
    "broken over lines": lambda key: "\n    ".join(textwrap.wrap(key, 7)),
    "broken and coloured": lambda key: "\x1b[0m\n    \x1b[31m".join(textwrap.wrap(key, 7)),
    "broken in JSON": lambda key: json.dumps("\n  ".join(textwrap.wrap(key, 7))),
}


@pytest.mark.parametrize("key", [KEY, PLAIN])
@pytest.mark.parametrize("form", FORMS)
def test_every_form(form: str, key: str) -> None:
    written = FORMS[form](key)
    for text in (written, f"before {written} after", written * 3):
        found = redacted(text, key)
        assert "…" in found
        assert not any(key[at : at + 6] in found for at in range(len(key) - 5)), found
    assert redacted(f"before {written} after", key).startswith("before ")


def test_json_stays_json() -> None:
    document = json.dumps({"message": f"the key {PLAIN} is wrong", PLAIN: [1, 2]})
    assert json.loads(redacted(document, PLAIN)) == {"message": "the key … is wrong", "…": [1, 2]}


def test_innocent_text_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISH_API_KEY", "short")
    monkeypatch.setenv("GITHUB_TOKEN", "")
    text = "a short text, " + base64.b64encode(b"x" * 100).decode()
    assert redacted(text, PLAIN) == text


def test_variables_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", f" {PLAIN}\n")
    assert redacted(f"token {PLAIN}") == "token …"


def test_no_text_takes_for_ever() -> None:
    began = time.monotonic()
    for piece in ("0", "0 ", "\\", "0\\u0031 ", " ", "%25", "01234567"):
        redacted(piece * (2_000_000 // len(piece)), PLAIN)
    assert time.monotonic() - began < 30
