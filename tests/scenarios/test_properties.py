"""Whatever is done to manifests, account and lockfile: every successful apply leaves all three in step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.memory import World, catalog, voice
from voicectl.errors import Refused
from voicectl.model import marker
from voicectl.model.catalog import Catalog
from voicectl.model.voice import Voice
from voicectl.plan.actions import Prune
from voicectl.plan.planner import make_plan

V = TypeVar("V")
NAMES = ("a", "b", "c")
VALUES: dict[str, tuple[Any, ...]] = {
    "title": ("One", "Two"),
    "tags": ((), ("x",), ("x", "y")),
    "visibility": ("private", "unlist"),
}
RETENTIONS = (timedelta(0), timedelta(days=7))
DAYS = (1, 8)

names = st.sampled_from(NAMES)
fields = st.sampled_from([(key, value) for key, values in VALUES.items() for value in values])
anything = st.integers(0, 9)
steps = st.one_of(
    st.tuples(st.just("voice"), names, st.sampled_from(["one", "two", "three"])),
    st.tuples(st.just("field"), names, fields),
    st.tuples(st.just("leave"), names),
    st.tuples(st.just("move"), names, names),
    st.tuples(st.just("retain"), st.sampled_from(RETENTIONS)),
    st.tuples(st.just("adopt"), st.booleans()),
    st.tuples(st.just("hand edits"), anything, fields),
    st.tuples(st.just("hand deletes"), anything),
    st.tuples(st.just("hand unmarks"), anything),
    st.tuples(st.just("hand retires"), anything),
    st.tuples(st.just("lock lost")),
    st.tuples(st.just("lock of"), anything),
    st.tuples(st.just("days"), st.sampled_from(DAYS)),
    *[st.tuples(st.just("apply"))] * 5,
)


@dataclass
class Story:
    """A project and its account, through changes by Git, by hand and by time."""

    world: World = field(default_factory=World)
    voices: dict[str, Voice] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    retain: timedelta = RETENTIONS[1]
    locks: list[bytes | None] = field(default_factory=lambda: [None])

    def __post_init__(self) -> None:
        account = self.world.account
        self.foreign = [
            account.add(title="Unmarked", tags=("x",)),
            account.add(title="Other catalog", tags=("voicectl:other", "voicectl:other:a:0123456789ab")),
            account.add(title="Both", tags=("voicectl:acme", "voicectl:acme:a:0123456789ab", "voicectl:other")),
        ]
        self.by_hand = account.add(title="By hand", tags=("old",)).id
        for name in NAMES:
            self.voices[name] = voice(name)

    @property
    def catalog(self) -> Catalog:
        return catalog(*self.voices.values(), moved=self.moved, retain=self.retain)

    def take(self, step: tuple[object, ...]) -> None:
        match step:
            case ("voice", str(name), str(words)):
                self._declare(_with_inputs(self.voices.get(name, voice(name)), words))
            case ("field", str(name), (str(key), value)) if name in self.voices:
                old = self.voices[name]
                changed: dict[str, Any] = {key: value}
                self._declare(replace(old, metadata=replace(old.metadata, **changed)))
            case ("leave", str(name)):
                self.voices.pop(name, None)
            case ("move", str(old_name), str(new)) if old_name in self.voices and new not in self.voices:
                self._declare(replace(self.voices.pop(old_name), name=new))
                self.moved = {old: new if to == old_name else to for old, to in self.moved.items()} | {old_name: new}
            case ("retain", timedelta() as retain):
                self.retain = retain
            case ("adopt", bool(trusted)):
                self.voices["d"] = voice("d", "one" if trusted else None, model=self.by_hand)
            case ("lock lost",):
                self.world.store.data = None
            case ("lock of", int(number)):
                self.world.store.data = self.locks[number % len(self.locks)]
            case ("days", int(days)):
                self.world.now += timedelta(days=days)
            case ("apply",):
                self.apply()
            case (str(what), int(number), *more) if what.startswith("hand"):
                self._by_hand(what, number, more)

    def _declare(self, wanted: Voice) -> None:
        self.voices[wanted.name] = wanted
        self.moved = {old: new for old, new in self.moved.items() if old != wanted.name}

    def _by_hand(self, what: str, number: int, more: list[object]) -> None:
        account = self.world.account
        others = {model.id for model in self.foreign} | {self.by_hand}
        ids = sorted(account.models.keys() - others)
        if not ids:
            return
        model = account.models[ids[number % len(ids)]]
        own, marks = marker.plain(model.tags), model.marks
        match what, more:
            case "hand edits", [("tags", tuple(tags))]:
                account.edit(model.id, tags=(*tags, *marks))
            case "hand edits", [(str(key), value)]:
                account.edit(model.id, **{key: value})
            case "hand deletes", _:
                del account.models[model.id]
            case "hand unmarks", _:
                account.edit(model.id, tags=own)
            case "hand retires", _:
                mark = model.marker("acme")
                if mark is not None and mark.key != marker.ADOPTED:
                    account.edit(model.id, tags=(*own, *mark.as_retired(not mark.retired).marks))

    def apply(self) -> None:
        deleted = len(self.world.account.deleted)
        try:
            self.world.apply(self.catalog, recreate_missing=True)
        except Refused:
            return
        account = self.world.account
        if self.world.store.data is None:  # an empty plan saves nothing
            assert not self.voices
            return
        lock = self.world.lock
        self.locks.append(self.world.store.data)
        assert lock.voices.keys() == self.voices.keys()
        assert len({record.id for record in lock.voices.values()}) == len(lock.voices)
        for name, record in lock.voices.items():
            mark = account.models[record.id].marker("acme")
            assert mark is not None
            assert (mark.name, mark.retired) == (name, False)
            assert record.pending is None
        foreign = {model.id for model in self.foreign}
        ours = {model.id for model in account.models.values() if model.marks} - foreign
        assert ours <= lock.ids(), "a model with our marks is unknown to the lock"
        for model in account.deleted[deleted:]:
            assert marker.owners(model.tags) == {"acme"}, "a model was deleted that was not ours"
        self.unharmed()

    def unharmed(self) -> None:
        account = self.world.account
        assert self.by_hand in account.models, "an adopted model was deleted"
        assert [account.models[model.id] for model in self.foreign] == self.foreign


def _with_inputs(old: Voice, words: str) -> Voice:
    made = voice("x", words)
    return replace(old, inputs=made.inputs, samples=made.samples)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=4, max_size=25))
def test_every_successful_apply_leaves_nothing_to_do(script: list[tuple[object, ...]]) -> None:
    story = Story()
    story.apply()
    for step in script:
        story.take(step)
        story.unharmed()
    story.apply()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=12))
def test_a_plan_depends_on_no_order(script: list[tuple[object, ...]]) -> None:
    story = Story()
    for step in script:
        story.take(step)
    sides = story.world.prepare(story.catalog, recreate_missing=True)
    catalog, lock, models = sides.request.catalog, sides.lock, sides.observation.models
    planned = make_plan(sides.request, lock, sides.observation)
    assert make_plan(sides.request, lock, sides.observation).plan == planned.plan
    again = make_plan(
        replace(sides.request, catalog=replace(catalog, voices=_turned(catalog.voices), moved=catalog.moved[::-1])),
        replace(lock, voices=_turned(lock.voices), removed=_turned(lock.removed)),
        replace(
            sides.observation,
            models=_turned({i: replace(model, tags=model.tags[::-1]) for i, model in models.items()}),
        ),
    )
    assert again.plan == planned.plan
    ranks = [isinstance(task, Prune) and task.unfinished for task in planned.tasks]
    assert all(first or not second for first, second in pairwise(ranks))


def _turned(values: Mapping[str, V]) -> dict[str, V]:
    return dict(reversed(list(values.items())))
