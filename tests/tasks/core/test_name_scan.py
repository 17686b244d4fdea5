import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.name_scan import scan_names
from tasks.core.token_scan import MOST_CHARACTERS


def test_a_function_loads_what_it_does_not_bind_itself() -> None:
    scan = scan_names(
        "def f(a, b=G, *rest, **more):\n"
        '    """calls g(x)"""\n'
        "    x, (y, z) = g(a), h.k(b, key=w)\n"
        "    for i, j in enumerate(rest):\n"
        "        q[i] = lambda u, v=D: u + v + E\n"
        "    def inner(c):\n"
        "        return c + outer\n"
        "    with lock as held: total = held\n"
        "    return x.y + z\n"
    )
    assert dict(scan.defines) == {"f": frozenset("G g h w enumerate q D E outer lock".split())}
    assert scan.runs == frozenset()


def test_comprehensions_and_walrus_bind_their_names() -> None:
    scan = scan_names("def f(m):\n    return [p(n) for n in m if (k := n) > low]\n")
    assert scan.defines["f"] == {"p", "low"}


def test_a_name_declared_global_is_no_local_one() -> None:
    assert scan_names("def f():\n    global C\n    C = C + 1\n").defines["f"] == {"C"}


def test_names_of_one_method_hide_none_of_another() -> None:
    code = "class A(Base):\n    K = const\n    def m(self, dist):\n        return dist\n"
    scan = scan_names(f"{code}    def n(self):\n        return dist(self.m)\n")
    assert dict(scan.defines) == {"A": frozenset({"Base", "const", "dist"})}


def test_top_level_assignments_define_and_other_statements_run() -> None:
    scan = scan_names("A = B = f(3)\nC: int = 4\nd[k] = A\nprint(z)\nif t: u = v\n")
    assert dict(scan.defines) == {
        "A": frozenset({"f"}),
        "B": frozenset({"f"}),
        "C": frozenset({"int"}),
        "u": frozenset({"t", "v"}),
    }
    assert scan.runs == {"d", "k", "A", "print", "z"}
    assert scan.loads == {"f", "int", "t", "v", "d", "k", "A", "print", "z"}


def test_a_code_that_stops_in_a_call_still_defines() -> None:
    scan = scan_names("def f(x):\n    return g((x + y.T\n")
    assert dict(scan.defines) == {"f": frozenset({"g", "y"})}


SNIPPETS = (
    "def class async lambda for in as import from global : := ( ) [ ] { } = == . , * ** ; \\ ' \""
    " ''' a b \n \t é if else @ 1"
).split(" ")


@given(st.lists(st.sampled_from(SNIPPETS)).map(" ".join) | st.text())
def test_any_text_can_be_scanned(text: str) -> None:
    scan = scan_names(text)
    assert all(name in text for name in scan.loads | set(scan.defines))


@pytest.mark.parametrize("unit", ["lambda ", "for ", "def f(", "(lambda ", "a,", "x for y "])
def test_hostile_repetition_is_scanned_in_time(unit: str) -> None:
    started = time.process_time()
    scan_names(unit * (MOST_CHARACTERS // len(unit)))
    assert time.process_time() - started < 10
