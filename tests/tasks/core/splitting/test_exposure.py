"""Names whose values may be changed in place by what the judge does not run."""

import ast

import pytest

from tasks.core.splitting.case_functions import closed_helpers
from tasks.core.splitting.exposure import exposed_names, outside_calls
from tasks.core.splitting.names import PURE_BUILTINS


def exposed(source):
    statements = ast.parse(source).body
    helpers = closed_helpers(statements)
    return exposed_names(statements, PURE_BUILTINS | helpers.keys(), helpers) - {"f"}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = [1]\ny = np.sum(x)", set()),
        ("x = [1]\nf(x)", {"x"}),
        ("x = [1]\ny = f(x)", {"x"}),
        ("x = [1]\nassert f(x) == 1", {"x"}),
        ("x = [1]\nargs = (x, 2)\ny = f(*args)", {"x", "args"}),
        ("x = [1]\ny = x\ny[0] = 2", {"x", "y"}),
        ("x = [1]\ny = x\ny += [2]", {"x", "y"}),
        ("x = [1]\nx.append(2)", {"x"}),
        ("x = [1]\ny = np.abs(x, out=x)", {"x", "np"}),
        ("x = [1]\nobject.data = x", {"x", "object"}),
        ("x = [1]\ndef g():\n    return f(x)", {"x"}),
        ("def g(a):\n    a[0] = 1\nx = [1]\ny = g(x)", {"x", "g"}),
        ("def g(a):\n    return a[0]\nx = [1]\ny = g(x)", set()),
        ("x = [1]\nassert np.abs(f(2) - x).max() < 1", set()),
    ],
)
def test_exposed_is_what_candidate_code_or_a_change_in_place_can_reach(source, names):
    assert exposed(source) == names


def test_calls_of_numpy_builtins_and_plain_methods_are_the_judges_to_make():
    node = ast.parse("np.sum(len(x)) + x.mean() + f(g(x).sum())")
    calls = {ast.unparse(call) for call in outside_calls(node, PURE_BUILTINS)}
    assert calls == {"f(g(x).sum())", "g(x)"}
