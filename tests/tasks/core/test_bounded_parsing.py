"""Code is parsed within bounds; whatever is long, deep or broken does not parse."""

import ast
import subprocess
import sys

import pytest

from tasks.core.bounded_parsing import parse_bounded

DEEP = {
    "open brackets": "(" * 50_000,
    "brackets": "x = " + "[" * 61 + "1" + "]" * 61,
    "minus": "x = " + "-" * 5000 + "1",
    "not": "x = " + "not " * 5000 + "1",
    "lambda": "x = " + "lambda:" * 5000 + "1",
    "conditional": "x = " + "1 if 1 else " * 5000 + "1",
    "power": "x = " + "1**" * 5000 + "1",
    "branches": "if 1:\n  pass\n" + "elif 1:\n  pass\n" * 5000,
    "inside of an f-string": "x = f'{" + "-" * 5000 + "1}'",
    "indents": "".join(" " * level + "if 1:\n" for level in range(300)) + " " * 300 + "pass",
    "a sum": "+".join("1" * 40_000),
    "attributes": "a" + ".a" * 40_000,
    "calls": "a" + "()" * 40_000,
}
BROKEN = {
    "prose": "I cannot do that.",
    "nul": "x = 1\0",
    "lone surrogate": "x = '\ud800'",
    "open string": "x = '''abc",
    "huge number": "x = " + "9" * 10_000,
    "too long": "x = 1\n" * 20_000,
}


def test_ordinary_code_parses() -> None:
    code = "import numpy as np\n\ndef f(x):\n    return -x ** 2 if x else not x\n"

    assert ast.dump(parse_bounded(code) or ast.Module([], [])) == ast.dump(ast.parse(code))


def test_no_code_is_an_empty_module() -> None:
    tree = parse_bounded("")

    assert tree is not None
    assert tree.body == []


def test_a_long_table_of_negative_numbers_is_not_deep() -> None:
    assert parse_bounded("x = [" + "-1.5, " * 5000 + "]") is not None


def test_a_long_polynomial_is_not_deep() -> None:
    # 400 powers, the most that one line may hold
    assert parse_bounded("y = " + " + ".join(["x ** 2"] * 400)) is not None


def test_an_escape_that_python_warns_of_parses_without_a_warning() -> None:
    # Warnings are errors in this suite.
    assert parse_bounded(r"x = '\d'") is not None


@pytest.mark.parametrize("code", DEEP.values(), ids=DEEP.keys())
def test_code_nested_too_deeply_does_not_parse(code: str) -> None:
    assert parse_bounded(code) is None


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_python_does_not_parse(code: str) -> None:
    assert parse_bounded(code) is None


# A thread on macOS has a stack of 512 kB; the parser alone overruns it, and the process is gone.
IN_A_SMALL_STACK = """
import sys, threading
from tasks.core.bounded_parsing import parse_bounded
threading.stack_size(256 * 1024)
ran = []
thread = threading.Thread(target=lambda: ran.append(parse_bounded(sys.stdin.read()) is None))
thread.start()
thread.join()
print(ran)
"""


def parse_in_a_small_stack(code: str) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-c", IN_A_SMALL_STACK],
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


@pytest.mark.parametrize("name", ["minus", "lambda", "conditional"])
def test_a_small_stack_survives_deep_code(name: str) -> None:
    assert parse_in_a_small_stack(DEEP[name]) == (0, "[True]\n")


def test_code_at_the_bounds_parses_in_a_small_stack() -> None:
    code = "x = " + "[" * 60 + "lambda:" * 200 + "-" * 400 + "1 if 1 else " * 200 + "1" + "]" * 60

    assert parse_in_a_small_stack(code) == (0, "[False]\n")
