"""Makes any text safe for where it goes. Titles and server messages are untrusted."""

from __future__ import annotations

import re

_BIDI = "\u200b\u2060\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff{_BIDI}\ud800-\udfff]")
_COMMAND = re.compile(r":(?=:(?!\d))|#(?=#(?:vso)?\[)")
_IN_JSON = re.compile(f"#(?=#(?:vso)?\\[)|[\x7f-\x9f\u2028\u2029\ufeff{_BIDI}\ud800-\udfff]")


def terminal(text: str) -> str:
    """One line that can't move the cursor, colour anything or turn the direction of what follows.

    Control, bidirectional and line-breaking characters become visible escapes such as `\\x1b`. So does the beginning of
    what a CI would read as a command (actions/runner, ActionCommand.cs): `##[…]` and `##vso[…]` anywhere, `::error::`
    at the beginning of a line, where folding may put any word. No command's name begins with a digit, so the address
    `::1` stays as it is.
    """
    return _COMMAND.sub(_escape, _INVISIBLE.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[match[0]]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def json_text(document: str) -> str:
    """A JSON document without raw control or bidirectional characters: they become `\\uXXXX`."""
    return _IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def page(text: str) -> str:
    """A text for a page: as it is, with its lines, but without what could turn the direction of others or is invisible.

    What HTML needs beyond that is the template's to escape.
    """
    return _INVISIBLE.sub(lambda match: match[0] if match[0] in "\n\t" else _escape(match), text)


def github(text: str, *, property_value: bool = False) -> str:
    """A text inside a GitHub Actions workflow command (docs: "Workflow commands for GitHub Actions")."""
    escaped = terminal(text).replace("%", "%25")
    return escaped.replace(":", "%3A").replace(",", "%2C") if property_value else escaped


def shortened(text: str, cells: int) -> str:
    """A text cut to about so many characters, which then says how long it was."""
    return text if len(text) <= cells else f"{text[:cells]}… ({len(text)} characters)"
