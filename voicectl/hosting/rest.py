"""A hosting's REST interface over httpx: pages, patience, and errors in sentences."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from voicectl.concurrency import Backoff
from voicectl.hosting.port import HostingError, NotAllowed
from voicectl.redaction import redacted
from voicectl.unpacking import ACCEPTED, Gathering, NotUnpackable
from voicectl.version import VERSION

PAGE = 100
MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer, unpacked: a page of a hundred long comments takes less than half."""
LONGEST_ANSWER = 120.0
"""Seconds for a whole answer, however slowly it comes."""
_MAX_PAGES = 100
_SOCKS = "pip install 'httpx[socks]', or unset ALL_PROXY"
_NEXT = re.compile(r'<([^<>]+)>;\s*rel="next"')


class Rest:
    """One service. It sends a request again if that can't do anything twice, for two minutes in all (`Backoff`).

    If the service asks for a pause longer than what is left of these, it gives up at once.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        hint: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._hint = hint
        self._sleep = sleep
        self._clock = clock
        self._now = now
        if any(not value.isascii() or not value.isprintable() or value != value.strip() for value in headers.values()):
            raise HostingError(
                "the token holds characters that tokens don't have", "copy it again, without spaces or line ends"
            )
        try:
            address = httpx.URL(url.rstrip("/") + "/")
        except httpx.InvalidURL:
            address = httpx.URL("")
        if address.scheme not in ("http", "https") or not address.host:
            raise HostingError(f"{url!r} is not the address of a service", "correct GITHUB_API_URL, or CI_API_V4_URL")
        self._address = address
        self._headers = {
            "User-Agent": f"voicectl/{VERSION}",
            "Connection": "close",  # a run sends a handful of requests: none of them leaves a connection behind
            "Accept-Encoding": ACCEPTED,
            **headers,
        }

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The answer to a GET."""
        return self._json(self._send("GET", path, params=params))

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Everything in a listing, page by page, along the `Link` header (RFC 8288), which both services send."""
        response = self._send("GET", path, params={"per_page": PAGE, **params})
        for _ in range(_MAX_PAGES):
            found = self._json(response)
            if not isinstance(found, list):
                raise self._strange()
            yield from (entry for entry in found if isinstance(entry, dict))
            following = _NEXT.search(response.headers.get("link", ""))
            if following is None:
                return
            try:
                url, own = httpx.URL(following[1]), self._address
            except httpx.InvalidURL:
                raise self._strange() from None
            if (url.scheme, url.host, url.port) != (own.scheme, own.host, own.port):
                raise HostingError("a listing goes on at another host", "check the address of the service")
            response = self._send("GET", str(url))

    def write(self, method: str, path: str, values: Mapping[str, Any] | None = None) -> Any:
        """Send POST, PATCH, PUT or DELETE. If a POST fails, its caller has to look whether it arrived."""
        response = self._send(method, path, json=values)
        return self._json(response) if response.content else None

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            raise self._strange() from None

    def _strange(self) -> HostingError:
        return HostingError(f"{self._address.host}: voicectl does not understand the answer", "is the address right?")

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request with its whole answer. Raises HostingError, httpx.HTTPError, TimeoutError."""
        # Only an event loop can break off an answer whose bytes, or headers, come too slowly.
        return asyncio.run(self._exchange(method, path, **options))

    async def _exchange(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            client = httpx.AsyncClient(
                base_url=self._address,
                headers=self._headers,
                timeout=httpx.Timeout(20.0, connect=10.0),
                follow_redirects=False,
            )
        except ImportError as error:
            raise HostingError("a SOCKS proxy is set, and httpx lacks what it needs", _SOCKS) from error
        except (OSError, ValueError, httpx.InvalidURL) as error:
            # We don't quote it: a proxy's address may hold a password.
            raise HostingError("the client can't be set up", "check SSL_CERT_FILE and the proxy settings") from error
        async with client, asyncio.timeout(LONGEST_ANSWER), client.stream(method, path, **options) as response:
            body = await _received(response)
        plain = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
        return httpx.Response(response.status_code, headers=plain, content=body, request=response.request)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, repeated if that can't do anything twice. Raises NotAllowed, HostingError.

        A POST may have arrived although it seems to have failed, but not if the service refused it for its rate.
        """
        backoff = Backoff(clock=self._clock)
        backoff.begin()
        while True:
            busy, asked, refused = True, None, False
            try:
                response = self._request(method, path, **options)
            except (httpx.HTTPError, TimeoutError) as error:
                reason = f"no answer to {method}: {type(error).__name__}"
            else:
                if response.status_code < 300:
                    return response
                reason = f"{method} answered {response.status_code}{_words(response)}"
                asked = _asked_to_wait(response, self._now())
                if response.status_code == 401:
                    raise NotAllowed(reason, "the token is wrong, or has expired: give the step a new one")
                if response.status_code in (403, 404) and asked is None:
                    raise NotAllowed(reason, self._hint)
                refused = asked is not None and response.status_code in (403, 429)
                busy = refused or response.status_code >= 500
            pause = backoff.pause(asked) if busy and (method != "POST" or refused) else None
            if pause is None:
                break
            self._sleep(pause)
        hint = "run it again later; the service may be down or busy" if busy else "look at its answer"
        raise HostingError(f"{self._address.host}: {reason}", hint)


async def _received(response: httpx.Response) -> bytes:
    """The body, in bounds. Raises HostingError, httpx.HTTPError."""
    try:
        gathering = Gathering(response.headers.get("content-encoding", ""), MAX_ANSWER)
        async for packed in response.aiter_raw():
            if not gathering.add(packed):
                raise NotUnpackable("an answer without end")
    except NotUnpackable as error:
        hint = "is this the service, and not a proxy before it?"
        raise HostingError(f"{response.url.host} sent what can't be read: {error}", hint) from error
    return gathering.content


def _asked_to_wait(response: httpx.Response, now: float) -> float | None:
    """How many seconds the service wants us to wait; None if its answer is about something else.

    GitHub answers 403 or 429, with `retry-after`, or with no requests left until `x-ratelimit-reset`, a Unix time
    (docs.github.com, "Rate limits for the REST API"); GitLab answers 429 with `retry-after` and `ratelimit-reset`.
    """
    headers = response.headers
    if headers.get("retry-after", "").isdecimal():
        return float(headers["retry-after"])
    spent = "0" in (headers.get("x-ratelimit-remaining"), headers.get("ratelimit-remaining"))
    if response.status_code != 429 and not (response.status_code == 403 and spent):
        return None
    reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
    return max(0.0, int(reset) - now) if spent and reset.isdecimal() and len(reset) < 12 else 0.0


def _words(response: httpx.Response) -> str:
    """What the service says about a failure, shortened. It is untrusted."""
    try:
        said = response.json()
    except ValueError:
        return ""
    message = said.get("message") or said.get("error") if isinstance(said, dict) else None
    return f": {redacted(str(message))[:300]}" if message else ""
