"""A failure is described by the program's own lines, in bounded space, whatever it raises."""

import linecache

from tasks.sandbox.traceback_text import describe, describe_syntax

NAMES = frozenset({"<described>"})


def caught(source: str) -> BaseException:
    lines = [f"{line}\n" for line in source.split("\n")]
    linecache.cache["<described>"] = (len(source), None, lines, "<described>")
    try:
        exec(compile(source, "<described>", "exec"), {})  # noqa: S102 — a traceback is needed
    except BaseException as error:  # whatever the source raises is what is looked at
        return error
    raise AssertionError("the source was expected to raise")


def test_only_named_sources_are_shown():
    error = caught("import json\ndef f():\n    json.loads('[')\nf()")
    assert describe(error, NAMES) == (
        '  File "<described>", line 4, in <module>\n    f()\n'
        "  File \"<described>\", line 3, in f\n    json.loads('[')\n"
        "JSONDecodeError: Expecting value: line 1 column 2 (char 1)"
    )


def test_a_deep_recursion_shows_its_last_lines():
    text = describe(caught("def f(n):\n    f(n + 1)\nf(0)"), NAMES)
    assert len(text) <= 2000
    assert "RecursionError: maximum recursion depth exceeded" in text
    assert text.count("line 2, in f") >= 10


def test_huge_messages_names_and_lines_are_cut():
    text = describe(caught("raise type('N' * 10**5, (Exception,), {})('m' * 10**6)"), NAMES)
    assert len(text) <= 2000
    text = describe(caught("x = 1; " * 10**4 + "1 / 0"), NAMES)
    assert len(text) <= 2000
    assert text.endswith("ZeroDivisionError: division by zero")


def test_an_exception_whose_text_raises_is_described():
    source = "class E(Exception):\n    def __str__(self):\n        raise SystemExit(3)\nraise E"
    assert describe(caught(source), NAMES).endswith("E: <its message raises SystemExit>")


def test_an_exception_without_a_message_is_its_type():
    assert describe(caught("raise KeyboardInterrupt"), NAMES).endswith("\nKeyboardInterrupt")


def test_a_syntax_error_shows_the_line():
    assert describe_syntax(caught("import ast; ast.parse('x = 1\\ny = = 2', '<program>')")) == (
        '  File "<program>", line 2\n    y = = 2\nSyntaxError: invalid syntax'
    )
    assert describe_syntax(ValueError("odd bytes")) == "ValueError: odd bytes"
