"""What a target has to be is read off the comparison."""

import pytest

from tasks.core.splitting.derivation import without_target


@pytest.mark.parametrize(
    ("case", "derived"),
    [
        ("assert np.allclose(f(1), target)", "_shipped_1_0"),
        ("assert np.allclose(target, f(1))", "_shipped_1_0"),
        ("assert np.allclose(a=f(1), b=target, atol=1e-3)", "_shipped_1_0"),
        ("assert f(1) == target", "_shipped_1_0"),
        ("assert (f(1) > 2) == target", "_shipped_1_0 > 2"),
        ("expected = target\nassert f(1) == expected", "_shipped_1_0"),
        ("x, y = f(1)\na, b = target\nassert a == y and b == x", "(_shipped_1_0, _shipped_1_1)"),
        ("x = f(1)\nassert x == target[0] and g(1) == target[1]", "(_shipped_1_0, _shipped_1_1)"),
        ("x = f(1)\na, b = target\nassert np.allclose((a, b), x)",
         "(_shipped_1_0[0], _shipped_1_0[1])"),
        ("assert f(1).any() == target.any()", "_shipped_1_0"),
    ],
)  # fmt: skip
def test_the_other_side_of_a_comparison_is_the_target(split_one, case, derived):
    assert split_one(case).judge.derived == derived


@pytest.mark.parametrize(
    "case",
    [
        "a, b = target\nassert a == f(1)",
        "a, *b = target\nassert a == f(1)",
        "assert f(1) < target",
        "assert all(abs(a - b) < 1 for a, b in zip(f(1), target))",
        "assert np.allclose(f(1), list(map(float, target)))",
        "assert f(1) == 3",
    ],
)
def test_nothing_is_derived_where_the_comparison_does_not_say_all_of_it(split_one, case):
    assert split_one(case).judge.derived is None


def test_what_runs_before_there_is_a_target_leaves_out_all_that_needs_one():
    source = "t = 1\na, b = target\nc = a * 2\ndef g(target):\n    return target * t"
    assert without_target(source) == "t = 1\ndef g(target):\n    return target * t"
