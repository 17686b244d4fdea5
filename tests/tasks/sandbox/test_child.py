"""A program in the child behaves as a script would, and says how it ended."""

import dataclasses
import sys

import numpy as np
import pytest

from tasks.core.records import Ending, Limits
from tasks.sandbox.wire import decode_values

LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=4 * 2**30, frame_bytes=2**20)


def shipped(outcome):
    assert outcome.ending is Ending.COMPLETED, outcome.detail
    return [decode_values(frame) for frame in outcome.frames]


def test_a_program_ships_a_frame_for_each_case(run_program):
    program = "import numpy as np\ndef f(n):\n    return np.arange(n) / 2"
    outcome = run_program(program, ["f(3)", "f(0).shape"], [], ["'é' * 2"])
    first, second, third = shipped(outcome)
    assert np.array_equal(first[0], [0.0, 0.5, 1.0])
    assert first[1:] == [(0,)]
    assert second == []
    assert third == ["éé"]
    assert outcome.detail == ""
    assert outcome.duration_s > 0


def test_cases_run_in_order_in_one_namespace(run_program):
    outcome = run_program("n = [1]", ["n"], ["n"], ["n"], setup="n.append(len(n) + 1)")
    assert shipped(outcome) == [[[1, 2]], [[1, 2, 3]], [[1, 2, 3, 4]]]


def test_a_frame_is_shipped_before_the_next_case_runs(run_program):
    outcome = run_program("n = iter('ab')", ["next(n)"], ["next(n)"], ["next(n)"])
    assert outcome.ending is Ending.RAISED
    assert [decode_values(frame) for frame in outcome.frames] == [["a"], ["b"]]
    assert outcome.detail == '  File "<case 3>", line 1, in <module>\n    \nStopIteration'


def test_a_program_is_the_main_module(run_program):
    program = (
        "import sys, inspect, pickle, os\n"
        "from dataclasses import dataclass\n"
        "if __name__ == '__main__':\n"
        "    main = sys.modules['__main__']\n"
        "@dataclass\n"
        "class Point:\n"
        "    x: int = 1\n"
        "def f(): return 1  # comment"
    )
    expressions = [
        "main.__dict__ is globals()",
        "inspect.getsource(f)",
        "pickle.loads(pickle.dumps(Point(3))).x",
        "sys.argv",
        "__builtins__.len([1])",
        "os.listdir()",
        "os.getcwd() == os.environ['HOME'] == os.environ['TMPDIR']",
        "sys.stdin.read()",
        "sys.stdout.encoding",
        "[name for name in ('h5py', 'asyncio', 'prefect') if name in sys.modules]",
    ]
    ((main, source, point, argv, length, files, home, text, encoding, foreign),) = shipped(
        run_program(program, expressions)
    )
    assert main
    assert source == "def f(): return 1  # comment"
    assert (point, argv, length, files, home) == (3, [""], 1, [], True)
    assert (text, encoding) == ("", "utf-8")
    assert foreign == []


def test_an_exception_is_told_with_the_programs_lines(run_program):
    program = "import json\ndef f(text):\n    return json.loads(text)\n"
    outcome = run_program(program, ["f('[')"])
    assert outcome.ending is Ending.RAISED
    assert outcome.detail == (
        '  File "<case 1>", line 1, in <module>\n    \n'
        '  File "<program>", line 3, in f\n    return json.loads(text)\n'
        "JSONDecodeError: Expecting value: line 1 column 2 (char 1)"
    )


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("exit()", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class E(BaseException):\n  def __str__(self): raise E\nraise E", "raises E>"),
        ("def f(): f()\nf()", "RecursionError"),
        ("raise ValueError('x' * 10**7)", "ValueError: xxx"),
        ("raise ValueError('\\ud800\\x1b')", "ValueError: ?\ufffd"),
    ],
)
def test_whatever_a_program_raises_is_told(run_program, program, words):
    outcome = run_program(program, ["1"])
    assert outcome.ending is Ending.RAISED
    assert words in outcome.detail
    assert len(outcome.detail) <= 2000
    assert outcome.frames == ()


def test_leaving_a_thread_is_not_leaving_the_program(run_program):
    program = "import sys, threading\nt = threading.Thread(target=sys.exit)\nt.start(); t.join()"
    assert shipped(run_program(program, ["t.is_alive()"])) == [[False]]


def test_a_thread_that_runs_on_does_not_keep_the_child(run_program):
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(900,)).start()"
    outcome = run_program(program, ["1"])
    assert shipped(outcome) == [[1]]
    assert outcome.duration_s < 30


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("x = 1\ndef f(:\n", '  File "<program>", line 2\n    def f(:\nSyntaxError'),
        ("if 1:\nx", "IndentationError"),
        ("x = '\0'", "null bytes"),
        ("x = '\ud800'", "UnicodeEncodeError"),
        ("return 1", "'return' outside function"),
    ],
)
def test_a_program_that_does_not_compile_is_a_syntax_error(run_program, program, words):
    outcome = run_program(program, ["1"])
    assert outcome.ending is Ending.SYNTAX_ERROR
    assert words in outcome.detail


def test_a_syntax_error_at_run_time_is_an_exception(run_program):
    assert run_program("eval('1 +')").ending is Ending.RAISED


def test_a_value_that_cannot_be_shipped_is_named(run_program):
    outcome = run_program("class Wave: pass", ["1", "{'w': [Wave()]}"])
    assert outcome.ending is Ending.UNSHIPPABLE
    assert "__main__.Wave" in outcome.detail
    assert "[1]['w'][0]" in outcome.detail


def test_cases_share_the_limit_on_values(run_program):
    assert run_program("", ["b'x' * 2**20"]).ending is Ending.OVERSIZED
    outcome = run_program("", ["b'x' * 600_000"], ["b'x' * 600_000"])
    assert outcome.ending is Ending.OVERSIZED
    assert len(outcome.frames) == 1


@pytest.mark.parametrize(
    ("program", "limit_mib"),
    [
        ("x = bytearray(2**30)", 512),
        ("x = []\nwhile True:\n    x.append(bytearray(10**7))", 512),
        ("x = []\nwhile True:\n    x.append([x] * 1000)", 256),
        ("import numpy as np\nx = np.ones(2**27)", 512),
    ],
)
def test_a_program_that_runs_out_of_memory_says_so(run_program, program, limit_mib):
    limits = dataclasses.replace(LIMITS, memory_bytes=limit_mib * 2**20)
    outcome = run_program(program, ["1"], limits=limits)
    assert outcome.ending is Ending.OUT_OF_MEMORY
    assert "MemoryError" in outcome.detail
    assert '"<program>"' in outcome.detail


def test_warnings_are_quiet_and_settings_of_the_program_hold(run_program):
    program = (
        "import numpy as np, warnings\n"
        "warnings.simplefilter('error'); np.seterr(all='raise')\n"
        "np.bool = bool; np.float = float; np.int = int\n"
        "x = '\\d'"
    )
    ((real, array),) = shipped(run_program(program, ["np.longdouble('1e4000')", "np.ones(1)"]))
    assert real == float("inf")
    assert array.tolist() == [1.0]


def test_a_fresh_process_draws_fresh_numbers(run_program):
    program = "import numpy as np, random"
    draws = ["np.random.rand()", "random.random()"]
    assert shipped(run_program(program, draws)) != shipped(run_program(program, draws))


def test_a_fork_of_the_program_has_no_voice(run_unconfined):
    outcome = run_unconfined("import os\nmine = os.fork() > 0", ["mine"], ["mine"])
    assert shipped(outcome) == [[True], [True]]


def test_a_very_long_program_runs(run_program):
    program = "text = '''" + "é line\n" * 6_300_000 + "'''"  # 8 bytes a line: over 50 MB
    assert shipped(run_program(program, ["len(text)"])) == [[44_100_000]]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_programs_text_is_not_in_its_command_line(run_program):
    program = "marker = 'unmistakable'"
    ((text,),) = shipped(run_program(program, ["open('/proc/self/cmdline').read()"]))
    assert "sandbox.zip" in text
    assert "unmistakable" not in text
