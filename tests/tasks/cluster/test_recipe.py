"""A recipe reaches a node as it left the evaluator."""

import json
from dataclasses import replace

import pytest

from tasks.cluster.recipe import AskedEnvironment, Recipe, TargetsAt, read_recipe, recipe_fields
from tasks.core.records import Limits
from tasks.core.splitting.split import split_cases
from tasks.runner import Terms
from tasks.sandbox.layers import Level

CASES = (
    "import numpy as np\nassert np.allclose(f(1), target)",
    "x = f(2)\nassert isinstance(x, float)",
)
RECIPE = Recipe(
    cases={"1.1": split_cases("1.1", CASES), "1.2": ()},
    targets=TargetsAt("/data/targets.h5", "a" * 64, 12),
    terms=Terms(Limits(cpu_s=7.5), {"1.2": Limits(wall_s=9.0)}, Level.FULL, reveal=True),
    environments=(
        AskedEnvironment("current"),
        AskedEnvironment("old", "# python: 3.11\nnumpy==1.26\n"),
    ),
    cache_dir="~/.cache/scicode-flows",
)


@pytest.mark.parametrize(
    "recipe", [RECIPE, replace(RECIPE, terms=Terms(Limits(memory_bytes=2**28)), environments=())]
)
def test_a_recipe_is_the_same_after_its_way_through_json(recipe: Recipe) -> None:
    assert read_recipe(json.loads(json.dumps(recipe_fields(recipe)))) == recipe


def test_a_recipe_of_another_shape_is_refused() -> None:
    fields = json.loads(json.dumps(recipe_fields(RECIPE)))
    del fields["cases"]["1.1"][0]["judge"]["condition"]
    with pytest.raises(KeyError):
        read_recipe(fields)
    with pytest.raises(TypeError):
        read_recipe({**fields, "cases": {"1.1": "no cases"}})
