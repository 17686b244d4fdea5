"""The evaluation end to end: real flow, real HTTP, real processes."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig, validate
from flows.dataset import load_dataset, locate
from tasks.core.chain import recover_chain
from tasks.core.errors import ConfigError, TargetError
from tasks.core.inheritance import trace_failures
from tasks.core.records import Reason, Verdict
from tasks.endpoint.recorded import load_recording
from tasks.endpoint.server import EmbeddedServer, create_app
from tasks.targets import write_targets

if TYPE_CHECKING:
    from tests.conftest import Endpoint, FinishedRun

Evaluate = Callable[[EvalConfig], dict[str, Any]]
MakeConfig = Callable[..., EvalConfig]
ReadLines = Callable[[Path], list[dict[str, Any]]]

ROOT = Path(__file__).parents[2]
ROLLOUT_FIELDS = [
    *("problem_id", "repeat", "reward", "step_results", "num_steps_passed", "num_steps_total"),
    *("problem_accuracy", "subtask_accuracy", "input_tokens", "output_tokens", "total_tokens"),
]
FLAWED = {
    "1.4": "exception",
    "1.5": "exception",
    "2.5": "wrong_answer",
    "4.5": "timeout",
    "5.3": "wrong_answer",
    "7.1": "wrong_answer",
    "7.4": "wrong_answer",
    "8.4": "exception",
    "9.4": "exception",
    "10.4": "no_code",
}
INHERITED = {"1.5": "1.4", "7.4": "7.1"}


@pytest.fixture
def example_config(tmp_path: Path) -> MakeConfig:
    """Make the configuration of an evaluation of the bundled example."""

    def make(**changes: object) -> EvalConfig:
        settings = {"output": tmp_path / "run", "cache_dir": tmp_path / "kept", "workers": 2}
        return validate(EvalConfig, {**settings, **changes})

    return make


def fraction(document: dict[str, Any], name: str) -> tuple[object, object]:
    metric = document["metrics"][name]
    return metric["numerator"], metric["denominator"]


def test_the_reference_passes_the_example_offline(
    evaluate: Evaluate, example_config: MakeConfig
) -> None:
    """Problem 2 has 5 sub-steps, of which 2.2 is given."""
    document = evaluate(example_config(problems="2"))
    assert document["metrics"]["subtask_accuracy"]["value"] == 1.0
    assert fraction(document, "subtask_accuracy") == (4, 4)
    assert fraction(document, "mean/problem_accuracy") == (1, 1)
    assert fraction(document, "mean/num_steps_total") == (4, 1)
    assert document["reasons"] == {"passed": 4}


def traced_by_the_rule_alone(config: EvalConfig, read_lines: ReadLines) -> dict[str, str]:
    lines = read_lines(config.output / "generations.jsonl")
    programs = {line["step_id"]: line["program"] for line in lines}
    verdicts = {
        line["step_id"]: Verdict(Reason(line["reason"]), line["detail"])
        for line in read_lines(config.output / "verdicts.jsonl")
    }
    found: dict[str, str] = {}
    for problem in load_dataset(config).problems:
        own = {s.step_id: programs[s.step_id] for s in problem.sub_steps if s.given is None}
        found |= trace_failures(
            problem.dependencies, recover_chain(problem, own, verdicts), proven={}
        )
    return found


def test_flawed_fails_exactly_as_documented(
    evaluate: Evaluate, example_config: MakeConfig, read_lines: ReadLines
) -> None:
    config = example_config(model="flawed", time_limit_s=2)
    document = evaluate(config)
    verdicts = read_lines(config.output / "verdicts.jsonl")
    failed = {line["step_id"]: line["reason"] for line in verdicts if not line["passed"]}
    assert failed == FLAWED
    assert fraction(document, "subtask_accuracy") == (33, 43)
    assert fraction(document, "mean/problem_accuracy") == (2, 10)
    # 2 timeouts would be a sign of a slow machine, so the loop must be the only one.
    assert document["reasons"] == {
        "passed": 33,
        "exception": 4,
        "wrong_answer": 4,
        "no_code": 1,
        "timeout": 1,
    }
    sources = {line["step_id"]: line["inherited_from"] for line in verdicts}
    assert {step_id: source for step_id, source in sources.items() if source} == INHERITED
    # Eight mistakes, and two sub-steps that pass with the gold code of 1.4 and of 7.1.
    assert document["failures"] == {"own": 8, "inherited": 2, "by_source": {"1.4": 1, "7.1": 1}}
    assert traced_by_the_rule_alone(config, read_lines) == INHERITED


def test_the_readme_of_the_example_states_this_score() -> None:
    text = (ROOT / "tasks" / "example" / "README.md").read_text()
    table = re.findall(r"^\| ([0-9.]+) \| `\w+` \|.*\| ([0-9., ]+) \|$", text, flags=re.MULTILINE)
    listed = {step_id for _, steps in table for step_id in steps.split(", ")}
    assert listed == set(FLAWED)
    assert "`subtask_accuracy` is 33/43 = 0.7674" in text
    assert "8 of the failures are own ones and 2 are inherited: 1.5 from 1.4, 7.4 from 7.1" in text
    assert "`mean/problem_accuracy` is 2/10 = 0.2" in text


def test_every_file_of_a_run_is_complete_and_in_order(
    finished_run: FinishedRun, read_lines: ReadLines
) -> None:
    places = [(line["problem_id"], line["repeat"], line["step_id"]) for line in finished_run.lines]
    chains = {"1": ("1.1", "1.2", "1.3"), "2": ("2.2",)}
    expected = [(p, repeat, step) for p in "12" for repeat in (0, 1) for step in chains[p]]
    assert places == expected
    output = finished_run.output
    verdicts = read_lines(output / "verdicts.jsonl")
    assert [(v["problem_id"], v["repeat"], v["step_id"]) for v in verdicts] == expected
    assert json.loads((output / "metrics.json").read_text()) == finished_run.document
    names = {path.name for path in output.iterdir() if not path.name.startswith(".")}
    assert names == {
        "generations.jsonl",
        "metrics.json",
        "report.html",
        "rollouts.jsonl",
        "run.json",
        "usage.json",
        "verdicts.jsonl",
    }


def test_a_rollout_has_the_seeds_fields_and_all_tokens(
    finished_run: FinishedRun, read_lines: ReadLines
) -> None:
    rollouts = read_lines(finished_run.output / "rollouts.jsonl")
    assert [(line["problem_id"], line["repeat"]) for line in rollouts] == [
        ("1", 0),
        ("1", 1),
        ("2", 0),
        ("2", 1),
    ]
    first = rollouts[0]
    assert list(first) == ROLLOUT_FIELDS
    assert first["step_results"] == {"1.1": True, "1.2": True, "1.3": True}
    assert (first["reward"], first["subtask_accuracy"]) == (1.0, 1.0)
    usages = [line["usage"] for line in finished_run.lines[:3]]
    assert first["input_tokens"] == sum(usage["input_tokens"] for usage in usages)
    # The endpoint counts words: fence, `def name(x):`, `return …` and fence are
    # 1 + 2 + 4 + 1, 1 + 2 + 2 + 1 and 1 + 2 + 4 + 1.
    assert first["output_tokens"] == 8 + 6 + 8
    assert first["total_tokens"] == first["input_tokens"] + first["output_tokens"]


def test_repeats_are_independent_samples(finished_run: FinishedRun) -> None:
    """Every one of the 4 prompts is asked once for each repeat."""
    assert sorted(Counter(finished_run.prompts).values()) == [2, 2, 2, 2]
    assert [line["cached"] for line in finished_run.lines] == [False] * 8
    assert fraction(finished_run.document, "subtask_accuracy") == (8, 8)
    metrics = finished_run.document["metrics"]
    assert metrics["subtask_accuracy/std_dev_across_runs"]["value"] == 0.0
    assert metrics["pass@2/problem"]["value"] == 1.0


def test_run_json_tells_how_the_run_was_made(finished_run: FinishedRun) -> None:
    run = finished_run.record
    assert run["status"] == "complete"
    assert (run["requests"], run["cached"]) == (8, 0)
    assert run["identity"]["temperature"] == 0.5
    assert run["configuration"]["base_url"].startswith("http://127.0.0.1:")
    assert re.fullmatch("[0-9a-f]{64}", run["identity"]["targets_sha256"])
    assert run["versions"]["prefect"]
    assert run["started"] <= run["ended"]


def test_no_file_holds_the_key(finished_run: FinishedRun) -> None:
    secret = finished_run.secret
    assert finished_run.keys == {f"Bearer {secret}"}
    home = Path(os.environ["PREFECT_HOME"])
    files = [path for top in (finished_run.folder, home) for path in top.rglob("*")]
    whole = [path for path in files if path.is_file()]
    # 7 files of the run, its lock, problems and targets, 8 kept generations. 4 kept verdicts, since
    # both repeats have the same programs. The targets' digests; the programs' costs and their lock.
    assert len([path for path in whole if path.is_relative_to(finished_run.folder)]) == 25
    assert [path for path in whole if secret.encode() in path.read_bytes()] == []


def test_a_finished_run_started_again_asks_nothing_and_says_the_same(
    finished_run: FinishedRun, read_lines: ReadLines
) -> None:
    assert finished_run.again == finished_run.document
    assert finished_run.asked_again == 0
    lines = read_lines(finished_run.output / "generations.jsonl")
    assert [line["cached"] for line in lines] == [True] * 8
    run = json.loads((finished_run.output / "run.json").read_text())
    assert (run["requests"], run["cached"]) == (0, 8)


@pytest.mark.slow
def test_another_checkpoint_under_the_same_name_is_asked_anew(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint, tmp_path: Path
) -> None:
    evaluate(small_config(checkpoint="step-100", problems="2"))
    evaluate(small_config(checkpoint="step-200", problems="2", output=tmp_path / "second"))
    assert sorted(endpoint.counts.values()) == [2]


def test_a_connection_that_breaks_is_tried_again(
    evaluate: Evaluate, small_config: MakeConfig, endpoint: Endpoint
) -> None:
    endpoint.drop = {0}
    document = evaluate(small_config(problems="2", request_retries=2))
    assert fraction(document, "subtask_accuracy") == (1, 1)
    assert len(endpoint.prompts) == 2


def test_sub_steps_without_targets_are_refused(small: Path, small_config: MakeConfig) -> None:
    from flows.inputs import load_inputs

    write_targets(small.with_name("targets.h5"), {"1.1": [6], "2.2": ["hello x"]})
    with pytest.raises(TargetError, match=r"found none for 1\.2, 1\.3.*--scored with-targets"):
        load_inputs(small_config())


def test_scoring_only_what_has_targets_says_so(
    evaluate: Evaluate, small: Path, small_config: MakeConfig, read_lines: ReadLines
) -> None:
    write_targets(small.with_name("targets.h5"), {"1.1": [6], "2.2": ["hello x"]})
    config = small_config(scored="with-targets")
    document = evaluate(config)
    assert fraction(document, "subtask_accuracy") == (2, 2)
    scored = "only sub-steps that have targets; 2 without are left out"
    assert document["details"]["scored"] == scored
    assert len(read_lines(config.output / "generations.jsonl")) == 4
    assert len(read_lines(config.output / "verdicts.jsonl")) == 2


def test_a_replayed_run_has_the_same_score(
    evaluate: Evaluate,
    example_config: MakeConfig,
    read_lines: ReadLines,
    tmp_path: Path,
) -> None:
    """Problem 10 of `flawed`: 3 of 4 sub-steps pass, 10.4 holds no code."""
    first = evaluate(example_config(problems="10", model="flawed"))
    book = load_recording(tmp_path / "run")
    with EmbeddedServer(create_app({"recorded": book}, any_model=True)) as server:
        second = evaluate(
            example_config(
                problems="10",
                model="any",
                base_url=server.base_url,
                output=tmp_path / "again",
                cache_dir=tmp_path / "another",
            )
        )
    assert fraction(second, "subtask_accuracy") == (3, 4)
    assert second["metrics"] == first["metrics"]
    assert second["reasons"] == first["reasons"]
    lines = read_lines(tmp_path / "again" / "generations.jsonl")
    assert [line["cached"] for line in lines] == [False] * 4


def test_a_base_url_that_holds_a_password_leaves_no_files(
    evaluate: Evaluate, small_config: MakeConfig
) -> None:
    config = small_config(base_url="http://user:secret@127.0.0.1:1/v1")
    with pytest.raises(ConfigError, match="holds a user, a password or a query"):
        evaluate(config)
    assert not config.output.exists()


def test_the_example_lies_in_the_package() -> None:
    files = locate(validate(EvalConfig, {}))
    assert [path.name for path in files.problems] == ["problems.jsonl"]
    assert files.targets.is_file()
