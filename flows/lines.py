"""Records as lines of the run's files: generations.jsonl, verdicts.jsonl and rollouts.jsonl."""

from tasks.core.caching import prompt_sha256
from tasks.core.json_value import JsonValue
from tasks.core.records import Answered, AttemptResult, Candidate, Verdict


def generation_line(
    prompt: str, answered: Answered, candidate: Candidate, program: str
) -> dict[str, JsonValue]:
    """Return the fields of generations.jsonl besides the key."""
    generation = answered.generation
    return {
        "prompt_sha256": prompt_sha256(prompt),
        "prompt": prompt,
        "text": generation.text,
        "reasoning": generation.reasoning,
        "candidate": candidate.code,
        "fenced": candidate.fenced,
        "program": program,
        "finish_reason": generation.finish_reason.value,
        "usage": {
            "input_tokens": generation.usage.input_tokens,
            "output_tokens": generation.usage.output_tokens,
        },
        "latency_s": generation.latency_s,
        "shortened_to": generation.shortened_to,
        "cached": answered.cached,
    }


def verdict_line(verdict: Verdict) -> dict[str, JsonValue]:
    """Return the fields of verdicts.jsonl besides the key."""
    return {
        "passed": verdict.passed,
        "reason": verdict.reason.value,
        "detail": verdict.detail,
        "duration_s": verdict.duration_s,
        "layers": list(verdict.layers),
        "cached": verdict.cached,
        "environments": {name: reason.value for name, reason in verdict.environments},
        "tries": [reason.value for reason in verdict.tries],
        "inherited_from": verdict.inherited_from,
    }


def rollout_line(attempt: AttemptResult) -> dict[str, JsonValue]:
    """Return a line of rollouts.jsonl; the fields are the seed's.

    An attempt without scored sub-steps has no accuracy: null.
    """
    total = len(attempt.steps)
    solved = float(attempt.solved) if total else None
    return {
        "problem_id": attempt.problem_id,
        "repeat": attempt.repeat,
        "reward": solved,
        "step_results": {step.step_id: step.passed for step in attempt.steps},
        "num_steps_passed": attempt.num_passed,
        "num_steps_total": total,
        "problem_accuracy": solved,
        "subtask_accuracy": attempt.num_passed / total if total else None,
        "input_tokens": attempt.usage.input_tokens,
        "output_tokens": attempt.usage.output_tokens,
        "total_tokens": attempt.usage.total_tokens,
    }
