"""OpenBLAS is pinned where the processor can do what the pinned one does."""

import pytest

from tasks.sandbox.blas_core import choose_blas_core

WITH = "processor\t: 0\nflags\t\t: fpu sse2 fma avx avx2\nprocessor\t: 1\nflags\t\t: fpu\n"


@pytest.mark.parametrize(
    ("machine", "text", "core"),
    [
        ("x86_64", WITH, "Haswell"),
        ("AMD64", WITH, "Haswell"),
        ("aarch64", WITH, None),
        ("x86_64", WITH.replace("fma ", ""), None),
        ("x86_64", WITH.replace(" avx2", " avx2_like"), None),
        ("x86_64", "", None),
    ],
)
def test_the_pin_needs_the_machine_and_both_of_its_abilities(tmp_path, machine, text, core):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(text)
    assert choose_blas_core(machine, cpuinfo) == core


def test_a_host_that_says_nothing_of_its_processor_gets_no_pin(tmp_path):
    assert choose_blas_core("x86_64", tmp_path / "absent") is None
