"""YAML text to data with places."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicectl.errors import Place
from voicectl.manifest.yaml_source import MAX_BYTES, parse


def complaints(content: bytes | str) -> list[str]:
    _, problems = parse("f.yaml", content.encode() if isinstance(content, str) else content)
    return [str(problem) for problem in problems]


def test_scalars_mean_what_people_write() -> None:
    document, problems = parse("f.yaml", b"a: [1, -2, 1.5, true, false, ~, null, '3', x]\nno: 1\n")
    assert not problems
    assert document is not None
    assert document.data == {
        "a": [1, -2, 1.5, True, False, None, None, "3", "x"],
        "no": 1,
    }


OTHERWISE = (
    "1.10 007 +5 -0 5. .5 1e3 1E400 0x10 0o7 1_000 12:30:00 2026-01-01 NO no Yes on OFF True FALSE Null NULL "
    "0.12345678901234567890 123456789012345678901234567890 .inf .nan 10.0.0 ="
)


@pytest.mark.parametrize("text", OTHERWISE.split())
def test_what_would_read_back_otherwise_stays_the_text_that_stands_there(text: str) -> None:
    document, problems = parse("f.yaml", f"a: {text}\nb: [{text}, {{c: {text}}}]\n".encode())
    assert not problems
    assert document is not None
    assert document.data == {"a": text, "b": [text, {"c": text}]}


def test_places_of_keys_and_values() -> None:
    document, _ = parse("f.yaml", "\ufeffä: {b: [x, y]}\r\nc:\r\n  - d: z\r\n".encode())
    assert document is not None
    assert document.key(("ä",)) == Place("f.yaml", 1, 1)
    assert document.value(("ä", "b", 1)) == Place("f.yaml", 1, 12)
    assert document.key(("c", 0, "d")) == Place("f.yaml", 3, 5)
    assert document.value(("c", 0, "d")) == Place("f.yaml", 3, 8)
    assert document.value(("c", 0, "gone", 3)) == Place("f.yaml", 3, 5)


def test_merge_keys_give_way_to_own_keys() -> None:
    document, problems = parse("f.yaml", b"a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\nc: {<<: [*a, {z: 4}]}\n")
    assert not problems
    assert document is not None
    assert document.data["b"] == {"y": 3, "x": 1}
    assert document.data["c"] == {"x": 1, "y": 2, "z": 4}
    assert document.value(("b", "x")) == Place("f.yaml", 1, 11)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key 'a'; it is already in line 1"),
        ("a:\n  b: 1\n  'b': 2\n", "f.yaml:3:3: duplicate key 'b'; it is already in line 2"),
        (b"a: \xff", "f.yaml:1:4: the file is not UTF-8 text; save it as UTF-8"),
        (b"a: b\nc: \xc3(", "f.yaml:2:4: the file is not UTF-8 text; save it as UTF-8"),
        ("a: b\nc: d\0", "f.yaml:2:5: a character (U+0000) that YAML does not allow; delete it"),
        ("a: b\x1b[31m", "f.yaml:1:5: a character (U+001B) that YAML does not allow; delete it"),
        ('a: "x\\0"', "f.yaml:1:4: a NUL or half a surrogate pair in a text; delete it"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here; use one file for each"),
        ("a: !!python/name:os.system x", "f.yaml:1:4: the YAML tag 'tag:yaml.org,2002:python/name:os.system'"
                                         " is not supported; delete the tag"),
        ("? [a]\n: b", "f.yaml:1:3: a key must be a text; put the braces or brackets in quotes"),
        ("{{ x }}: b", "f.yaml:1:1: a key must be a text; put the braces or brackets in quotes"),
        ("[" * 60 + "]" * 60, "f.yaml:1:41: nested deeper than 40 levels; make it flatter"),
        ("a: &x [*x]", "f.yaml:1:8: the alias *x stands for nothing before it, or for itself; "
                       "anchor a value with & above it"),
        ("<<: 3", "f.yaml:1:1: <<: must be a mapping, or a list of mappings; use it with an alias"),
        (LAUGHS, "f.yaml:5:45: aliases stand for more than 100,000 values; write them out"),
    ],
)  # fmt: skip
def test_refusals(content: bytes | str, complaint: str) -> None:
    assert complaints(content) == [complaint]


@pytest.mark.parametrize(
    ("content", "place", "hint"),
    [
        ("a: b\n\tc: d\n", "f.yaml:2:1:", "indent with spaces, not tabs"),
        ("a:\n\tb: c\n", "f.yaml:2:1:", "indent with spaces, not tabs"),
        ("a:\n  b:\n  \tc: d\n", "f.yaml:3:3:", "indent with spaces, not tabs"),
        ("a: |\n\tb\n", "f.yaml:2:1:", "indent with spaces, not tabs"),
        ("a: @b\n", "f.yaml:1:4:", "put it in quotes"),
        ("a: 'b\n", "f.yaml:1:4:", "close it"),
        ('a:\n  title: "x\n  tags:\n    - y\n', "f.yaml:2:10:", "close it"),
        ("a: 'b\nc: 'd'\n", "f.yaml:1:4:", "close the quote where the text ends"),
        ("a: b\n c: [1\n", "f.yaml:2:3:", "check indentation, quotes and brackets"),
        ("requires: >=1.0\n", "f.yaml:1:12:", "check indentation, quotes and brackets"),
    ],
)
def test_syntax_errors_have_a_place(content: str, place: str, hint: str) -> None:
    (complaint,) = complaints(content)
    assert complaint.startswith(place)
    assert complaint.endswith(hint)
    assert "not valid YAML" in complaint


def test_size_and_depth_are_bounded() -> None:
    assert complaints(b"#" * (MAX_BYTES + 1)) == [
        "f.yaml:1:1: the file is larger than 1 MiB; split it into several files"
    ]
    assert "nested deeper" in complaints("[" * 300_000)[0]
    assert "nested deeper" in complaints("- " * 300_000)[0]


def test_an_empty_document_is_none() -> None:
    for content in (b"", b"# nothing\n", b"\xef\xbb\xbf"):
        document, problems = parse("f.yaml", content)
        assert document is not None
        assert document.data is None
        assert not problems


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60) | st.text("ab:-?[]{}&*!|>'\"\n\t #%@`,<~0\\\x85\u2028\ufeff", max_size=40).map(str.encode)
)
def test_no_bytes_make_an_exception(content: bytes) -> None:
    document, problems = parse("f.yaml", content)
    assert document is not None or problems
