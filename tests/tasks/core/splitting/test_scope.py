"""What a name stands for at a place of the common timeline of a sub-step's cases."""

import ast

from tasks.core.splitting.scope import Scope


def scope(*cases):
    return Scope([ast.parse(case).body for case in cases])


def test_the_last_statement_before_the_place_defines_a_name():
    names = scope("x = 1\nx = 2\ny = x", "x = 3")
    assert [names.definition("x", at).index for at in (1, 2, 3)] == [0, 1, 1]
    assert names.definition("x", 0) is None


def test_target_is_new_in_each_case():
    names = scope("target = np.abs(target)\nassert f(1) == target", "assert f(2) == target")
    assert names.definition("target", 1).index == 0
    assert names.definition("target", 2) is None
    assert names.movable("target", 2)


def test_names_unpacked_from_the_target_are_tainted_until_they_are_set_anew():
    names = scope("a, b = target\nc = a * 2\na = 1\nb += 1\nassert a")
    assert {n for n in "abc" if names.tainted(n, 4)} == {"b", "c"}
    assert names.tainted("a", 2)


def test_a_literal_is_movable_until_candidate_code_may_have_changed_it():
    names = scope("n = 3\nx = [1]\ny = [2]\nz = f(x)\nassert z")
    assert names.movable("n", 4)
    assert names.movable("y", 4)
    assert not names.movable("x", 4)
    assert not names.movable("z", 4)


def test_names_bound_by_loops_updates_and_comprehensions_are_not_taken_for_literals():
    names = scope(
        "n = 1\nfor i in range(3):\n    n = i\nm = 1\nm += 1\nk = [j for j in y]\nassert k"
    )
    assert not any(names.movable(name, 5) for name in "nimjk")


def test_a_name_that_a_function_declares_global_is_never_movable():
    names = scope("n = 1\ndef g():\n    global n\n    n = 5\ng()\nassert n")
    assert not names.movable("n", 3)


def test_a_value_is_unchanged_between_two_places_without_calls_of_candidate_code():
    names = scope("x = y\nz = np.sum(y)\nassert x")
    assert names.unchanged({"y"}, 0, 2)
    assert not names.unchanged({"z"}, 0, 2)
    assert not scope("x = y\nz = f(1)\nassert x").unchanged({"y"}, 0, 2)
    assert not scope("x = y\nz = y\nz[0] = 1\nassert x").unchanged({"y"}, 0, 3)
    assert not scope("x = y\nfor i in y: pass\nassert x").unchanged({"y"}, 0, 2)


def test_a_builtin_that_the_cases_set_anew_is_not_the_judges():
    call = ast.parse("sum(x)", mode="eval").body.func
    assert scope("assert sum(x)").pure_function(call)
    assert not scope("sum = f(1)\nassert sum(x)").pure_function(call)


def test_a_long_chain_of_sums_is_walked_once():
    # Path by path it would be 2**60 steps.
    chain = "\n".join(f"x{i + 1} = x{i} + x{i}" for i in range(60))
    names = scope(f"x0 = 1.0\n{chain}\nassert x60")
    assert names.movable("x60", 61)
    names = scope(f"x0 = np.ones(2)\n{chain}\nf(x60)\nassert x60")
    assert not names.movable("x60", 62)
