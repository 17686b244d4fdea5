"""What each protocol makes of bad answers, from the reply's JSON to the chain's next prompt."""

import json
import time
from dataclasses import dataclass

import pytest

from tasks.core.chain import recover_chain
from tasks.core.chat_reply import ChatReply, read_reply
from tasks.core.extraction import take_candidate
from tasks.core.program import assemble_program
from tasks.core.prompting import render_prompt
from tasks.core.records import Candidate, Extraction, Problem, SubStep

TEMPLATE = "{problem_steps_str}|{next_step_str}|{dependencies}"
WAVE = "def wave(x):\n    return x"
SENTENCE = "The wave travels on, as the background says. "
PROSE = SENTENCE * (200_000 // len(SENTENCE))


def step(number: int, name: str) -> SubStep:
    header = f"def {name}(x):"
    return SubStep(f"1.{number}", f"D{number}", "", header, "    return x", ("assert True",))


STEPS = (step(1, "wave"), step(2, "energy"))
PROBLEM = Problem("1", "P", "import math", STEPS)


@dataclass(frozen=True, slots=True)
class Answer:
    """A bad answer, and what each protocol takes out of it."""

    text: str
    official: Candidate
    robust: Candidate


def fenced(code: str) -> Candidate:
    return Candidate(code, fenced=True)


def bare(code: str) -> Candidate:
    return Candidate(code, fenced=False)


NESTED = f'{WAVE}\n\nDOC = """\n```\nwave(1)\n```\n"""'
ANSWERS = {
    "prose": Answer(PROSE, bare(PROSE), bare(PROSE)),
    "prose around a block": Answer(
        f"{PROSE}\n```python\n{WAVE}\n```\n{PROSE}", fenced(f"\n{WAVE}\n"), fenced(WAVE)
    ),
    # Official ends at the inner fence, in the middle of the string.
    "nested fences": Answer(
        f"````python\n{NESTED}\n````\n", fenced(f'\n{WAVE}\n\nDOC = """\n'), fenced(NESTED)
    ),
    # The first fence marked `python` alone is the inner one.
    "a block in a block": Answer(
        f"~~~markdown\n```python\n{WAVE}\n```\n~~~\n", fenced(f"\n{WAVE}\n"), fenced(WAVE)
    ),
    # Official keeps the mark as a line of code, which is a NameError.
    "py": Answer(f"```py\n{WAVE}\n```", fenced(f"py\n{WAVE}\n"), fenced(WAVE)),
    # No fence of Markdown: the one at the start of a line would open a block.
    "a fence within a line": Answer(
        f"Like so: ```python\n{WAVE}\n```\nDone.", fenced(f"\n{WAVE}\n"), fenced(WAVE)
    ),
    "tildes": Answer(f"~~~python\n{WAVE}\n~~~", bare(f"~~~python\n{WAVE}\n~~~"), fenced(WAVE)),
    "no fence": Answer(f"import os\n\n{WAVE}", bare(f"\n\n{WAVE}"), bare(f"import os\n\n{WAVE}")),
    # Python reads both line ends alike.
    "windows newlines": Answer(
        f"So:\n```python\n{WAVE}\n```\n".replace("\n", "\r\n"),
        fenced("\r\ndef wave(x):\r\n    return x\r\n"),
        fenced(WAVE),
    ),
    # Python refuses the program; robust therefore prefers a block without.
    "nul": Answer(
        f"```python\n{WAVE}\n```\n```python\n{WAVE}\0\n```",
        fenced(f"\n{WAVE}\n"),
        fenced(WAVE),
    ),
    "nul everywhere": Answer(
        f"```python\n{WAVE}\0\n```", fenced(f"\n{WAVE}\0\n"), fenced(f"{WAVE}\0")
    ),
    # The reader of replies puts U+FFFD in their place, which is valid in a comment or a string.
    "a lone surrogate": Answer(
        f"```python\n{WAVE}  # \ud800\n```",
        fenced(f"\n{WAVE}  # \ufffd\n"),
        fenced(f"{WAVE}  # \ufffd"),
    ),
    "nothing": Answer("", bare(""), bare("")),
    "an empty block": Answer("```python\n```", fenced("\n"), bare("```python\n```")),
    "a block cut off": Answer(f"```python\n{WAVE}", fenced(f"\n{WAVE}"), fenced(WAVE)),
}


def answer_of(text: str) -> str:
    """Send a text through the JSON of a reply, where a lone surrogate is escaped."""
    message = {"role": "assistant", "content": text}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})
    read = read_reply(body)
    assert isinstance(read, ChatReply)
    return read.text


def take(answer: Answer, protocol: Extraction) -> Candidate:
    return take_candidate(answer_of(answer.text), protocol, STEPS[0].function_header)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_official_takes_what_the_benchmark_takes(answer: Answer) -> None:
    assert take(answer, Extraction.OFFICIAL) == answer.official


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_robust_takes_the_code_that_is_meant(answer: Answer) -> None:
    assert take(answer, Extraction.ROBUST) == answer.robust


@pytest.mark.parametrize("protocol", Extraction)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_bad_candidate_goes_through_the_chain_and_comes_back(
    answer: Answer, protocol: Extraction
) -> None:
    code = take(answer, protocol).code
    later = "def energy(x):\n    return wave(x)"

    prompt = render_prompt(TEMPLATE, PROBLEM, 1, (code,), background=False)
    programs = {
        "1.1": assemble_program("import math", (), code),
        "1.2": assemble_program("import math", (code,), later),
    }
    chain = recover_chain(PROBLEM, programs, {})

    assert prompt == f"D1\n\n{code}|D2\n\ndef energy(x):\n\n    return x|import math"
    assert [link.code for link in chain] == [code, later]
    # A file of UTF-8 can hold it all.
    assert all(program.encode().decode() == program for program in programs.values())


@pytest.mark.parametrize("protocol", Extraction)
def test_two_hundred_kilobytes_take_well_below_a_second(protocol: Extraction) -> None:
    start = time.process_time()
    for name in ("prose", "prose around a block"):
        take(ANSWERS[name], protocol)

    assert time.process_time() - start < 0.5
