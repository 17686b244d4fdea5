"""A port is taken before a server starts, or it is said why not."""

import pytest

from tasks.core.errors import ConfigError
from tasks.listening import listen, url_of


def test_port_0_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert url_of(listener) == f"http://127.0.0.1:{port}"


def test_the_url_of_an_ipv6_address_has_brackets() -> None:
    try:
        listener = listen("::1", 0)
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_a_taken_port_and_an_impossible_one_are_refused() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(ConfigError, match="choose another port"):
        listen("127.0.0.1", first.getsockname()[1])
    with pytest.raises(ConfigError, match="cannot listen on port 70000"):
        listen("127.0.0.1", 70000)
