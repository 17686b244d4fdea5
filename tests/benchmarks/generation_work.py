"""The work of bench_generation: SciCode's chains with recorded answers, else ones of that size."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from tasks.core.caching import prompt_sha256
from tasks.core.extraction import extract_candidate, unwrap_recorded
from tasks.core.prompting import render_prompt
from tasks.core.records import Given, Problem, SubStep
from tasks.dataset import load_problems
from tasks.templates import load_template, own_template

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RECORDING = DATA / "recorded" / "model_run.jsonl.gz"
SCICODE = DATA / "scicode"
# Of the test problems and of the recorded answers: sub-steps, and characters.
STEPS = 288
CHAINS = 65
DESCRIPTION = 950
HEADER = 550
ANSWER = 1650


@dataclass(frozen=True, slots=True)
class Work:
    """Problems with the longest chains first, the answer to every sub-step, and the prompts.

    `prompts` has the rendered prompts of every chain in order, with their sub-steps, for a client
    that does nothing but send them.
    """

    name: str
    problems: tuple[Problem, ...]
    template: str
    answers: dict[str, str]
    prompts: dict[str, tuple[tuple[str, str], ...]]

    def describe(self) -> str:
        """Return the sizes in one line."""
        sizes = [len(prompt) for chain in self.prompts.values() for _, prompt in chain]
        written = sum(map(len, self.answers.values())) / len(self.answers)
        return (
            f"{self.name}: {len(sizes)} sub-steps in {len(self.prompts)} chains; a prompt has "
            f"{sum(sizes) / len(sizes):.0f} characters, an answer {written:.0f}"
        )


def generation_work() -> Work:
    """Take the recorded run with SciCode's problems if both are there, else invented texts."""
    if RECORDING.is_file() and SCICODE.is_dir():
        return _recorded()
    return _invented()


def _recorded() -> Work:
    with gzip.open(RECORDING, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    answers = {n["step_id"]: unwrap_recorded(n["generation"], n["program"]) for n in lines}
    upstream = SCICODE / "upstream"
    template = load_template(upstream / "multistep_template.txt").text
    problems = load_problems(
        SCICODE / "problems_test.jsonl", upstream=upstream, given=Given.EXTRACTED
    ).problems
    work = _with_prompts("recorded run", problems, template, answers)
    digests = {n["step_id"]: n["prompt_sha256"] for n in lines}
    for step_id, prompt in (pair for chain in work.prompts.values() for pair in chain):
        if prompt_sha256(prompt) != digests[step_id]:
            raise RuntimeError(f"the prompt of sub-step {step_id} is not the recorded one")
    return work


def _invented() -> Work:
    short, longer = divmod(STEPS, CHAINS)
    counts = [short + (number < longer) for number in range(CHAINS)]
    problems = tuple(_invent(str(number), count) for number, count in enumerate(counts, 1))
    line = "    x = x + 1  # one of many lines\n"
    body = line * ((ANSWER - HEADER) // len(line))
    answers = {
        step.step_id: f"```python\n{step.function_header}\n{body}```"
        for problem in problems
        for step in problem.sub_steps
    }
    return _with_prompts("invented", problems, own_template(background=True).text, answers)


def _invent(problem_id: str, count: int) -> Problem:
    names = [f"{problem_id}.{number}" for number in range(1, count + 1)]
    steps = (
        SubStep(
            step_id=name,
            description=f"Describe {name}. ".ljust(DESCRIPTION, "d"),
            background=f"Background of {name}. ".ljust(DESCRIPTION, "b"),
            function_header=f"def f_{name.replace('.', '_')}(x):".ljust(HEADER, "#"),
            return_line="    return x",
            cases=(),
        )
        for name in names
    )
    return Problem(problem_id, f"invented {problem_id}", "import numpy as np", tuple(steps))


def _with_prompts(
    name: str, problems: tuple[Problem, ...], template: str, answers: dict[str, str]
) -> Work:
    chains = {problem.problem_id: _prompts(problem, template, answers) for problem in problems}
    longest_first = sorted(problems, key=lambda p: -len(chains[p.problem_id]))
    return Work(name, tuple(longest_first), template, answers, chains)


def _prompts(
    problem: Problem, template: str, answers: dict[str, str]
) -> tuple[tuple[str, str], ...]:
    earlier: list[str] = []
    prompts: list[tuple[str, str]] = []
    for index, step in enumerate(problem.sub_steps):
        if step.given is not None:
            earlier.append(step.given)
            continue
        prompt = render_prompt(template, problem, index, earlier, background=True)
        prompts.append((step.step_id, prompt))
        earlier.append(extract_candidate(answers[step.step_id]).code)
    return tuple(prompts)
