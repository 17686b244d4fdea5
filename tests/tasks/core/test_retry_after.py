"""A wait is read in each of the forms that endpoints ask for it."""

import pytest

from tasks.core.retry_after import read_retry_after

# 2015-10-21 07:28:00 UTC in seconds since 1970.
NOW_S = 1445412480.0


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, 30),
        ({"retry-after": "Wed, 21 Oct 2015 07:00:00 GMT"}, 0),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "nan"}, 0),
        ({"retry-after": "inf"}, 0),
        ({"retry-after": "later"}, 0),
        ({"retry-after": "Wed, 99 Oct 99999 07:28:00 GMT"}, 0),
        ({"retry-after": ""}, 0),
    ],
    ids=str,
)
def test_the_wait_is_read(headers: dict[str, str], expected_s: float) -> None:
    assert read_retry_after(headers, NOW_S) == expected_s
