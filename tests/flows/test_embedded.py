"""The embedded endpoint's models are told apart by what they answer from."""

import pytest

from flows.config import DataSettings, validate
from flows.dataset import Dataset, load_dataset
from flows.embedded import embedded_books, embedded_checkpoint
from tasks.core.errors import ConfigError


def example(**settings: object) -> Dataset:
    return load_dataset(validate(DataSettings, settings))


def test_a_selection_of_problems_asks_the_same_model() -> None:
    some, other = example(problems="1,2"), example(problems="3")
    assert embedded_checkpoint(some, "reference") == embedded_checkpoint(other, "reference")


def test_reference_and_flawed_are_different_weights() -> None:
    dataset = example(problems="1")
    assert embedded_checkpoint(dataset, "reference") != embedded_checkpoint(dataset, "flawed")


def test_an_unknown_model_is_refused_with_the_names_of_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"serves reference and flawed .* found model 'other'"):
        embedded_books(example(problems="1"), "other")
