"""The client of plain HTTP requests, and the proxies of the environment."""

import pytest

from tasks.core.errors import ConfigError
from tasks.http_client import make_client


def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://anna:secret@host:1")
    with pytest.raises(ConfigError, match="the proxy of the environment") as raised:
        make_client(1.0)
    assert "secret" not in str(raised.value)


def test_an_unusable_proxy_does_not_matter_where_none_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://host:1")
    with make_client(1.0, proxies=False) as client:
        assert client.follow_redirects


def test_connecting_may_not_take_longer_than_anything_else() -> None:
    with make_client(3.0, proxies=False) as client:
        assert (client.timeout.connect, client.timeout.read) == (3.0, 3.0)
    with make_client(60.0, proxies=False) as client:
        assert (client.timeout.connect, client.timeout.read) == (20.0, 60.0)
