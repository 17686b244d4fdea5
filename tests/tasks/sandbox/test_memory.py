"""The memory for children is some of what is free."""

from pathlib import Path

import pytest

from tasks.sandbox.memory import available_memory_bytes, is_refused_for_others


def test_there_is_memory_and_not_more_than_is_free():
    path = Path("/proc/meminfo")
    if not path.exists():
        pytest.skip("no /proc here")
    (line,) = (row for row in path.read_text().splitlines() if row.startswith("MemTotal:"))
    assert 2**20 < available_memory_bytes() < int(line.split()[1]) * 1024


@pytest.mark.parametrize(("policy", "refused"), [("0\n", False), ("1\n", False), ("2\n", True)])
def test_only_strict_accounting_refuses_memory_for_others(tmp_path, policy, *, refused):
    path = tmp_path / "overcommit_memory"
    path.write_text(policy)
    assert is_refused_for_others(path) is refused
    assert not is_refused_for_others(tmp_path / "absent")
