"""What every account must do, whichever it is: the client on the emulator, and the account in memory of other tests."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
import pytest

from tests.conftest import KEY
from tests.memory import Account
from voicectl.emulator.server import RunningEmulator
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Cover, Metadata
from voicectl.provider.fish.bounds import Patience
from voicectl.provider.fish.client import FishClient
from voicectl.provider.fish.endpoint import Endpoint
from voicectl.provider.port import NewModel, NotReadable, Provider, Speech, Upload

T = TypeVar("T")
TAG = "voicectl:acme"
MARKER = "voicectl:acme:n:0123456789ab"
QUICK = Patience(connect=2, read=5, first_pause=0.01, longest_pause=0.02, deadline=1)


class Side(Protocol):
    """An account under test, and what others do in it behind its back."""

    def run(self, use: Callable[[Provider], Awaitable[T]]) -> T:
        """Use the account as the engine does: one provider, one event loop."""

    def of_another(self, title: str, visibility: str) -> str:
        """Another account's model, with our tags; its id."""

    def removed_by_hand(self, model_id: str) -> None:
        """Somebody deletes a model in the web app."""


@dataclass
class OnTheEmulator:
    emulator: RunningEmulator

    def run(self, use: Callable[[Provider], Awaitable[T]]) -> T:
        async def main() -> T:
            client = FishClient(Endpoint(self.emulator.url, KEY), patience=QUICK)
            try:
                return await use(client)
            finally:
                await client.close()

        return asyncio.run(main())

    def of_another(self, title: str, visibility: str) -> str:
        data = {"type": "tts", "train_mode": "fast", "title": title, "visibility": visibility, "tags": [TAG, MARKER]}
        headers = {"Authorization": "Bearer key-of-somebody-else"}
        files = [("voices", ("a.wav", b"RIFF"))]
        answer = httpx.post(f"{self.emulator.url}/model", data=data, files=files, headers=headers)
        return str(answer.raise_for_status().json()["_id"])

    def removed_by_hand(self, model_id: str) -> None:
        httpx.delete(f"{self.emulator.url}/_emulator/models/{model_id}").raise_for_status()


@dataclass
class InMemory:
    account: Account

    def run(self, use: Callable[[Provider], Awaitable[T]]) -> T:
        async def main() -> T:
            return await use(self.account)

        return asyncio.run(main())

    def of_another(self, title: str, visibility: str) -> str:
        return self.account.add(author="account-2", title=title, visibility=visibility, tags=(TAG, MARKER)).id

    def removed_by_hand(self, model_id: str) -> None:
        del self.account.models[model_id]


@pytest.fixture(params=["emulator", "memory"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    if request.param == "memory":
        yield InMemory(Account())
        return
    with RunningEmulator() as emulator:
        yield OnTheEmulator(emulator)


@pytest.fixture
def sample(tmp_path: Path) -> Upload:
    return upload(tmp_path / "1.wav", b"RIFF....WAVE", "sample-1.wav", "audio/wav")


@pytest.fixture
def image(tmp_path: Path) -> Upload:
    return upload(tmp_path / "c.png", b"\x89PNG data", "cover.png", "image/png")


def upload(path: Path, data: bytes, name: str, media_type: str) -> Upload:
    path.write_bytes(data)
    return Upload(path, name, media_type, "sha256:" + hashlib.sha256(data).hexdigest(), len(data))


def new(sample: Upload, title: str = "Narrator", tags: tuple[str, ...] = (TAG, MARKER), **values: Any) -> NewModel:
    metadata = Metadata(title=title, **{"description": "two\nlines", "visibility": "unlist", "tags": (), **values})
    return NewModel(metadata, tags, (sample,), (), enhance=True)


def with_cover(sample: Upload, image: Upload) -> NewModel:
    return NewModel(Metadata(title="Narrator"), (TAG, MARKER), (sample,), ("the words",), enhance=False, cover=image)


def silent(size: int) -> None:
    """Nobody listens."""


async def made(account: Provider, *models: NewModel) -> list[Model]:
    return [await account.create(model, silent) for model in models]


async def seen(account: Provider, model_id: str) -> Model:
    model = await account.get(model_id)
    assert model is not None
    return model


def test_a_new_model_is_private_and_has_its_marks_and_values(side: Side, sample: Upload) -> None:
    async def use(account: Provider) -> None:
        [model] = await made(account, new(sample, tags=("warm", TAG, MARKER)))
        assert model.visibility == "private"
        assert set(model.tags) == {"warm", TAG, MARKER}
        assert (model.title, model.description, model.cover_image) == ("Narrator", "two\nlines", "")
        assert model.state == "trained"
        assert await account.get(model.id) == model, "the answer to the creation is what is there"

    side.run(use)


def test_a_new_model_without_a_description_has_an_empty_one(side: Side, sample: Upload) -> None:
    [model] = side.run(lambda account: made(account, new(sample, description=None)))
    assert model.description == ""


def test_a_new_models_cover_is_there(side: Side, sample: Upload, image: Upload) -> None:
    [model] = side.run(lambda account: made(account, with_cover(sample, image)))
    assert model.cover_image


def test_progress_counts_the_bytes_of_every_file(side: Side, sample: Upload, image: Upload) -> None:
    sizes: list[int] = []
    side.run(lambda account: account.create(with_cover(sample, image), sizes.append))
    assert sum(sizes) == sample.size + image.size


def test_two_creations_make_two_models_the_second_one_younger(side: Side, sample: Upload) -> None:
    async def use(account: Provider) -> None:
        first, second = await made(account, new(sample), new(sample))
        assert first.id != second.id
        assert first.age < second.age
        assert {model.id for model in (await account.list_models(TAG)).models} == {first.id, second.id}

    side.run(use)


def test_a_model_is_made_and_changed_at_the_accounts_own_time(side: Side, sample: Upload) -> None:
    async def use(account: Provider) -> None:
        [model] = await made(account, new(sample))
        assert account.time is not None
        assert model.created_at is not None
        assert model.created_at == model.updated_at
        assert abs(account.time - model.created_at) < timedelta(minutes=1)
        await account.update(model.id, Patch(title="Other"))
        changed = await seen(account, model.id)
        assert changed.updated_at is not None
        assert changed.updated_at > model.created_at
        assert changed.created_at == model.created_at

    side.run(use)


def test_all_models_of_one_account_have_one_author_whom_the_wallet_names(side: Side, sample: Upload) -> None:
    async def use(account: Provider) -> None:
        models = await made(account, new(sample), new(sample, "Other"))
        wallet = await account.wallet()
        assert wallet.user_id
        assert {model.author for model in models} == {wallet.user_id}

    side.run(use)


def test_a_wallet_says_its_credit_as_a_decimal(side: Side) -> None:
    wallet = side.run(lambda account: account.wallet())
    assert float(wallet.credit) >= 0
    assert float(wallet.paid) >= 0


def test_a_listing_by_tag_has_the_models_with_exactly_this_tag(side: Side, sample: Upload) -> None:
    async def use(account: Provider) -> None:
        ours, longer, plain = await made(
            account, new(sample), new(sample, tags=("voicectl:acme2", "x")), new(sample, tags=())
        )
        assert (await account.list_models(TAG)).models == (ours,)
        assert (await account.list_models(MARKER)).models == (ours,)
        assert (await account.list_models("voicectl:acme2")).models == (longer,)
        assert (await account.list_models("voicectl:other")).models == ()
        everything = await account.list_models()
        assert {model.id for model in everything.models} == {ours.id, longer.id, plain.id}
        assert everything.complete

    side.run(use)


def test_a_listing_shows_what_a_get_shows(side: Side, sample: Upload, image: Upload) -> None:
    async def use(account: Provider) -> None:
        [model] = await made(account, with_cover(sample, image))
        await account.update(model.id, Patch(title="Other", visibility="unlist", description=""))
        assert (await account.list_models(TAG)).models == (await seen(account, model.id),)

    side.run(use)


def test_a_listing_has_the_accounts_own_models_only(side: Side, sample: Upload) -> None:
    side.of_another("Theirs", "unlist")

    async def use(account: Provider) -> None:
        [ours] = await made(account, new(sample))
        assert (await account.list_models(TAG)).models == (ours,)
        assert (await account.list_models()).models == (ours,)

    side.run(use)


def test_a_limited_listing_ends_early_and_starts_with_the_newest(side: Side, sample: Upload) -> None:
    async def use(account: Provider) -> None:
        await made(account, *(new(sample, str(number)) for number in range(5)))
        assert [m.title for m in (await account.list_models(TAG, limit=2)).models] == ["4", "3"]
        assert len((await account.list_models(limit=50)).models) == 5

    side.run(use)


def test_an_empty_account_lists_nothing_and_completely(side: Side) -> None:
    listing = side.run(lambda account: account.list_models())
    assert (listing.models, listing.complete) == ((), True)


def test_what_is_not_there_is_none(side: Side) -> None:
    assert side.run(lambda account: account.get("f" * 32)) is None


def test_a_strangers_model_is_read_where_it_is_shown_and_refused_where_it_is_private(side: Side) -> None:
    shown, private = side.of_another("Shown", "unlist"), side.of_another("Private", "private")

    async def use(account: Provider) -> None:
        assert (await seen(account, shown)).title == "Shown"
        with pytest.raises(NotReadable):
            await account.get(private)

    side.run(use)


def test_a_strangers_model_can_be_neither_changed_nor_deleted(side: Side) -> None:
    theirs = side.of_another("Theirs", "unlist")

    async def use(account: Provider) -> None:
        with pytest.raises(NotReadable):
            await account.update(theirs, Patch(title="Ours"))
        with pytest.raises(NotReadable):
            await account.delete(theirs)
        assert (await seen(account, theirs)).title == "Theirs"

    side.run(use)


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        (Patch(title="Other"), {"title": "Other"}),
        (Patch(description="One line"), {"description": "One line"}),
        (Patch(description=""), {"description": ""}),
        (Patch(visibility="unlist"), {"visibility": "unlist"}),
        (Patch(tags=(TAG, "calm")), {"tags": (TAG, "calm")}),
        (Patch(tags=()), {"tags": ()}),
        (Patch(title="Other", tags=(TAG,)), {"title": "Other", "tags": (TAG,)}),
    ],
    ids=["title", "description", "no description", "visibility", "tags", "no tags", "two fields"],
)
def test_an_update_sets_the_named_fields_whole_and_no_other(
    side: Side, sample: Upload, patch: Patch, changed: dict[str, Any]
) -> None:
    async def use(account: Provider) -> None:
        [model] = await made(account, new(sample, tags=("warm", TAG, MARKER)))
        assert await account.update(model.id, patch)
        assert values(await seen(account, model.id)) == {**values(model), **changed}

    side.run(use)


def values(model: Model) -> dict[str, Any]:
    return {
        name: getattr(model, name) for name in ("title", "description", "visibility", "tags", "cover_image", "author")
    }


def test_an_update_sets_a_cover_beside_other_fields(side: Side, sample: Upload, image: Upload) -> None:
    cover = Cover("c.png", image.digest, image.size, "image/png")

    async def use(account: Provider) -> None:
        [model] = await made(account, new(sample))
        await account.update(model.id, Patch(cover=cover, visibility="public", tags=(), description=""), image)
        found = await seen(account, model.id)
        assert found.cover_image
        assert (found.title, found.visibility, found.tags, found.description) == ("Narrator", "public", (), "")

    side.run(use)


def test_what_is_gone_can_not_be_updated(side: Side, sample: Upload) -> None:
    async def use(account: Provider) -> None:
        [model] = await made(account, new(sample))
        side.removed_by_hand(model.id)
        assert await account.update(model.id, Patch(title="Other")) is False
        assert await account.get(model.id) is None

    side.run(use)


def test_a_deletion_can_be_repeated(side: Side, sample: Upload) -> None:
    async def use(account: Provider) -> None:
        gone, left = await made(account, new(sample), new(sample))
        await account.delete(gone.id)
        await account.delete(gone.id)
        await account.delete("f" * 32)
        assert await account.get(gone.id) is None
        assert (await account.list_models(TAG)).models == (left,)

    side.run(use)


def test_the_time_is_known_from_the_first_answer_on(side: Side) -> None:
    async def use(account: Provider) -> None:
        assert account.time is None
        await account.list_models()
        first = account.time
        assert first is not None
        assert datetime(2020, 1, 1, tzinfo=UTC) < first
        await account.get("f" * 32)
        assert account.time is not None
        assert account.time >= first

    side.run(use)


def test_an_account_takes_at_least_one_request_at_once(side: Side) -> None:
    async def use(account: Provider) -> None:
        assert account.concurrency >= 1

    side.run(use)


def test_speech_comes_as_bytes(side: Side, sample: Upload) -> None:
    pieces: list[bytes] = []

    async def use(account: Provider) -> None:
        [model] = await made(account, new(sample))
        await account.speak(Speech("hello", "wav", model_id=model.id), pieces.append)

    side.run(use)
    assert b"".join(pieces)
