"""The key covers everything that changes an answer, and nothing else."""

import hashlib
from dataclasses import fields, replace

import pytest

from tasks.core.caching import generation_key, prompt_sha256
from tasks.core.model_settings import Api, ModelSettings
from tasks.core.records import StepKey

SETTINGS = ModelSettings("m", "c", temperature=0.5, top_p=0.9, max_tokens=100, seed=1)
KEY = StepKey("13", 0, "13.6")
CHANGES = {
    "model": "n",
    "checkpoint": "d",
    "temperature": 0.6,
    "top_p": 0.8,
    "max_tokens": 101,
    "max_completion_tokens": 50,
    "seed": 2,
    "stop": ("\n\n",),
    "reasoning_effort": "low",
    "extra_body": {"top_k": 20},
    "api": Api.RESPONSES,
}


def test_the_key_is_the_one_that_other_versions_have_written() -> None:
    # sha256 of the canonical JSON, written out by hand; a change here drops every kept generation.
    canonical = (
        '{"cache_version":1,"problem_id":"13",'
        '"prompt_sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",'
        '"repeat":0,"settings":{"checkpoint":"c","max_tokens":100,"model":"m","seed":1,'
        '"temperature":0.5,"top_p":0.9},"step_id":"13.6"}'
    )
    expected = hashlib.sha256(canonical.encode()).hexdigest()
    assert generation_key("hello", SETTINGS, KEY) == expected


def test_every_setting_has_a_changed_value_here() -> None:
    assert set(CHANGES) == {field.name for field in fields(ModelSettings)}


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_changes_the_key(name: str) -> None:
    changed = replace(SETTINGS, **{name: CHANGES[name]})
    assert generation_key("p", changed, KEY) != generation_key("p", SETTINGS, KEY)


@pytest.mark.parametrize("name", ["temperature", "top_p", "max_tokens", "seed"])
def test_a_setting_that_is_unset_differs_from_zero(name: str) -> None:
    unset, zero = replace(SETTINGS, **{name: None}), replace(SETTINGS, **{name: 0})
    assert generation_key("p", unset, KEY) != generation_key("p", zero, KEY)


@pytest.mark.parametrize(
    "key", [StepKey("13", 1, "13.6"), StepKey("13", 0, "13.7"), StepKey("14", 0, "13.6")]
)
def test_every_part_of_the_step_key_changes_the_key(key: StepKey) -> None:
    assert generation_key("p", SETTINGS, key) != generation_key("p", SETTINGS, KEY)


def test_the_prompt_changes_the_key() -> None:
    assert generation_key("p", SETTINGS, KEY) != generation_key("q", SETTINGS, KEY)


def test_a_whole_number_and_a_float_of_the_same_value_are_one_setting() -> None:
    whole, fraction = replace(SETTINGS, temperature=1), replace(SETTINGS, temperature=1.0)
    assert generation_key("p", whole, KEY) == generation_key("p", fraction, KEY)


def test_a_prompt_with_a_lone_surrogate_has_a_name() -> None:
    assert prompt_sha256("\ud800") != prompt_sha256("?")
