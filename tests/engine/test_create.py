"""Making exactly one model: an answer that is lost, marks that are dropped, a provider that asks for patience."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.memory import Account, inputs_of, voice
from voicectl.engine.create import Creations, MarksNotKept, PerhapsMade, new_model
from voicectl.engine.events import Event
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.provider.port import Listing, NewModel, NotSent, OutcomeUnknown, Progress, Rejected, Throttled, Upload

WANTED = Marker.of("acme", "a", inputs_of("one"))
NEW = new_model(Path(), voice("a"), voice("a").metadata, WANTED)
LOST = OutcomeUnknown("the answer was lost", "")


@dataclass
class Faulty(Account):
    """An account whose creations end as told: with their model, with a refusal, or made and without an answer."""

    ends: list[Exception | None] = field(default_factory=list)
    made_though: bool = True
    """Whether a creation whose answer is lost was carried out."""
    late: bool = False
    """It appears only after the first look."""
    keeps: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda tags: tags
    """What is left of the tags of a creation."""
    refuses_marks: bool = False
    posts: int = 0
    _later: list[NewModel] = field(default_factory=list)

    async def create(self, new: NewModel, progress: Progress) -> Model:
        self.posts += 1
        end = self.ends.pop(0) if self.ends else None
        stored = replace(new, tags=self.keeps(new.tags))
        if end is None:
            return await super().create(stored, progress)
        progress(10)
        if isinstance(end, OutcomeUnknown) and self.made_though:
            if self.late:
                self._later.append(stored)
            else:
                await super().create(stored, progress)
        raise end

    async def list_models(self, tag: str | None = None, limit: int | None = None) -> Listing:
        listing = await super().list_models(tag, limit)
        while self._later and self.posts:
            await super().create(self._later.pop(), lambda size: None)
        return listing

    async def update(self, model_id: str, patch: Patch, cover: Upload | None = None) -> bool:
        if self.refuses_marks:
            patch = replace(patch, tags=())
        return await super().update(model_id, patch, cover)


@dataclass
class Tries:
    """One run's creations, and what it was told."""

    account: Faulty
    creations: Creations = field(init=False)
    events: list[Event] = field(default_factory=list)
    saves: int = 0

    def __post_init__(self) -> None:
        self.creations = Creations(
            self.account, self.events.append, frozenset(self.account.models), self._save, grace=0.0, looks=(0.0,)
        )

    async def _save(self) -> None:
        self.saves += 1

    def make(self, count: int = 1, progress: Progress = lambda size: None) -> list[Model | BaseException]:
        async def one() -> Model:
            async with self.creations.turn():
                return await self.creations.create(NEW, WANTED, progress)

        async def main() -> Sequence[Model | BaseException]:
            return await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)

        return list(asyncio.run(main()))


def the_only(account: Faulty) -> Model:
    [model] = account.models.values()
    return model


def test_an_answer_names_the_model() -> None:
    account = Faulty()
    tries = Tries(account)
    assert tries.make() == [the_only(account)]
    assert tries.creations.kept
    assert tries.creations.made.keys() == account.models.keys()


def test_a_model_whose_answer_was_lost_is_found_by_its_marks() -> None:
    account = Faulty(ends=[LOST])
    tries = Tries(account)
    assert tries.make() == [the_only(account)]
    assert account.posts == 1
    assert tries.creations.unsure == {WANTED.tag}


def test_it_is_found_though_it_appears_only_during_the_grace_period() -> None:
    account = Faulty(ends=[LOST], late=True)
    # The walk before the first creation lists nothing, nor does the first look.
    assert Tries(account).make() == [the_only(account)]
    assert account.posts == 1


def test_what_was_not_made_is_sent_again() -> None:
    account = Faulty(ends=[LOST, LOST], made_though=False)
    assert Tries(account).make() == [the_only(account)]
    assert account.posts == 3


def test_a_model_that_was_there_before_is_not_taken_for_the_lost_one() -> None:
    account = Faulty(ends=[LOST], made_though=False)
    before = account.add(title="A", tags=NEW.tags)
    [made] = Tries(account).make()
    assert isinstance(made, Model)
    assert made.id != before.id


@pytest.mark.parametrize("refusal", [Throttled("slow down", "", 429), NotSent("no network")], ids=["429", "not sent"])
def test_a_definite_no_that_asks_for_patience_is_followed_by_one_more_request(refusal: Exception) -> None:
    account = Faulty(ends=[refusal, refusal])
    sizes: list[int] = []
    tries = Tries(account)
    assert tries.make(progress=sizes.append) == [the_only(account)]
    assert account.posts == 3
    assert sum(sizes) == NEW.samples[0].size, "what has to be sent again counts once"
    assert [event.kind for event in tries.events] == ["retrying", "retrying"]


def test_a_refusal_is_not_repeated() -> None:
    account = Faulty(ends=[Rejected("no", "", 400)])
    [refused] = Tries(account).make()
    assert isinstance(refused, Rejected)
    assert account.posts == 1
    assert account.models == {}


def test_a_lost_model_without_marks_is_named_and_never_adopted_nor_made_again() -> None:
    account = Faulty(ends=[LOST], keeps=lambda tags: ())
    [refused] = Tries(account).make()
    assert isinstance(refused, PerhapsMade)
    assert the_only(account).id in refused.message
    assert refused.stops_run
    assert account.posts == 1


def test_where_not_all_models_are_listed_nobody_can_tell_and_nothing_is_made_again() -> None:
    account = Faulty(ends=[LOST], made_though=False, complete=False)
    [refused] = Tries(account).make()
    assert isinstance(refused, PerhapsMade)
    assert account.posts == 1


def test_dropped_marks_are_sent_again_and_the_run_goes_on_one_by_one_with_saves() -> None:
    account = Faulty(keeps=lambda tags: ())
    tries = Tries(account)
    tries.make()
    assert tries.creations.dropped
    assert set(WANTED.marks) <= set(the_only(account).tags)
    tries.make()
    assert tries.saves == 3, "before and after each creation whose marks are dropped"


def test_marks_that_do_not_stick_stop_the_run_after_the_first_model() -> None:
    account = Faulty(keeps=lambda tags: (), refuses_marks=True)
    ended = Tries(account).make(3)
    assert {type(each) for each in ended} == {MarksNotKept}
    assert account.posts == 1
    assert the_only(account).id in str(ended[0])


def test_an_answer_without_an_author_gets_the_wallets() -> None:
    account = Faulty()
    real = account.add

    def add(*arguments: object, **values: object) -> Model:
        return replace(real(**{**values, "author": ""}), author="")  # type: ignore[arg-type]

    account.add = add  # type: ignore[method-assign]
    [made] = Tries(account).make()
    assert isinstance(made, Model)
    assert made.author == "account-1"
