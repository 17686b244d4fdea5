"""The memory for children is some of what is free."""

from pathlib import Path

import pytest

from tasks.sandbox.memory import available_memory_bytes


def test_there_is_memory_and_not_more_than_is_free():
    path = Path("/proc/meminfo")
    if not path.exists():
        pytest.skip("no /proc here")
    (line,) = (row for row in path.read_text().splitlines() if row.startswith("MemTotal:"))
    assert 2**20 < available_memory_bytes() < int(line.split()[1]) * 1024
