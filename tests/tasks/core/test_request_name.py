"""A request is named so that a log or a replay knows which generation it asks for."""

import pytest

from tasks.core.records import StepKey
from tasks.core.request_name import read_request_name, request_name


def test_a_name_says_sub_step_repeat_and_the_beginning_of_the_key() -> None:
    name = request_name(StepKey("13", 2, "13.6"), "0123456789abcdef")
    assert name == "13.6/2/0123456789ab"
    assert read_request_name(f"{name}/1") == ("13.6", 2)


def test_a_name_is_a_header_whatever_a_sub_step_is_called() -> None:
    name = request_name(StepKey("x", 0, "é/ \n"), "0" * 64)
    assert name.isascii()
    assert name.count("/") == 2
    assert " " not in name


@pytest.mark.parametrize("name", ["", "13.6", "13.6/x/", "/0/ab", "a uuid"])
def test_other_names_are_passed_over(name: str) -> None:
    assert read_request_name(name) is None
