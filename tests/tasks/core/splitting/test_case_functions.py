"""Helpers that the cases define: which of them the judge can run, and which are judgements."""

import ast

from tasks.core.splitting.case_functions import closed_helpers, judging_helpers


def helpers(*sources):
    return closed_helpers([node for source in sources for node in ast.parse(source).body])


def test_helpers_that_call_each_other_move_together():
    found = helpers("def a(x): return b(x)", "def b(x): return np.sum(x) if x else a(x)")
    assert set(found) == {"a", "b"}


def test_a_helper_that_reaches_candidate_code_takes_its_callers_along():
    found = helpers("def a(x): return b(x)", "def b(x): return f(x)", "def c(x): return abs(x)")
    assert set(found) == {"c"}


def test_a_name_is_no_helper_when_one_of_its_definitions_is_out_of_reach():
    assert not helpers("def a(x): return f(x)", "def a(x): return x")


def test_a_name_that_is_also_assigned_is_no_helper():
    assert not helpers("def a(x): return x", "a = f")


def test_random_numbers_and_globals_keep_a_function_in_the_child():
    assert not helpers("def a(): return np.random.rand()")
    assert not helpers("def a():\n    global n\n    n = 1")


def test_a_helper_judges_when_all_that_it_returns_is_yes_or_no():
    found = helpers(
        "def yes(a, b): return np.allclose(a, b)",
        "def both(a):\n    if a > 1: return False\n    return True",
        "def value(a): return np.sum(a)",
        "def nothing(a): pass",
    )
    assert judging_helpers(found) == {"yes", "both"}
