"""The Fish Audio API over httpx. Strict in what it sends, lenient in what it accepts.

Facts: the provider's API reference (docs.fish.audio, "Model" and "Wallet" endpoints).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from voicectl.concurrency import Backoff, together
from voicectl.model.observed import Model, Patch
from voicectl.provider.fish import bounds, wire
from voicectl.provider.fish.bounds import USUAL, Patience
from voicectl.provider.fish.endpoint import Endpoint
from voicectl.provider.fish.errors import Answers, OnRequest, date_of, told
from voicectl.provider.fish.http import Pools, httpx
from voicectl.provider.fish.limits import SearchingLimiter, limiter
from voicectl.provider.fish.uploads import Gathered, OpenUploads, read_whole
from voicectl.provider.port import (
    Listing,
    NewModel,
    NotSent,
    OutcomeUnknown,
    Progress,
    Speech,
    Throttled,
    Upload,
    Wallet,
)
from voicectl.unpacking import ACCEPTED, NotUnpackable

PAGE_SIZE = 100
PAGES_AT_ONCE = 16
_WALKS = 3
"""How many attempts a listing gets before one that does not add up counts as incomplete."""

_BODY_IS_OUT = "http11.send_request_body.complete"
"""The name in httpx's trace extension for the moment when a request has been sent completely."""

OnRetry = Callable[[str, float], None]
"""Gets the reason why a request is repeated, and the pause before that in seconds."""


class FishClient:
    """Implements Provider. One client is one account and one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        concurrency: int | Literal["auto"] = 4,
        transport: httpx.AsyncBaseTransport | None = None,
        patience: Patience = USUAL,
        on_retry: OnRetry = lambda reason, pause: None,
        on_limit: Callable[[int], None] = lambda limit: None,
        on_request: OnRequest = lambda request: None,
        user_agent: str = "voicectl",
    ) -> None:
        self._patience = patience
        self._on_retry = on_retry
        self._on_request = on_request
        self._answers = Answers(endpoint)
        self._time: datetime | None = None
        self.limiter = limiter(concurrency)
        self.limiter.on_limit = on_limit
        self._http = Pools(
            base_url=endpoint.url,
            headers={"Authorization": f"Bearer {endpoint.key}", "User-Agent": user_agent, "Accept-Encoding": ACCEPTED},
            # The limiter decides who waits: that a connection is busy is no failure.
            timeout=httpx.Timeout(patience.read, connect=patience.connect, pool=None),
            # The key goes to no other host, whoever names it.
            follow_redirects=False,
            # A proxy from the environment must not see plain requests to this machine.
            trust_env=not endpoint.loopback,
            # Reading the certificates takes a while: do it once for all pools, and never for plain http.
            verify=not endpoint.url.startswith("http:") and httpx.create_ssl_context(),
            transport=transport,
        )

    @property
    def concurrency(self) -> int:
        return self.limiter.ceiling

    @property
    def time(self) -> datetime | None:
        return self._time

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def list_models(self, tag: str | None = None, limit: int | None = None) -> Listing:
        """Models that come or go meanwhile shift the pages, so it repeats a walk that does not add up."""
        listing = Listing(())
        try:
            async with asyncio.timeout(bounds.LISTING_SECONDS):
                for _ in range(_WALKS):
                    listing, adds_up = await self._walk(tag, limit)
                    if adds_up:
                        break
        except TimeoutError:
            raise self._answers.endless(f"takes longer than {bounds.LISTING_SECONDS:g} s") from None
        return listing

    async def _walk(self, tag: str | None, limit: int | None) -> tuple[Listing, bool]:
        found: dict[str, Model] = {}
        size = min(limit or PAGE_SIZE, PAGE_SIZE)
        first, total, more, windowed = await self._page(1, tag, limit)
        found |= {model.id: model for model in first}
        held = bounds.weight(first)
        full, last = len(first) >= size and more is not False and limit is None, 1
        while full:
            # Fetch as many pages at once as the total promises, but only a few: the total may be wrong.
            promised = -(-total // size) - last if total is not None else 1
            numbers = range(last + 1, last + 1 + min(max(1, promised), PAGES_AT_ONCE))
            pages = await together(self._page(number, tag, limit) for number in numbers)
            before, last = len(found), numbers[-1]
            held += sum(bounds.weight(page[0]) for page in pages)
            if last > bounds.MAX_PAGES or held > bounds.MAX_LISTING:
                raise self._answers.endless(f"does not end after {last:,} pages")
            more = pages[-1][2]
            for models, _, _, late in pages:
                windowed = windowed or late
                for model in models:
                    found.setdefault(model.id, model)
            # A page that is not full, or has nothing new, is the last one, whatever the total says.
            full = len(found) > before and more is not False and all(len(page[0]) >= size for page in pages)
        # Without an exact total, a model that moved between two pages would look deleted: better say incomplete.
        adds_up = limit is not None or (not windowed and (total is None or len(found) >= total))
        # Nobody has shown how exact the filter is.
        ours = tuple(m for m in found.values() if tag is None or tag in m.tags)
        return Listing(ours, complete=adds_up), adds_up or windowed

    async def _page(
        self, number: int, tag: str | None, limit: int | None
    ) -> tuple[list[Model], int | None, bool | None, bool]:
        params: dict[str, str | int] = {
            # Without it a wrong key gets an answer as well: that of all public models.
            "self": "true",
            "page_size": min(limit or PAGE_SIZE, PAGE_SIZE),
            "page_number": number,
            # By default pages are ordered by a search score, and shift while they are walked.
            "sort_by": "created_at",
        }
        if tag is not None:
            params["tag"] = tag
        page: tuple[list[Model], int | None, bool | None, bool]
        page = await self._patiently("GET", "/model", read=wire.page, params=params)
        return page

    async def get(self, model_id: str) -> Model | None:
        model: Model | None = await self._patiently("GET", f"/model/{model_id}", gone=(404, 410), read=wire.model)
        return model

    async def create(self, new: NewModel, progress: Progress) -> Model:
        """Sent once. A second POST could make a second model, so only the caller knows when to repeat it."""
        files = [("voices", upload) for upload in new.samples]
        files += [("cover_image", new.cover)] if new.cover else []
        # Private, since nothing half-made is ever public. And all of it is always sent: defaults have changed under one
        # version.
        data: dict[str, str | list[str]] = {
            "type": "tts",
            "train_mode": "fast",
            "title": new.metadata.title or "",
            "visibility": "private",
            "enhance_audio_quality": "true" if new.enhance else "false",
            "generate_sample": "false",
            "tags": list(new.tags),
        }
        if new.metadata.description:
            data["description"] = new.metadata.description
        if new.transcripts:
            data["texts"] = list(new.transcripts)
        model: Model = await self._send("POST", "/model", wire.model, uploads=files, progress=progress, data=data)
        return model

    async def update(self, model_id: str, patch: Patch, cover: Upload | None = None) -> bool:
        """Sends JSON, or with a cover image one multipart form for all fields."""
        values = patch.values
        path = f"/model/{model_id}"
        if cover is None:
            return await self._patiently("PATCH", path, gone=(404,), json=values) is not None
        # A form can't carry an empty list, and may lose an empty text: these go as JSON before it.
        emptied = {name: value for name, value in values.items() if not value}
        form = {name: list(value) if name == "tags" else value for name, value in values.items() if value}
        if emptied:
            # Each PATCH has all tags: nobody knows whether one without them leaves them alone.
            emptied |= {"tags": values["tags"]} if "tags" in values else {}
            there = await self._patiently("PATCH", path, gone=(404,), json=emptied)
            if there is None:
                return False
        uploads = [("cover_image", cover)]
        return await self._patiently("PATCH", path, gone=(404,), data=form, uploads=uploads) is not None

    async def delete(self, model_id: str) -> None:
        await self._patiently("DELETE", f"/model/{model_id}", gone=(404, 410))

    async def speak(self, speech: Speech, write: Callable[[bytes], object]) -> None:
        """Sends JSON, or msgpack with references, since JSON can't carry their bytes."""
        body: dict[str, Any] = {"text": speech.text, "format": speech.format}
        headers = {"model": speech.speech_model} if speech.speech_model else {}
        request: dict[str, Any]
        if speech.references:
            import msgpack

            pairs = [{"audio": read_whole(upload), "text": words} for upload, words in speech.references]
            headers["Content-Type"] = "application/msgpack"
            request = {"content": msgpack.packb({**body, "references": pairs})}
        else:
            request = {"json": {**body, "reference_id": speech.model_id}}
        seconds = bounds.speech_seconds(speech.text)
        async with self.limiter.slot():
            with self._http.client() as http, told(self._on_request, self._answers, "POST", "/v1/tts") as attempt:
                try:
                    async with (
                        asyncio.timeout(seconds),
                        http.stream("POST", "/v1/tts", headers=headers, **request) as response,
                    ):
                        attempt.response = response
                        await self._hear(response, bounds.speech_bytes(speech.text), write)
                except (httpx.HTTPError, TimeoutError) as error:
                    raise self._answers.unanswered("POST", error, self._patience.read, seconds) from error

    async def _hear(self, response: httpx.Response, limit: int, write: Callable[[bytes], object]) -> None:
        if not response.is_success:
            raise self._answers.refused(response, await bounds.received(response))
        if not bounds.may_be_sound(response):
            raise self._answers.unreadable(response)
        try:
            async for piece in bounds.pieces(response, limit):
                write(piece)
        except (bounds.TooMuch, NotUnpackable) as error:
            raise self._answers.unreadable(response, str(error)) from error

    async def wallet(self) -> Wallet:
        wallet: Wallet = await self._patiently("GET", "/wallet/self/api-credit", read=wire.wallet)
        return wallet

    async def warm_up(self) -> None:
        """If the limiter searches for the limit, start it at the limit of the account's tier. Raises ProviderError."""
        if isinstance(self.limiter, SearchingLimiter):
            self.limiter.begin_at((await self.wallet()).at_once or 0)

    async def _patiently(
        self,
        method: str,
        path: str,
        *,
        gone: tuple[int, ...] = (),
        read: Callable[[Any], Any] = lambda data: data,
        **request: Any,
    ) -> Any:
        """Send a repeatable request until it succeeds or patience ends.

        Returns what `read` makes of a GET's answer, True for other methods, and None for a status in `gone`. An
        unreadable answer to GET counts as a failed attempt.
        """
        patience = self._patience
        backoff = Backoff(patience.first_pause, patience.longest_pause, patience.deadline)
        reading = read if method == "GET" else None
        again = False
        while True:
            try:
                return await self._send(method, path, reading, gone=gone, again=again, placed=backoff.begin, **request)
            except (Throttled, NotSent, OutcomeUnknown) as error:
                pause = backoff.pause(error.retry_after)
                if pause is None:
                    raise
                self._on_retry(error.message, pause)
                await asyncio.sleep(pause)
                again = True

    async def _send(
        self,
        method: str,
        path: str,
        read: Callable[[Any], Any] | None,
        *,
        gone: tuple[int, ...] = (),
        again: bool = False,
        placed: Callable[[], None] = lambda: None,
        uploads: Sequence[tuple[str, Upload]] = (),
        progress: Progress = lambda size: None,
        **request: Any,
    ) -> Any:
        """Send one request; `again` says that it repeats one.

        Returns what `read` makes of a 2xx (True without it), and None for a status in `gone`. Everything else raises.
        Calls `placed` when the limiter lets the request go. It opens the files only then, so that few are open at once.
        """
        sent = [upload for _, upload in uploads]
        silence = self._patience.answer(method, sent)
        seconds = self._patience.request(method, sum(upload.size for upload in sent))
        seconds = max(seconds, silence) if method == "POST" else seconds
        # The place comes first, then the files: waiting requests hold no open files.
        async with self.limiter.slot() as place:
            placed()

            async def trace(event: str, info: object) -> None:
                if event == _BODY_IS_OUT:
                    self.limiter.sent(place)

            with (
                self._http.client() as http,
                OpenUploads(uploads, progress) as files,
                told(self._on_request, self._answers, method, path, again=again) as attempt,
            ):
                if uploads:
                    request["files"] = files.parts
                try:
                    timeout = httpx.Timeout(silence, connect=self._patience.connect, pool=None)
                    built = http.build_request(method, path, timeout=timeout, extensions={"trace": trace}, **request)
                    if uploads:
                        built.stream = Gathered(built.stream)
                    async with asyncio.timeout(seconds):
                        response = attempt.response = await http.send(built, stream=True)
                        body = await bounds.received(response)
                except (httpx.HTTPError, TimeoutError) as error:
                    raise self._answers.unanswered(method, error, silence, seconds) from error
                # What is due for deletion is judged by the server's clock: ours may be wrong.
                self._time = date_of(response) or self._time
                if response.is_success or response.status_code in gone:
                    self.limiter.succeeded(place)
                    return self._read(response, body, read) if response.is_success else None
                refusal = self._answers.refused(response, body, sent=sum(upload.size for upload in sent))
                # Other errors say nothing about how much the account takes.
                if refusal.status in (429, 503):
                    self.limiter.refused(place, refusal.retry_after, overloaded=refusal.status == 503)
                raise refusal

    def _read(self, response: httpx.Response, body: bounds.Body, read: Callable[[Any], Any] | None) -> Any:
        try:
            return read(json.loads(self._answers.redacted(body.text))) if read is not None else True
        except bounds.TooMuch as error:
            raise self._answers.too_much(response, str(error)) from error
        except (ValueError, RecursionError) as error:
            raise self._answers.unreadable(response, body.problem) from error
