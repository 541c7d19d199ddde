"""Where the key may go."""

from __future__ import annotations

import pytest

from voicectl.provider.fish.endpoint import Endpoint, checked_key, checked_url, from_environment
from voicectl.provider.port import Misconfigured


@pytest.mark.parametrize(
    "url", ["https://api.fish.audio", "https://proxy.example:8443/fish", "http://127.0.0.1:1", "http://[::1]:8765"]
)
def test_addresses_that_are_fine(url: str) -> None:
    assert checked_url(url + "/") == url


@pytest.mark.parametrize(
    "url",
    ["http://api.fish.audio", "http://127.0.0.1.example.org", "http://0.0.0.0", "file:///etc/passwd", "https://", "x"],
)
def test_addresses_that_are_not(url: str) -> None:
    with pytest.raises(Misconfigured):
        checked_url(url)


@pytest.mark.parametrize("key", ["", "  ", "two words", "schlüssel", "a\nb"])
def test_keys_that_can_not_be(key: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        checked_key(key)
    assert key.strip() == "" or key not in str(raised.value)


def test_white_space_around_a_key_is_taken_off() -> None:
    assert from_environment({"FISH_API_KEY": " abc\n"}) == Endpoint("https://api.fish.audio", "abc")


def test_the_host_has_a_port_only_where_it_says_something() -> None:
    assert Endpoint("https://api.fish.audio", "k").host == "api.fish.audio"
    assert Endpoint("http://127.0.0.1:8765", "k").host == "127.0.0.1:8765"
