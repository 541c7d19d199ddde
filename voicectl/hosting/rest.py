"""A hosting's REST interface over httpx: pages, patience, and errors in words."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from voicectl.hosting.port import HostingError, NotAllowed
from voicectl.version import VERSION

ATTEMPTS = 4
PAGE = 100
_MAX_PAGES = 100
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


class Rest:
    """One service. Requests that only read, or that set whole values, are sent again when they fail on the way."""

    def __init__(
        self, url: str, headers: Mapping[str, str], *, hint: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._hint = hint
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers={"User-Agent": f"voicectl/{VERSION}", **headers},
            timeout=30.0,
            follow_redirects=False,
        )

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The answer to a GET."""
        return self._send("GET", path, params=params).json()

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Everything in a listing, page by page, along the `Link` header (RFC 8288), which both services send."""
        response = self._send("GET", path, params={"per_page": PAGE, **params})
        for _ in range(_MAX_PAGES):
            yield from (entry for entry in _listed(response) if isinstance(entry, dict))
            following = _NEXT.search(response.headers.get("link", ""))
            if following is None:
                return
            url = httpx.URL(following[1])
            if url.host != self._http.base_url.host:
                raise HostingError("a listing goes on at another host", "check the address of the service")
            response = self._send("GET", str(url))

    def write(self, method: str, path: str, values: Mapping[str, Any] | None = None) -> Any:
        """Send POST, PATCH, PUT or DELETE. A POST is sent once: its caller looks whether it arrived."""
        response = self._send(method, path, json=values)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        attempts = 1 if method == "POST" else ATTEMPTS
        reason = ""
        for attempt in range(attempts):
            if attempt:
                self._sleep(random.uniform(0.5, 1.0) * 2**attempt)
            try:
                response = self._http.request(method, path, **options)
            except httpx.HTTPError as error:
                reason = f"no answer to {method}: {type(error).__name__}"
                continue
            if response.status_code < 300:
                return response
            reason = f"{method} answered {response.status_code}{_words(response)}"
            if response.status_code in (401, 403, 404):
                raise NotAllowed(reason, self._hint)
            if response.status_code < 500 and response.status_code != 429:
                break
        raise HostingError(f"{self._http.base_url.host}: {reason}", "run it again; the service may be down")


def _listed(response: httpx.Response) -> list[Any]:
    found = response.json()
    return found if isinstance(found, list) else []


def _words(response: httpx.Response) -> str:
    """What the service says of a failure, shortened: untrusted."""
    try:
        said = response.json()
        message = said.get("message") or said.get("error") if isinstance(said, dict) else None
    except ValueError:
        message = None
    return f": {str(message)[:300]}" if message else ""
