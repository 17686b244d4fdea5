"""Test functions without arguments become statements of the case."""

import ast

import pytest

from tasks.core.splitting.inlining import inline_test_functions


def inlined(source):
    return "\n".join(map(ast.unparse, inline_test_functions(ast.parse(source).body)))


def test_a_function_called_once_becomes_its_body_with_names_of_its_own():
    source = "def test():\n    x = f(1)\n    assert x == y\ntest()"
    assert inlined(source) == "_test_x = f(1)\nassert _test_x == y"


def test_what_a_function_returns_stands_in_the_assert_for_its_call():
    source = "def test():\n    x = f(1)\n    return x + 1\nassert np.allclose(test(), target)"
    assert inlined(source) == "_test_x = f(1)\nassert np.allclose(_test_x + 1, target)"


@pytest.mark.parametrize(
    "source",
    [
        "def test():\n    assert f(1)\ntest()\ntest()",
        "def test(x):\n    assert f(x)\ntest(1)",
        "def test():\n    assert f(1)",
        "def test():\n    for i in y:\n        return i\nassert test()",
        "def test():\n    global n\n    assert f(1)\ntest()",
        "@mark\ndef test():\n    assert f(1)\ntest()",
        "def test():\n    return f(1)\nx = test()\nassert x",
        "def test():\n    g = lambda: 1\n    assert f(g)\ntest()",
    ],
)
def test_any_other_function_stays_as_it_is(source):
    assert inlined(source) == ast.unparse(ast.parse(source))
