"""Which names a piece of Python reads and binds, by the rules of its own scopes."""

import ast

import pytest

from tasks.core.splitting.names import (
    binds,
    dotted,
    free_names,
    function_locals,
    loads,
    rebound_by_functions,
)


def statement(source: str) -> ast.stmt:
    return ast.parse(source).body[0]


def function(source: str) -> ast.FunctionDef:
    node = statement(source)
    assert isinstance(node, ast.FunctionDef)
    return node


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = a + b[c].d", {"a", "b", "c"}),
        ("x = [i + a for i in y if i < b]", {"a", "b", "y"}),
        ("x = [i for i in i]", {"i"}),
        ("x = {k: v for k, v in pairs}", {"pairs"}),
        ("x = lambda a, b=c: a + b + d", {"c", "d"}),
        ("def f(a, b=c):\n    d = a\n    return d + e", {"c", "e"}),
        ("x += 1", {"x"}),
        ("x[i] = 1", {"x", "i"}),
        ("del x", {"x"}),
    ],
)
def test_reads_are_those_that_reach_outside(source, names):
    assert loads(statement(source)) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a = b = 1", {"a", "b"}),
        ("(a, [b, *c]) = x", {"a", "b", "c"}),
        ("a[0].b = 1", {"a"}),
        ("a += 1", {"a"}),
        ("del a", {"a"}),
        ("x = [i for i in y]", {"x"}),
        ("x = [(last := i) for i in y]", {"x", "last"}),
        ("x = lambda: (inner := 1)", {"x"}),
        ("for i in y:\n    z = i", {"i", "z"}),
        ("import os.path, json as j", {"os", "j"}),
        ("from m import a as b", {"b"}),
        ("def f(a):\n    b = 1", {"f"}),
        ("class C:\n    a = 1", {"C"}),
        ("with open('x') as g:\n    pass", {"g"}),
        ("try:\n    a = 1\nexcept ValueError as e:\n    pass", {"a", "e"}),
        ("match x:\n    case [a, *b] as c:\n        pass", {"a", "b", "c"}),
    ],
)
def test_a_statement_binds_what_the_namespace_holds_after_it(source, names):
    assert binds(statement(source)) == names


def test_locals_of_a_function_include_those_of_nested_scopes():
    node = function("def f(a):\n    b = [i for i in a]\n    def g(c):\n        d = c\n    return g")
    assert function_locals(node) == {"a", "b", "i", "g", "c", "d"}


def test_a_global_name_is_not_local():
    node = function("def f():\n    global n\n    n = 1\n    m = 2")
    assert function_locals(node) == {"m"}
    assert rebound_by_functions(node) == {"n"}


def test_free_names_leave_out_plain_builtins_and_exceptions_but_not_open():
    node = function("def f(a):\n    if not len(a): raise ValueError(g)\n    return open(a), f(a)")
    assert free_names(node) == {"g", "open"}


@pytest.mark.parametrize(
    ("source", "parts"),
    [("np.linalg.norm", ("np", "linalg", "norm")), ("f().a", ()), ("a", ("a",))],
)
def test_a_dotted_name_is_read_from_its_root(source, parts):
    assert dotted(ast.parse(source, mode="eval").body) == parts
