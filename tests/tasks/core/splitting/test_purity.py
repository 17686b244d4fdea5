"""What the judge may evaluate itself, what is a judgement, and what no callee can change."""

import ast

import pytest

from tasks.core.splitting.names import COMPARATORS, PURE_BUILTINS
from tasks.core.splitting.purity import changes_in_place, is_immutable, is_pure, is_verdict

FUNCTIONS = PURE_BUILTINS | COMPARATORS | {"helper"}


def expression(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


@pytest.mark.parametrize(
    "source",
    [
        "np.linspace(0, 1, 5) * 2 + 1j",
        "(1, [2], {'a': known}, {3})",
        "known[1:].sum().item()",
        "[i ** 2 for i in range(3) if i < known]",
        "sorted(known, key=lambda x, y=1: x + y)",
        "list(map(float, known))",
        "helper(known)",
        "f'{known:.2f}'",
        "np.linalg.norm(known, axis=0)",
    ],
)
def test_glue_over_known_names_is_pure(source):
    assert is_pure(expression(source), lambda name: name == "known", FUNCTIONS)


@pytest.mark.parametrize(
    "source",
    [
        "f(1)",
        "unknown + 1",
        "np.random.rand()",
        "np.add(1, 2, out=known)",
        "np.add.at(known, 0, 1)",
        "np.fill_diagonal(known, 0)",
        "known.sort()",
        "[f(i) for i in range(3)]",
        "lambda x: unknown",
        "lambda x=unknown: x",
        "(y := 3)",
        "open('x')",
    ],
)
def test_candidate_code_and_side_effects_are_not_pure(source):
    assert not is_pure(expression(source), lambda name: name == "known", FUNCTIONS)


@pytest.mark.parametrize(
    ("source", "judges"),
    [
        ("a < b", True),
        ("a and b", True),
        ("not a", True),
        ("-a", False),
        ("np.isclose(a, b)", True),
        ("(a > 1).all()", True),
        ("cmp_tuple_or_list(a, b)", True),
        ("same(a, b)", True),
        ("np.sum(a)", False),
        ("f(a)", False),
    ],
)
def test_a_judgement_is_a_comparison_or_what_answers_yes_or_no(source, judges):
    assert is_verdict(expression(source), frozenset({"same"})) is judges


@pytest.mark.parametrize(
    ("source", "fixed"),
    [
        ("(1, -2.5, 'x')", True),
        ("np.pi / 2 * k", True),
        ("np.sqrt(k)", True),
        ("float('inf')", True),
        ("[1]", False),
        ("np.array(1)", False),
        ("f(1)", False),
    ],
)
def test_numbers_strings_and_tuples_of_them_are_immutable(source, fixed):
    assert is_immutable(expression(source), lambda name: name == "k") is fixed


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ("return np.sum(a)", False),
        ("b = a / 2\n    return b.mean()", False),
        ("a /= 2", True),
        ("a[0] = 1", True),
        ("a.sort()", True),
        ("np.abs(a, out=a)", True),
        ("del a[0]", True),
    ],
)
def test_a_function_that_may_change_its_arguments_is_known(body, changes):
    node = ast.parse(f"def f(a):\n    {body}").body[0]
    assert isinstance(node, ast.FunctionDef)
    assert changes_in_place(node) is changes
