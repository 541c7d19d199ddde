"""Whatever bytes a saved plan holds: it is a plan that every renderer can show, or PlanInvalid."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.report.plans import PLANS
from voicectl.plan.saved import PlanInvalid, decode
from voicectl.report import plan_json, plan_markdown, plan_text
from voicectl.report.terminal import Style

DOCUMENTS = [json.loads(plan_json.plan(value)) for value in PLANS.values()]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\x1b[2J\u202e::error::"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))]


def shown(data: bytes) -> None:
    try:
        plan = decode(data, "plan.json")
    except PlanInvalid:
        return
    for text in (plan_text.render(plan, Style(columns=60)), plan_markdown.render(plan, 5000), plan_json.plan(plan)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not any(line.strip().startswith("::") for line in text.splitlines())


@given(st.sampled_from(DOCUMENTS), st.data())
def test_a_plan_with_anything_put_somewhere(document: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(document)))
    copy = {"root": json.loads(json.dumps(document))}
    spot: Any = copy
    for step in ("root", *path)[:-1]:
        spot = spot[step]
    spot[("root", *path)[-1]] = data.draw(values)
    shown(json.dumps(copy["root"]).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"format_version": "1.0", "changes": [' + b"[" * 50_000)
@example(b'{"format_version": "' + b"9" * 5000 + b'.0"}')
def test_any_bytes(data: bytes) -> None:
    shown(data)
