"""What of an assert is shipped, and what stays with the judge."""

import pytest

from tasks.core.errors import DatasetError


@pytest.mark.parametrize(
    ("condition", "ships", "judged"),
    [
        # Of a judgement the operands are shipped.
        ("f(1) > 2", ("f(1)",), "S0 > 2"),
        ("0 < f(1) < 1", ("f(1)",), "0 < S0 < 1"),
        ("not f(1)", ("f(1)",), "not S0"),
        ("not np.isnan(f(1)).any()", ("f(1)",), "not np.isnan(S0).any()"),
        ("np.isclose(x, 3) == target", ("x",), "np.isclose(S0, 3) == target"),
        ("(x > y, np.sum(x) < 1) == target", ("x", "y"), "(S0 > S1, np.sum(S0) < 1) == target"),
        ("(1 if x > y else 0) == target", ("x", "y"), "(1 if S0 > S1 else 0) == target"),
        ("int(x > y) == target", ("x", "y"), "int(S0 > S1) == target"),
        ("all(i > 1 for i in x) == target", ("x",), "all((i > 1 for i in S0)) == target"),
        ("(x[x > 1] > 0).all() == target", ("x",), "(S0[S0 > 1] > 0).all() == target"),
        ("isinstance(x, (float, np.ndarray))", ("x",), "isinstance(S0, (float, np.ndarray))"),
        # What is compared with the target is shipped whole.
        ("np.allclose(np.sum(x) * 2, target)", ("np.sum(x) * 2",), "np.allclose(S0, target)"),
        ("(*x, 2) == target", ("(*x, 2)",), "S0 == target"),
        (
            "np.allclose(a=x, b=target, rtol=1e-3)",
            ("x",),
            "np.allclose(a=S0, b=target, rtol=0.001)",
        ),
        # A relation without the target is taken apart, so that its constants are the case's.
        ("np.abs(x - 2.5).max() < 1e-3", ("x",), "np.abs(S0 - 2.5).max() < 0.001"),
        ("np.hypot(*x) > 3", ("x",), "np.hypot(*S0) > 3"),
        ("len(x) == 3", ("x",), "len(S0) == 3"),
        # Objects of the candidate do not cross: their items, methods and conversions do.
        ("x.size() > 3", ("x.size()",), "S0 > 3"),
        ("str(x) == 'a'", ("str(x)",), "S0 == 'a'"),
        ("isinstance(x, Block)", ("isinstance(x, Block)",), "S0"),
        # Functions of the judge may stand as values.
        (
            "np.allclose(x, list(map(float, target)))",
            ("x",),
            "np.allclose(S0, list(map(float, target)))",
        ),
        (
            "all(map(lambda a, b: abs(a - b) < 1, x, target))",
            ("x",),
            "all(map(lambda a, b: abs(a - b) < 1, S0, target))",
        ),
        # A value that the case may not get as far as to read is not read before.
        ("x is None or x[0] > 3", ("x",), "S0 is None or S0[0] > 3"),
    ],
)
def test_operands_are_shipped_and_the_judgement_is_not(split_one, condition, ships, judged):
    part = split_one(f"assert {condition}")
    assert part.child.ships == ships
    assert part.judge.condition.replace("_shipped_1_", "S") == judged


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("compare(f(1), target)", "hands the target to code that the judge does not have"),
        ("(lambda: f(1) == target)()", "hands the target to code"),
        ("all(f(a) > b for a, b in target)", "calls candidate code for each element"),
        ("f'{f(1) > 2}' == target", "stands around a comparison"),
        ("(y := f(1)) == target", "binds a name inside an assert"),
    ],
)
def test_what_cannot_be_lifted_is_refused_with_its_reason(split_one, condition, message):
    with pytest.raises(DatasetError, match=message):
        split_one(f"assert {condition}")


def test_two_calls_are_shipped_twice_since_they_may_differ(split_one):
    part = split_one("assert f(1) == f(1)")
    assert len(part.judge.slots) == 2


def test_one_name_is_shipped_once_for_an_assert(split_one):
    assert split_one("assert np.allclose(x, -x)").judge.slots == ("_shipped_1_0",)


def test_a_stored_judgement_is_replaced_by_its_operands(split_one):
    part = split_one("x = f(1)\nok = x > 0\nassert ok == target")
    assert part.child.ships == ("x",)
    assert part.judge.condition == "(_shipped_1_0 > 0) == target"


def test_a_stored_judgement_of_a_call_ships_what_the_call_returned(split_one):
    part = split_one("ok = f(1) > 0\nassert ok == target")
    assert part.child.source.startswith("_value_1_0 = f(1)\n")
    assert part.child.ships == ("_value_1_0",)
    assert part.judge.condition == "(_shipped_1_0 > 0) == target"


def test_a_stored_judgement_whose_operands_have_changed_keeps_its_value(split_one):
    part = split_one("x = f(1)\nok = x > 0\nx = 3\nassert ok == target")
    assert part.child.ships == ("ok",)
