"""Where the key may go, and how the client is built."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from voicectl.provider.port import Misconfigured

DEFAULT_URL = "https://api.fish.audio"
KEY_VARIABLE = "FISH_API_KEY"
URL_VARIABLE = "FISH_API_URL"
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9.:_-]+")


@dataclass(frozen=True)
class Endpoint:
    """A base URL and the key for it. The key shows in no representation."""

    url: str
    key: str = field(repr=False)

    @property
    def host(self) -> str:
        """The host as in the lockfile, with the port unless it is the scheme's default."""
        parts = urlsplit(self.url)
        usual = _PORTS.get(parts.scheme)
        return (parts.hostname or "") + (f":{parts.port}" if parts.port and parts.port != usual else "")

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")


def from_environment(environ: Mapping[str, str] = os.environ) -> Endpoint:
    """The endpoint from the environment alone. No file of a project can set it: a pull request could then steal the
    key.

    Raises Misconfigured for a missing or malformed key, and for an address to which a key must not go.
    """
    return Endpoint(url_from_environment(environ), checked_key(environ.get(KEY_VARIABLE, "")))


def url_from_environment(environ: Mapping[str, str] = os.environ) -> str:
    """The base URL alone, which needs no key. Raises Misconfigured."""
    return checked_url(environ.get(URL_VARIABLE, "").strip() or DEFAULT_URL)


def checked_key(key: str) -> str:
    """The key without the white space that a copy or a secret store leaves around it."""
    key = key.strip()
    if not key:
        raise Misconfigured(
            f"there is no API key: {KEY_VARIABLE} is not set",
            f"set {KEY_VARIABLE} in the environment, or put `provider: emulator` into voicectl.yaml to try without one",
        )
    if len(key) > 1 and key[0] == key[-1] and key[0] in "\"'`":
        raise Misconfigured(f"{KEY_VARIABLE} is wrapped in quotes", "set it to what is between them")
    if key.lower().startswith("bearer"):
        raise Misconfigured(f"{KEY_VARIABLE} begins with `Bearer`", "set it to the key alone, which comes after that")
    if len(key.splitlines()) > 1:
        raise Misconfigured(f"{KEY_VARIABLE} holds a line end", "copy the key again, as one line")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise Misconfigured(f"{KEY_VARIABLE} holds characters that no key has", "copy the key again")
    return key


def checked_url(url: str) -> str:
    """A base URL without its trailing slash; https, or plain http to loopback only."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in _PORTS or not host or not _HOST.fullmatch(host) or parts.query or parts.fragment:
        raise Misconfigured(f"{URL_VARIABLE} is not an address such as {DEFAULT_URL}", "correct it or unset it")
    if parts.username or parts.password:
        raise Misconfigured(f"{URL_VARIABLE} must hold no user name or password", f"the key goes into {KEY_VARIABLE}")
    if parts.scheme == "http" and not is_loopback(host):
        raise Misconfigured(
            f"{URL_VARIABLE} is plain http to {host}: the key would cross the network in the open",
            "use https; plain http is for this machine only: localhost, or its addresses such as 127.0.0.1",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its address or as `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
