"""What a node needs to judge programs as the evaluator would: plain data, sent to it once.

A recipe says what the targets are by their digest, so that every node judges by the same, wherever
it has them from; and an environment by its lock file's text, so that a node can build its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from tasks.core.records import ChildCase, Limits
from tasks.core.splitting.split import JudgeCase, SplitCase
from tasks.core.verdict_keys import JUDGE_VERSION, SANDBOX_VERSION
from tasks.runner import Terms
from tasks.sandbox.layers import Level
from tasks.strict_json import count, duration_s, mapping, text, texts


@dataclass(frozen=True, slots=True)
class TargetsAt:
    """Where the evaluator has its targets, and what they are."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class AskedEnvironment:
    """An environment by the text of its lock file; None for `current`, the node's own Python."""

    name: str
    lock: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything but the programs.

    `cache_dir` is the node's folder of what is kept; `~` there is the home of the node's own user.
    `versions` are those of judge and sandbox, which have to be the node's too.
    """

    cases: Mapping[str, tuple[SplitCase, ...]]
    targets: TargetsAt
    terms: Terms
    environments: tuple[AskedEnvironment, ...]
    cache_dir: str
    versions: tuple[int, int] = (JUDGE_VERSION, SANDBOX_VERSION)


def recipe_fields(recipe: Recipe) -> dict[str, Any]:
    """Return what `json` can write."""
    terms = recipe.terms
    return {
        "versions": list(recipe.versions),
        "cases": {key: [asdict(case) for case in cases] for key, cases in recipe.cases.items()},
        "targets": asdict(recipe.targets),
        "limits": asdict(terms.limits),
        "step_limits": {key: asdict(limits) for key, limits in terms.step_limits.items()},
        "required": terms.required.value,
        "reveal": terms.reveal,
        "environments": [asdict(environment) for environment in recipe.environments],
        "cache_dir": recipe.cache_dir,
    }


def read_recipe(fields: Mapping[str, object]) -> Recipe:
    """Read what `recipe_fields` made.

    Raises:
        KeyError, TypeError, ValueError: it is something else, as of another release.
    """
    judge, sandbox = items(fields["versions"])
    targets = mapping(fields["targets"])
    step_limits = mapping(fields["step_limits"])
    return Recipe(
        cases={key: tuple(map(_case, items(c))) for key, c in mapping(fields["cases"]).items()},
        targets=TargetsAt(
            text(targets["path"]), text(targets["sha256"]), count(targets["size_bytes"])
        ),
        terms=Terms(
            _limits(fields["limits"]),
            {key: _limits(value) for key, value in step_limits.items()},
            Level(text(fields["required"])),
            fields["reveal"] is True,
        ),
        environments=tuple(map(_environment, items(fields["environments"]))),
        cache_dir=text(fields["cache_dir"]),
        versions=(count(judge), count(sandbox)),
    )


def items(value: object) -> Sequence[object]:
    """Take a JSON array."""
    if not isinstance(value, list):
        raise TypeError("expected an array")
    return cast("list[object]", value)


def optional_text(value: object) -> str | None:
    """Take a string or null."""
    return None if value is None else text(value)


def _case(value: object) -> SplitCase:
    child, judge = mapping(mapping(value)["child"]), mapping(mapping(value)["judge"])
    return SplitCase(
        ChildCase(text(child["source"]), texts(child["ships"])),
        JudgeCase(
            source=text(judge["source"]),
            slots=texts(judge["slots"]),
            condition=text(judge["condition"]),
            text=text(judge["text"]),
            uses_target=judge["uses_target"] is True,
            derived=optional_text(judge["derived"]),
        ),
    )


def _limits(value: object) -> Limits:
    fields = mapping(value)
    return Limits(
        cpu_s=duration_s(fields["cpu_s"]),
        wall_s=duration_s(fields["wall_s"]),
        memory_bytes=count(fields["memory_bytes"]),
        frame_bytes=count(fields["frame_bytes"]),
    )


def _environment(value: object) -> AskedEnvironment:
    fields = mapping(value)
    return AskedEnvironment(text(fields["name"]), optional_text(fields["lock"]))
