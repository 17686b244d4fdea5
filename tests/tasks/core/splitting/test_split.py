"""Cases are cut so that the child never sees a target and the judge never needs the candidate."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from tasks.core.errors import DatasetError
from tasks.core.splitting.names import TARGET, binds, loads
from tasks.core.splitting.purity import is_verdict
from tasks.core.splitting.split import split_cases

DATA = Path(__file__).parents[4].parent / "shared" / "data" / "scicode"


def test_the_plainest_case(split_one):
    part = split_one("x = 3\nassert np.allclose(f(x), target)")
    assert part.child.source == "x = 3"
    assert part.child.ships == ("f(x)",)
    assert part.judge.source == ""
    assert part.judge.condition == "np.allclose(_shipped_1_0, target)"
    assert part.judge.text == "np.allclose(f(x), target)"
    assert part.judge.uses_target


@pytest.mark.parametrize(
    ("case", "child", "ships", "judge", "condition"),
    [
        pytest.param(
            "from scicode.compare.cmp import cmp_tuple_or_list\n"
            "assert cmp_tuple_or_list(f(1), target)",
            "", ("f(1)",), "", "cmp_tuple_or_list(S0, target)",
            id="imports of comparators are dropped",
        ),
        pytest.param(
            "a, b = target\nx, y = f(1)\nassert np.allclose(x, a) and y == b",
            "x, y = f(1)", ("x", "y"), "a, b = target", "np.allclose(S0, a) and S1 == b",
            id="names made from the target are the judge's",
        ),
        pytest.param(
            "ref = np.array([1.0, 2.0])\ntol = 0.1\nassert (np.abs(f(1) - ref) < tol).all()",
            "", ("f(1)",), "ref = np.array([1.0, 2.0])\ntol = 0.1",
            "(np.abs(S0 - ref) < tol).all()",
            id="glue that only the assert needs is dropped from the child",
        ),
        pytest.param(
            "t = 2.0\nassert (f(t) > t) == target",
            "t = 2.0", ("f(t)",), "t = 2.0", "(S0 > t) == target",
            id="glue that both need is with both",
        ),
        pytest.param(
            "ref = np.zeros(2)\nassert (f(ref) > ref).all()",
            "ref = np.zeros(2)", ("f(ref)", "ref"), "", "(S0 > S1).all()",
            id="what candidate code may have changed is shipped",
        ),
        pytest.param(
            "x = [1]\ny = x\nx += [2]\nassert f(1) < y",
            "x = [1]\ny = x\nx += [2]", ("f(1)", "y"), "", "S0 < S1",
            id="what another name has changed in place is shipped",
        ),
        pytest.param(
            "for i in range(3):\n    n = i\nassert f(1) < n",
            "for i in range(3):\n    n = i", ("f(1)", "n"), "", "S0 < S1",
            id="what a loop binds is shipped",
        ),
        pytest.param(
            "i = f(3)\na = [i for i in range(3)]\nassert i == target",
            "i = f(3)\na = [i for i in range(3)]", ("i",), "", "S0 == target",
            id="a comprehension does not bind its variables",
        ),
        pytest.param(
            "n: float = 1e-3\nassert f(1) < n",
            "", ("f(1)",), "n: float = 0.001", "S0 < n",
            id="an annotated constant is glue",
        ),
        pytest.param(
            "def inner(a):\n    return np.sum(a)\n"
            "def same(a, target):\n    return inner(a) == target\n"
            "assert same(f(1), target)",
            "", ("f(1)",),
            "def inner(a):\n    return np.sum(a)\n"
            "def same(a, target):\n    return inner(a) == target",
            "same(S0, target)",
            id="a helper moves to the judge with those that it calls",
        ),
        pytest.param(
            "target = np.abs(target)\nassert f(1) == target",
            "", ("f(1)",), "target = np.abs(target)", "S0 == target",
            id="a target made ready by the case is made ready by the judge",
        ),
        pytest.param(
            "def test():\n    from scicode.compare.cmp import are_dicts_close\n    x = f(1)\n"
            "    assert are_dicts_close(x, target)\ntest()",
            "_test_x = f(1)", ("_test_x",), "", "are_dicts_close(S0, target)",
            id="a test function becomes the case",
        ),
        pytest.param(
            "assert f(1) == target, f'wanted {target}'",
            "", ("f(1)",), "", "S0 == target",
            id="the message of an assert goes nowhere",
        ),
        pytest.param(
            "x = f(1)\nassert x[0] == target[0]\nassert x[1] == target[1]",
            "x = f(1)", ("x[0]", "x[1]"), "", "S0 == target[0] and S1 == target[1]",
            id="all asserts of a case hold together",
        ),
        pytest.param(
            "x = f(1)\nassert x == target\nx[0] = 5",
            "x = f(1)\n_shipped_1_0 = __import__('copy').deepcopy(x)\nx[0] = 5", ("_shipped_1_0",),
            "", "S0 == target",
            id="a value is taken where its assert stands",
        ),
        pytest.param(
            "x = f(1)\nassert x < g(x)",
            "x = f(1)\n_shipped_1_0 = __import__('copy').deepcopy(x)\n"
            "_shipped_1_1 = __import__('copy').deepcopy(g(x))", ("_shipped_1_0", "_shipped_1_1"),
            "", "S0 < S1",
            id="a value is taken before candidate code runs again",
        ),
    ],
)  # fmt: skip
def test_a_case_is_cut(split_one, case, child, ships, judge, condition):
    part = split_one(case)
    assert part.child.source == child
    assert part.child.ships == ships
    assert part.judge.source == judge
    assert part.judge.condition.replace("_shipped_1_", "S") == condition


def test_a_case_without_target_says_so(split_one):
    assert not split_one("assert f(1) == None").judge.uses_target
    assert not split_one("target = 5\nassert f(1) == target").judge.uses_target


def test_glue_of_an_earlier_case_serves_a_later_one(split):
    first, second = split("t = 2.0\nassert f(1) < t", "assert f(2) < t")
    assert first.child.source == second.child.source == ""
    assert first.judge.source == second.judge.source == "t = 2.0"


def test_a_name_made_from_one_target_may_be_set_anew_in_a_later_case(split):
    _, second = split("a, b = target\nassert f(1) == a", "a = 3\nassert f(a) == target")
    assert second.child.source == "a = 3"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("x = 3", "expected an assert at its top level"),
        ("assert f(1) ==", "is not valid Python"),
        ("assert f(1)\x00", "is not valid Python"),
        ("for x in y:\n    assert f(x) == target", "an assert inside `for x in y:…`"),
        ("if y:\n    assert f(1) == target", "an assert inside"),
        ("with y:\n    assert f(1) == target", "an assert inside"),
        ("try:\n    assert f(1) == target\nfinally:\n    pass", "an assert inside"),
        ("def test():\n    assert f(1)\ntest()\ntest()", "test function without arguments"),
        ("def test(x):\n    assert f(x)\ntest(1)", "test function without arguments"),
        ("def test():\n    assert f(1)", "an assert inside `def test"),
        ("f(target)\nassert f(1)", "uses the target outside of the assert"),
        ("for t in target:\n    f(t)\nassert f(1)", "uses the target outside of the assert"),
        ("del target\nassert f(1)", "uses the target outside of the assert"),
        ("x = [target]\nx.append(f(1))\nassert f(1)", "uses the target outside of the assert"),
        ("target += 1\nassert f(1) == target", "cannot be split"),
        ("x = f(target)\nassert x", "mixes the target with values of the candidate"),
        ("np = g\nassert f(1) == target", "the name of numpy"),
    ],
)  # fmt: skip
def test_a_case_that_cannot_be_cut_is_refused(split, case, message):
    with pytest.raises(DatasetError, match=r"case 2 of sub-step 1\.1") as caught:
        split("assert f(1)", case)
    assert message in str(caught.value)


def test_the_target_of_an_earlier_case_cannot_be_compared_with(split):
    with pytest.raises(DatasetError, match="made from the target of an earlier case"):
        split("a, b = target\nassert f(1) == a", "assert f(2) == a")


def spoil(values):
    values[0] = -1.0
    return 2.0


CANDIDATE = {"f": lambda x: np.asarray(x) * 2.0, "spoil": spoil}


@pytest.mark.parametrize(
    ("case", "target"),
    [
        ("assert np.allclose(f([1, 2]), target)", np.array([2.0, 4.0])),
        ("x = f(3)\nok = x > 5\nx = 0\nassert ok == target", True),
        ("x = [1.0]\ny = x\nx += [2.0]\nassert np.allclose(f(y), target) and len(y) == 2", [2, 4]),
        ("x = [1.0, 3.0]\nassert x[0] == 1 and spoil(x) == target", 2.0),
        ("x = [1.0]\nassert x[0] == 1\nspoil(x)\nassert x[0] == target", -1.0),
        ("n = 1\ndef g():\n    global n\n    n = 5\ng()\nassert f(n) == 10 and n == target", 5),
        ("i = 7\na = [i for i in range(3)]\nassert f(i) == target", 14.0),
        ("def half(a):\n    a /= 2\nr = f([2.0])\nhalf(r)\nassert r[0] == target", 2.0),
        ("target = np.sqrt(target)\nassert f(1) == target", 4.0),
        ("a1 = 1\n(a, b), *c = target\nassert f(a1) == b and a == 1 and c == [7]", ((1, 2.0), 7)),
        ("assert all(abs(a - b) < 1e-9 for a, b in zip(f([1, 2]), target))", [2.0, 4.0]),
        ("assert all(map(lambda a, b: a == b, f([1, 2]), target))", [2.0, 4.0]),
        ("x = None\nassert x is None or x[0] == target", 1.0),
        ("class T:\n    n = 4\nassert f(2) == T.n and target", 1.0),
        ("assert np.hypot(*f([3, 4])) == target", 10.0),
        ("x = f(1)\nassert x == target\nx = f(2)\nassert x == 4", 2.0),
        ("s = slice(1, None)\nassert np.allclose(f([1, 2])[s], target[s])", [9.0, 4.0]),
    ],
)  # fmt: skip
def test_both_parts_together_decide_as_the_case_does_in_one_piece(verdicts, case, target):
    exec(case, {"np": np, "target": target, **CANDIDATE})  # noqa: S102 - written above
    assert verdicts([case], CANDIDATE, target) == [True]


def real_steps():
    for name in ("problems_dev.jsonl", "problems_test.jsonl"):
        for line in (DATA / name).read_text(encoding="utf-8").splitlines():
            yield from (s for s in json.loads(line)["sub_steps"] if s["test_cases"])


# Its test function compares with literals of its own, inside a loop that returns.
DECIDED_BY_THE_CHILD = {("72.1", 4)}


def decided_by_the_child(part):
    """Whether what is shipped is a judgement that the child has made."""
    body = ast.parse(part.child.source).body
    ships = [ast.parse(ship, mode="eval").body for ship in part.child.ships]
    stored = {
        name: s.value for s in body if isinstance(s, ast.Assign) and len(s.targets) == 1
        for name in binds(s)
    }  # fmt: skip
    values = [stored.get(s.id, s) if isinstance(s, ast.Name) else s for s in ships]
    returning = {
        s.name for s in body if isinstance(s, ast.FunctionDef)
        and any(isinstance(n, ast.Return) and isinstance(n.value, ast.Constant)
                and isinstance(n.value.value, bool) for n in ast.walk(s))
    }  # fmt: skip
    return any(is_verdict(n, returning) for v in values for n in ast.walk(v))


@pytest.mark.skipif(not DATA.is_dir(), reason="needs SciCode's problems in ../shared/data")
def test_every_case_of_scicode_is_cut_without_a_leak():
    counted = 0
    decided = set()
    for step in real_steps():
        parts = split_cases(step["step_number"], step["test_cases"])
        for number, part in enumerate(parts, 1):
            counted += 1
            tainted = {TARGET}
            for statement in ast.parse(part.judge.source).body:
                if loads(statement) & tainted:
                    tainted |= binds(statement)
            child = ast.parse("\n".join([part.child.source, *part.child.ships]))
            names = {n.id for n in ast.walk(child) if isinstance(n, ast.Name)}
            assert TARGET not in names
            # Cases of one sub-step use such names again, for values of the candidate.
            stored = {name for s in child.body for name in binds(s)}
            assert not names & (tainted - stored)
            assert part.judge.derived or not part.judge.uses_target
            if decided_by_the_child(part):
                decided.add((step["step_number"], number))
    # 167 cases of the 50 dev sub-steps, 915 of the 288 test sub-steps that are not given.
    assert counted == 1082
    assert decided == DECIDED_BY_THE_CHILD
