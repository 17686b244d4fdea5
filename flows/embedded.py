"""The embedded endpoint's models: what they answer, and what stands for their weights."""

import hashlib

from flows.config import EXAMPLE
from flows.dataset import Dataset, example_file
from tasks.core.errors import ConfigError
from tasks.endpoint.answers import StepBook, flawed_answers, load_mistakes, reference_answers

_MISTAKES = "flawed.yaml"


def embedded_books(dataset: Dataset, model: str) -> dict[str, StepBook]:
    """Return what the embedded endpoint's models answer.

    Raises:
        ConfigError: another model is asked for, or the problems lack gold code.
    """
    mistakes = load_mistakes(example_file(_MISTAKES)) if dataset.name == EXAMPLE else ()
    books = {"reference": StepBook(dataset.problems, reference_answers(dataset.problems))}
    if mistakes:
        books["flawed"] = StepBook(dataset.problems, flawed_answers(dataset.problems, mistakes))
    if model not in books:
        raise ConfigError(
            f"the embedded endpoint serves {' and '.join(books)} for dataset {dataset.name!r}, "
            f"found model {model!r}; give --base-url to ask another endpoint"
        )
    lacking = [
        step.step_id
        for problem in dataset.problems
        for step in problem.sub_steps
        if step.given is None and step.gold is None
    ]
    if lacking:
        raise ConfigError(
            f"the embedded endpoint answers with gold code, and sub-step {lacking[0]} has none "
            f"(nor have {len(lacking) - 1} more); give --base-url to ask a model"
        )
    return books


def embedded_checkpoint(dataset: Dataset, model: str) -> str:
    """Identify a model of the embedded endpoint by the files that its answers come from."""
    digests = list(dataset.sha256)
    if model == "flawed":
        digests.append(hashlib.sha256(example_file(_MISTAKES).read_bytes()).hexdigest())
    return f"embedded:{hashlib.sha256(' '.join(digests).encode()).hexdigest()}"
