"""The generation stage asks once, remembers, and keeps to the number of requests in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.core.errors import ProviderError
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.core.prompting import render_prompt
from tasks.core.records import Answered, Problem, StepKey
from tasks.generation import generate
from tasks.templates import own_template

if TYPE_CHECKING:
    from tests.conftest import Endpoint
    from tests.tasks.conftest import OpenModel

SETTINGS = ModelSettings("reference", "one")
KEY = StepKey("1", 0, "1.1")


@pytest.fixture
def prompt(small_problems: tuple[Problem, ...]) -> str:
    return render_prompt(
        own_template(background=True).text, small_problems[0], 0, [], background=True
    )


@pytest.fixture
def talk(
    endpoint: Endpoint, open_model: OpenModel, tmp_path: Path
) -> Callable[..., list[Answered]]:
    """Answer one key after another, or all at once, with a model of its own."""

    def run(
        keys: list[StepKey],
        prompt: str,
        *,
        settings: ModelSettings = SETTINGS,
        concurrency: int = 4,
        counts: list[tuple[int, int]] | None = None,
    ) -> list[Answered]:
        async def ask() -> list[Answered]:
            reached = EndpointSettings(endpoint.base_url)
            kept = tmp_path / "kept"
            async with open_model(reached, settings, kept, concurrency=concurrency) as model:
                answers = await asyncio.gather(*(model.answer(key, prompt) for key in keys))
            if counts is not None:
                counts.append((model.asked, model.cached))
            return list(answers)

        return asyncio.run(ask())

    return run


def test_a_generation_is_asked_for_once(
    talk: Callable[..., list[Answered]], endpoint: Endpoint, prompt: str
) -> None:
    counts: list[tuple[int, int]] = []
    (first,) = talk([KEY], prompt, counts=counts)
    (second,) = talk([KEY], prompt, counts=counts)
    assert (first.cached, second.cached) == (False, True)
    assert second.generation == first.generation
    assert "return 2 * x" in first.generation.text
    assert counts == [(1, 0), (0, 1)]
    assert len(endpoint.prompts) == 1


def test_another_repeat_and_another_checkpoint_are_asked_for_anew(
    talk: Callable[..., list[Answered]], endpoint: Endpoint, prompt: str
) -> None:
    talk([KEY], prompt)
    talk([StepKey("1", 1, "1.1")], prompt)
    talk([KEY], prompt, settings=ModelSettings("reference", "two"))
    assert len(endpoint.prompts) == 3


def test_no_more_requests_are_in_flight_than_allowed(
    talk: Callable[..., list[Answered]], endpoint: Endpoint, prompt: str
) -> None:
    """A gate that opens for a request only while it is alone with at most one other."""
    most: list[int] = []

    def gate(_: str) -> bool:
        most.append(endpoint.in_flight)
        return len(most) > 20

    endpoint.gate = gate
    talk([StepKey("1", repeat, "1.1") for repeat in range(6)], prompt, concurrency=2)
    assert max(most) == 2
    assert len(endpoint.prompts) == 6


def test_an_endpoint_that_fails_leaves_nothing_in_the_cache(
    talk: Callable[..., list[Answered]], endpoint: Endpoint, prompt: str, tmp_path: Path
) -> None:
    endpoint.refuse_from = 0
    with pytest.raises(ProviderError, match="refused the key"):
        talk([KEY], prompt)
    assert not (tmp_path / "kept").exists()


def test_a_remembered_generation_shows_as_cached(
    prefect_api: str, endpoint: Endpoint, open_model: OpenModel, prompt: str, tmp_path: Path
) -> None:
    """The same task returns the record itself, then a completed state named Cached."""
    del prefect_api

    async def states() -> list[str | None]:
        reached = EndpointSettings(endpoint.base_url)
        async with open_model(reached, SETTINGS, tmp_path / "kept") as model:
            found = [
                await generate(model, "1", 0, "1.1", prompt, return_state=True) for _ in range(2)
            ]
        return [state.name for state in found]

    assert asyncio.run(states()) == ["Completed", "Cached"]
