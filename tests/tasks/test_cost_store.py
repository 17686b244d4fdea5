"""What programs took is remembered, and what several runs learn at once is not lost."""

import json
import logging
import multiprocessing
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError
from tasks.cost_store import CostStore, merge_costs
from tasks.sandbox.admission import Cost

SHA = "e" * 64
LONG, SHORT, BIG = Cost(30.5, 2**20), Cost(0.02, 2**20), Cost(1.0, 2**31)


def test_costs_come_back_equal(tmp_path: Path) -> None:
    CostStore(tmp_path / "costs").save(SHA, {}, {"10.11": BIG, "51.4": LONG})
    assert CostStore(tmp_path / "costs").load(SHA) == {"10.11": BIG, "51.4": LONG}


def test_nothing_is_known_at_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert CostStore(tmp_path / "absent").load(SHA) == {}
    assert not caplog.records


def test_each_environment_has_costs_of_its_own(tmp_path: Path) -> None:
    store = CostStore(tmp_path)
    store.save(SHA, {}, {"1.1": LONG})
    store.save("f" * 64, {}, {"1.1": SHORT})
    assert store.load(SHA) == {"1.1": LONG}
    assert store.load("f" * 64) == {"1.1": SHORT}


def test_what_a_run_has_not_touched_stays(tmp_path: Path) -> None:
    store = CostStore(tmp_path)
    store.save(SHA, {}, {"1.1": LONG, "1.2": BIG})
    known = store.load(SHA)
    store.save(SHA, known, {"1.1": SHORT})
    assert store.load(SHA) == {"1.1": SHORT, "1.2": BIG}


@pytest.mark.parametrize(
    ("stored", "known", "learnt", "kept"),
    [
        ({}, {}, {"a": LONG}, {"a": LONG}),
        # Nobody else was there: what was forgotten is forgotten.
        ({"a": LONG}, {"a": LONG}, {"a": SHORT}, {"a": SHORT}),
        # Another run has learnt too: the greater of both, part by part.
        ({"a": LONG}, {}, {"a": BIG}, {"a": Cost(30.5, 2**31)}),
        ({"a": LONG}, {"a": BIG}, {"a": SHORT}, {"a": LONG}),
        # This run has learnt nothing.
        ({"a": SHORT}, {"a": LONG}, {"a": LONG}, {"a": SHORT}),
        ({}, {"a": LONG}, {"a": LONG}, {}),
        ({"b": BIG}, {}, {"a": LONG}, {"a": LONG, "b": BIG}),
    ],
)
def test_what_two_runs_learn_is_merged(
    stored: dict[str, Cost], known: dict[str, Cost], learnt: dict[str, Cost], kept: dict[str, Cost]
) -> None:
    assert merge_costs(stored, known, learnt) == kept


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        json.dumps({"store_version": 0, "steps": {}}),
        json.dumps({"store_version": 1, "steps": {"1.1": [1, 2]}}),
        json.dumps({"store_version": 1, "steps": {"1.1": {"duration_s": -1, "peak_bytes": 1}}}),
        json.dumps({"store_version": 1, "steps": {"1.1": {"duration_s": 1, "peak_bytes": 0.5}}}),
        '{"store_version": 1, "steps": {"1.1": {"duration_s": NaN, "peak_bytes": 1}}}',
    ],
)
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"{SHA}.json"
    path.write_text(content)
    store = CostStore(tmp_path)
    assert store.load(SHA) == {}
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(path) in caplog.text
    store.save(SHA, {}, {"1.1": LONG})
    assert store.load(SHA) == {"1.1": LONG}


def save_many(root: Path, name: str) -> None:
    store = CostStore(root)
    for number in range(30):
        known = store.load(SHA)
        store.save(SHA, known, {**known, f"{name}.{number}": SHORT})


def test_runs_that_save_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    runs = [spawn.Process(target=save_many, args=(tmp_path, name)) for name in "12"]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert set(CostStore(tmp_path).load(SHA)) == {f"{n}.{m}" for n in "12" for m in range(30)}


def test_a_folder_that_cannot_be_written_is_a_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot keep costs in"):
        CostStore(tmp_path / "file" / "costs").save(SHA, {}, {"1.1": LONG})
