"""The evaluation end to end: real flow, real HTTP, real processes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig, validate

if TYPE_CHECKING:
    from tests.conftest import Endpoint

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]
ReadLines = Callable[[Path], list[dict[str, Any]]]


def test_a_small_run(evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint) -> None:
    config = small_config()
    document = evaluate(config)
    assert document["metrics"]["subtask_accuracy"]["value"] == 1.0
    assert len(endpoint.prompts) == 4
