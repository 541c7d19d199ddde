"""Waiting for training: one loop for all models, and a listing where that costs fewer requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

import pytest

from voicectl.concurrency import Backoff
from voicectl.engine import training
from voicectl.engine.events import silent
from voicectl.engine.training import StillTraining, Training
from voicectl.model.observed import Model
from voicectl.provider.port import Listing, NotSent, Provider, Rejected


class Account:
    """Models that train for some looks; `gone` ones answer 404, `odd` ones not at all."""

    def __init__(
        self, looks: int, gone: Iterable[str] = (), odd: Iterable[str] = (), unlisted: Iterable[str] = ()
    ) -> None:
        self.looks, self.gone, self.odd, self.unlisted = looks, set(gone), set(odd), set(unlisted)
        self.asked: list[str] = []
        self.seen: dict[str, int] = {}

    def _model(self, model_id: str) -> Model:
        self.seen[model_id] = self.seen.get(model_id, 0) + 1
        return Model(model_id, "T", state="trained" if self.seen[model_id] > self.looks else "training")

    async def get(self, model_id: str) -> Model | None:
        self.asked.append(model_id)
        if model_id in self.odd:
            raise NotSent("no network")
        return None if model_id in self.gone else self._model(model_id)

    async def list_models(self, tag: str | None = None, limit: int | None = None) -> Listing:
        self.asked.append("listing")
        return Listing(tuple(self._model(i) for i in IDS if i not in self.unlisted), True)


IDS = [f"m{number}" for number in range(20)]


def wait(account: Any, ids: Iterable[str], seconds: float = 5.0, size: int = 20) -> list[Any]:
    async def main() -> list[Any]:
        waiting = Training(account, silent, "voicectl:acme", size, seconds)
        models = (Model(i, "T", state="training") for i in ids)
        return await asyncio.gather(*(waiting.over("v", model) for model in models), return_exceptions=True)

    return asyncio.run(main())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FIRST_LOOK", 0.01)


def test_one_listing_looks_at_all_that_train() -> None:
    account = Account(looks=3)
    assert {model.state for model in wait(account, IDS)} == {"trained"}
    assert account.asked == ["listing"] * 4


def test_a_few_models_of_a_large_catalog_are_asked_for_by_id() -> None:
    account = Account(looks=2)
    wait(account, IDS[:3], size=900)
    assert "listing" not in account.asked
    assert len(account.asked) == 9


def test_what_a_listing_lacks_is_asked_for_and_may_be_gone() -> None:
    account = Account(looks=1, gone={"m3"}, unlisted={"m3", "m4"})
    found = wait(account, IDS)
    assert found[3] is None
    assert found[4].state == "trained"
    assert set(account.asked) == {"listing", "m3", "m4"}


def test_what_can_not_be_looked_at_is_that_voices_alone() -> None:
    found = wait(Account(looks=1, odd={"m3"}, unlisted={"m3"}), IDS)
    assert isinstance(found[3], NotSent)
    assert {model.state for model in found if model is not found[3]} == {"trained"}


def test_patience_ends_for_each_by_itself() -> None:
    found = wait(Account(looks=10**6), IDS[:2], seconds=0.1)
    assert [type(each) for each in found] == [StillTraining, StillTraining]


def test_a_trained_model_is_not_looked_at() -> None:
    account = Account(looks=1)

    async def main() -> Model | None:
        return await Training(account, silent, "t").over("v", replace(Model("m", "T"), state="failed"))  # type: ignore[arg-type]

    done = asyncio.run(main())
    assert done is not None
    assert done.state == "failed"
    assert account.asked == []


def test_a_bug_in_a_look_reaches_those_who_wait() -> None:
    class Broken(Account):
        async def list_models(self, tag: str | None = None, limit: int | None = None) -> Listing:
            raise RuntimeError("a bug")

    assert {type(each) for each in wait(Broken(looks=1), IDS)} == {RuntimeError}


def test_a_newcomer_is_looked_at_soon_whatever_the_pause_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(looks=1)
    account.seen["m0"] = -(10**6)  # it trains for ever

    async def main() -> float:
        waiting = Training(cast(Provider, account), silent, "voicectl:acme", 900, 2.0)
        first = asyncio.create_task(waiting.over("a", Model("m0", "T", state="training")))
        await asyncio.sleep(0.05)
        waiting._pauses = Backoff(60, 60, float("inf"))
        await asyncio.sleep(0.3)
        began = asyncio.get_running_loop().time()
        await waiting.over("b", Model("m1", "T", state="training"))
        first.cancel()
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(main()) < 1.0


def test_newcomers_that_keep_coming_put_no_look_off() -> None:
    account = Account(looks=2)

    async def main() -> None:
        waiting = Training(cast(Provider, account), silent, "voicectl:acme", 900, 2.0)
        tasks = []
        for number in range(100):
            tasks.append(asyncio.create_task(waiting.over("v", Model(IDS[number % 20], "T", state="training"))))
            await asyncio.sleep(0.002)
            if number == 60:
                assert account.asked, "somebody was looked at meanwhile"
        for task in tasks:
            task.cancel()

    asyncio.run(main())


def test_a_listing_that_is_refused_is_replaced_by_asking_for_each() -> None:
    class Unlisted(Account):
        async def list_models(self, tag: str | None = None, limit: int | None = None) -> Listing:
            raise Rejected("no listing today")

    account = Unlisted(looks=1)
    assert {model.state for model in wait(account, IDS)} == {"trained"}


def test_the_last_look_is_at_the_deadline() -> None:
    """A model that is trained shortly before is not given up for want of a look."""

    class Late(Account):
        async def get(self, model_id: str) -> Model | None:
            self.asked.append(model_id)
            trained = asyncio.get_running_loop().time() >= self.until
            return Model(model_id, "T", state="trained" if trained else "training")

        until = 0.0

    async def main() -> Model | None:
        account = Late(looks=0)
        waiting = Training(cast(Provider, account), silent, "t", 900, 0.6)
        waiting._pauses = Backoff(60, 60, float("inf"))
        account.until = asyncio.get_running_loop().time() + 0.5
        return await waiting.over("v", Model("m", "T", state="training"))

    done = asyncio.run(main())
    assert done is not None
    assert done.state == "trained"


def test_a_look_that_takes_long_delays_no_other() -> None:
    class Stalled(Account):
        async def get(self, model_id: str) -> Model | None:
            if model_id == "m3":
                await asyncio.sleep(60)
            return await super().get(model_id)

    async def main() -> list[Any]:
        account = Stalled(looks=2)
        waiting = Training(cast(Provider, account), silent, "t", 900, 5.0)
        tasks = [asyncio.create_task(waiting.over("v", Model(i, "T", state="training"))) for i in IDS[:5]]
        done, left = await asyncio.wait(tasks, timeout=1)
        for task in left:
            task.cancel()
        return [len(done), len(left)]

    assert asyncio.run(main()) == [4, 1]
