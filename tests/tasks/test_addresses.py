"""Addresses and keys of endpoints."""

from urllib.parse import urlsplit

import pytest

from tasks.addresses import check_key, check_url, hide_key, is_loopback
from tasks.core.errors import ConfigError


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "https://host/", "http://[::1]:1/v1"])
def test_addresses_of_servers_are_accepted(url: str) -> None:
    assert check_url(url).hostname


@pytest.mark.parametrize(
    "url", ["", "host", "ftp://host", "http://", "http://a:secret@host", "http://h?key=secret"]
)
def test_other_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="base URL of the endpoint") as raised:
        check_url(url)
    assert "secret" not in str(raised.value)


def test_a_key_loses_the_newline_of_its_file() -> None:
    assert check_key("sk-123\n") == "sk-123"


@pytest.mark.parametrize("key", ["two words", "schlüssel", "a\x07b"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="printable ASCII"):
        check_key(key)


def test_a_placeholder_of_a_key_does_not_blot_out_words() -> None:
    assert hide_key("none of it", "none") == "none of it"
    assert hide_key("the key sk-12345 is wrong", "sk-12345") == "the key *** is wrong"


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:1/", True),
        ("http://127.1.2.3/", True),
        ("http://0.0.0.0:8000/v1", True),
        ("http://[::1]/", True),
        ("http://10.0.0.1/", False),
        ("http://host/", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(url: str, *, here: bool) -> None:
    assert is_loopback(urlsplit(url)) is here
