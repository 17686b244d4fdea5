"""Operands of stored judgements get names, so that they and not the judgement are shipped."""

import ast

import pytest

from tasks.core.splitting.hoisting import name_operands


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ok = f(x) > 0", "_value_1_0 = f(x)\nok = _value_1_0 > 0"),
        (
            "ok = np.allclose(f(g(1)), h(2))",
            "_value_1_0 = f(g(1))\n_value_1_1 = h(2)\nok = np.allclose(_value_1_0, _value_1_1)",
        ),
        (
            "ok = (f(1) > 0, np.mean(g(2)).item() < 1)",
            "_value_1_0 = f(1)\n_value_1_1 = g(2)\n"
            "ok = (_value_1_0 > 0, np.mean(_value_1_1).item() < 1)",
        ),
        ("x = f(1)", "x = f(1)"),
        ("x = f(a > 1)", "_value_1_0 = f(a > 1)\nx = _value_1_0"),
        ("ok = f(1) > 0 and g(2) > 0", "ok = f(1) > 0 and g(2) > 0"),
        ("ok = [f(i) > 0 for i in y]", "ok = [f(i) > 0 for i in y]"),
        ("def g(a): return a\nok = g(1) > 0", "def g(a):\n    return a\nok = g(1) > 0"),
    ],
)
def test_calls_that_are_surely_made_are_named_in_their_order(source, expected):
    body = name_operands(ast.parse(source).body, 1)
    assert "\n".join(map(ast.unparse, body)) == expected
