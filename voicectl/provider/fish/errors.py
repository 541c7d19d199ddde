"""Failed requests as voicectl's own errors, and as one line each for the log. No other module translates them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from voicectl.provider.fish import wire
from voicectl.provider.fish.bounds import Body
from voicectl.provider.fish.endpoint import Endpoint
from voicectl.provider.fish.http import httpx
from voicectl.provider.port import (
    Forbidden,
    Misconfigured,
    NoCredit,
    NotReadable,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Request,
    Throttled,
    Unauthorized,
)
from voicectl.redaction import redacted

LONGEST_WAIT = 120.0
"""The longest `Retry-After` obeyed, in seconds: a run must not hang for a day because a server says so."""
LONGEST_REQUEST_ID = 100
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-correlation-id", "x-trace-id", "cf-ray", "x-amzn-requestid")
"""The usual headers, best first. The provider's OpenAPI description documents none."""
_THROTTLED = (
    "lower `concurrency` in voicectl.yaml, or wait: the account's limit is shared with everything that speaks with it"
)
_GATEWAY = "try again later; if it stays so, check FISH_API_URL and the proxy settings, and the provider's status page"
_LATER = "try again later"
# Only after these is it certain that a POST made nothing: no byte of it has left.
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


_TOP_UP = "top up the account, then run it again"
_ONE_MODEL = re.compile(r"/model/[^/]+$")


class Answers:
    """Translates for one endpoint, and removes the key from everything it quotes."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._host = endpoint.host
        self._key = endpoint.key

    def unanswered(
        self, method: str, error: httpx.HTTPError | TimeoutError, patience: float, whole: float
    ) -> ProviderError:
        """The error for a request without an answer, or with only a part of it.

        `patience` is the read timeout in seconds, `whole` the longest that the request may take.
        """
        if isinstance(error, TimeoutError):
            return OutcomeUnknown(f"{self._host} did not finish answering {method} within {whole:.0f} s", _LATER)
        words = self._quoted(str(error)) or type(error).__name__
        if isinstance(error, _NOTHING_SENT):
            return NotSent(
                f"{self._host} can't be reached: {words}", "check the network, FISH_API_URL and proxy settings"
            )
        if isinstance(error, httpx.TimeoutException):
            return OutcomeUnknown(f"{self._host} did not answer {method} within {patience:g} s", _LATER)
        return OutcomeUnknown(f"the connection to {self._host} broke during {method}: {words}", _LATER)

    def endless(self, how: str) -> ProviderError:
        """The error for a listing beyond its bounds."""
        return OutcomeUnknown(f"the list of models of {self._host} {how}", "check FISH_API_URL: is this the API?")

    def too_much(self, response: httpx.Response, why: str) -> ProviderError:
        """The error for a success that is longer than any answer of the API. Repeating the request would not help."""
        words = self.unreadable(response, why)
        posted = response.request.method == "POST"  # a POST may have made something all the same
        return words if posted else ProviderError(words.message, words.hint, words.status)

    def unreadable(self, response: httpx.Response, why: str = "") -> ProviderError:
        """The error for a success whose body is not what the call returns, or is too long."""
        kind = self._quoted(response.headers.get("content-type", "no content type").split(";")[0], 100)
        return OutcomeUnknown(
            f"{self._host} answered {response.status_code} with something unreadable ({kind}{why and f', {why}'})"
            + self._quotable(response),
            "check FISH_API_URL: is this the API, and not a web page or a proxy?",
            response.status_code,
        )

    def refused(self, response: httpx.Response, body: Body, *, sent: int = 0) -> ProviderError:
        """The error for an error status, with up to 500 characters of the provider's own words. `sent` is the size of
        its files."""
        status, host = response.status_code, self._host
        # Quote nothing from a body that was cut: it may end in half a key.
        words = (
            self._quoted(wire.error_message(self.redacted(body.content.decode("utf-8", "replace"))))
            if not body.problem
            else ""
        )
        said = (f": {words}" if words else "") + self._quotable(response)
        match status:
            case 401:
                return Unauthorized(f"{host} does not accept the API key (401){said}", "check FISH_API_KEY", 401)
            case 402:
                speech = response.request.url.path.endswith("/tts")
                hint = "`--model s2.1-pro-free` speaks without credit; or top up the account" if speech else _TOP_UP
                return NoCredit(f"the account has no credit (402){said}", hint, 402)
            # The edge answers with pages, the API never: such a 403 says nothing about the key.
            case 403 | 413 if _is_page(response):
                what = f"a request with {sent:,} bytes of files" if sent else "the request"
                hint = "make the samples smaller, or fewer" if status == 413 else "look at proxies and FISH_API_URL"
                message = f"a gateway before {host} refused {what} ({status}), with a page of its own"
                return Rejected(message + self._quotable(response), hint, status)
            # Before the plain 403 below: one foreign model must not stop the whole run.
            case 400 | 403 | 451 if _is_of_one_model(response.request, status):
                model_id = response.request.url.path.rpartition("/")[2]
                return NotReadable(
                    f"{host} does not give model {model_id} to this key ({status}){said}",
                    "it may be private, deleted, or in another workspace",
                    status,
                )
            case 403:
                return Forbidden(f"the key may not do this (403){said}", "use a key of the right workspace", 403)
            case 429:
                return Throttled(f"too many requests at once (429){said}", _THROTTLED, 429, retry_after(response))
            # Never followed: the key would go to whoever is named.
            case _ if 300 <= status < 400:
                target = self._quoted(response.headers.get("location", ""), 200)
                return Misconfigured(
                    f"{host} redirects to {target or 'elsewhere'} ({status}); the key is not sent along"
                    + self._quotable(response),
                    "if that is the right endpoint, set FISH_API_URL to it",
                    status,
                )
            case _ if status >= 500:
                gateway = body.content.lstrip().startswith(b"<")
                who = f"a gateway before {host}, not the API itself," if gateway else host
                # The work may be done all the same, so after a POST nobody knows.
                message, hint = f"{who} failed ({status}){said}", _GATEWAY if gateway else _LATER
                return OutcomeUnknown(message, hint, status, retry_after(response))
            case _:
                address = "is FISH_API_URL the API's base address?"
                hint = address if status in (404, 405) else "correct what it names in the manifest, then apply again"
                return Rejected(f"{host} refused the request ({status}){said}", hint, status)

    def request_id(self, response: httpx.Response) -> str:
        """The provider's, or its proxy's, id for this request; empty without one."""
        found = (response.headers.get(name, "").strip() for name in _REQUEST_ID_HEADERS)
        return self._quoted(next(filter(None, found), ""), LONGEST_REQUEST_ID)

    def _quotable(self, response: httpx.Response) -> str:
        """The request id, for questions to the provider's support."""
        found = self.request_id(response)
        return f" (request id {found})" if found else ""

    def redacted(self, text: str) -> str:
        """The text without the key, in whatever form."""
        return redacted(text, self._key)

    def _quoted(self, text: str, length: int = 500) -> str:
        """A server's text for a message. It removes the key before it cuts: half a key is a leak, too."""
        return self.redacted(text)[:length]


def _is_page(response: httpx.Response) -> bool:
    """Whether an answer is a page of HTML, which only gateways send."""
    return str(response.headers.get("content-type", "")).lower().startswith("text/html")


def _is_of_one_model(request: httpx.Request, status: int) -> bool:
    """Whether a refusal concerns one model. A 400 to a PATCH concerns its values instead."""
    return bool(_ONE_MODEL.search(request.url.path)) and not (request.method == "PATCH" and status == 400)


def retry_after(response: httpx.Response) -> float | None:
    """`Retry-After` in seconds, at most LONGEST_WAIT. The header has seconds or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    # `isdecimal` takes the digits of every script, and a header may have any number of them.
    if value.isascii() and value.isdecimal():
        return min(float(value[:9]), LONGEST_WAIT)
    moment = _moment(value)
    return None if moment is None else min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), LONGEST_WAIT)


def date_of(response: httpx.Response) -> datetime | None:
    """The server's clock (`Date`, RFC 9110, 6.6.1), in whole seconds; None without the header."""
    return _moment(response.headers.get("date", ""))


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


OnRequest = Callable[[Request], None]
"""Gets each request when it is over."""


@dataclass(slots=True)
class Attempt:
    """A request under way, with its `response` once there is one."""

    response: httpx.Response | None = None


@contextmanager
def told(hear: OnRequest, answers: Answers, method: str, path: str, *, again: bool = False) -> Iterator[Attempt]:
    """Measure what happens within and report it as one request. An exception within means that it failed."""
    attempt, start, troubled = Attempt(), time.perf_counter(), True
    try:
        yield attempt
        troubled = again
    finally:
        seconds, response = time.perf_counter() - start, attempt.response
        status, name = (None, "") if response is None else (response.status_code, answers.request_id(response))
        hear(Request(method, path, status, seconds, name, troubled))
