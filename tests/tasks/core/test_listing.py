"""Long lists of names are cut, and say so."""

import pytest

from tasks.core.listing import counted, name_first


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["1.1"], "1.1"),
        (["1.1", "1.2"], "1.1, 1.2"),
        (["1.1", "1.2", "1.3"], "1.1, 1.2 and 1 more"),
        (["1.1", "1.2", "1.3", "1.4"], "1.1, 1.2 and 2 more"),
    ],
)
def test_the_first_names_stand_for_all(names: list[str], text: str) -> None:
    assert name_first(names, 2) == text


def test_a_noun_fits_its_number() -> None:
    assert [counted(n, "repeat") for n in (0, 1, 2)] == ["0 repeats", "1 repeat", "2 repeats"]
