"""A lockfile's bytes: sorted JSON, the same whether its records were encoded before or not."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from voicectl.model.lock import Applied, Lock, ProviderIdentity, Record
from voicectl.state.codec import Texts, decode, encode

EMPTY = Lock("acme", None, ProviderIdentity("fish", "api.fish.audio", "a" * 32))
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}[a-z0-9]", fullmatch=True)
records = st.builds(
    Record,
    origin=st.just("created"),
    id=st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    generation=st.integers(1, 9),
    applied=st.builds(Applied, title=st.text(max_size=5), tags=st.none() | st.tuples(st.text(max_size=3))),
    previous_names=st.just(()) | st.tuples(names),
)
catalogs = st.dictionaries(names, records, max_size=4)


@given(st.lists(catalogs, min_size=1, max_size=4))
def test_locks_that_follow_each_other_are_encoded_like_any_other(story: list[dict[str, Record]]) -> None:
    texts: Texts = {}
    present: dict[str, Record] = {}
    for changes in story:
        present = {**present, **changes}
        lock = replace(EMPTY, voices=present)
        data = encode(lock, texts=texts)
        assert data == encode(lock)
        values = json.loads(data)
        assert data.decode() == json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        assert values.get("revision", 1) == (2 if any(r.previous_names for r in present.values()) else 1)
        present = dict(list(present.items())[1:])


def test_a_lock_without_voices_is_whole_json() -> None:
    assert decode(encode(EMPTY), "lock") == EMPTY
