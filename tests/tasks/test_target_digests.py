"""Digests of targets are computed once for each content of a file."""

import json
import logging
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError, TargetError
from tasks.target_digests import target_digests
from tasks.targets import TargetFile, write_targets

SHA = "c" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "targets.h5"
    write_targets(path, {"1.1": [1.0], "1.2": [2.0], "1.3": [3.0]})
    return path


def steps_in(folder: Path) -> set[str]:
    return set(json.loads((folder / f"{SHA}.json").read_text())["steps"])


def test_the_digests_are_those_of_the_file(path: Path, tmp_path: Path) -> None:
    with TargetFile(path) as file:
        expected = {step_id: file.digest(step_id) for step_id in ("1.1", "1.3")}
    assert target_digests(path, SHA, ["1.1", "1.3"], tmp_path / "kept") == expected
    assert steps_in(tmp_path / "kept") == {"1.1", "1.3"}


def test_known_digests_need_no_file(path: Path, tmp_path: Path) -> None:
    first = target_digests(path, SHA, ["1.1", "1.2"], tmp_path)
    path.unlink()
    assert target_digests(path, SHA, ["1.2"], tmp_path) == {"1.2": first["1.2"]}


def test_only_missing_digests_are_computed_and_added(path: Path, tmp_path: Path) -> None:
    first = target_digests(path, SHA, ["1.1"], tmp_path)
    # A file of other content under the same name shows which digests come from it.
    write_targets(path, {"1.1": [7.0], "1.2": [2.0]})
    second = target_digests(path, SHA, ["1.1", "1.2"], tmp_path)
    assert second["1.1"] == first["1.1"]
    assert steps_in(tmp_path) == {"1.1", "1.2"}


def test_a_file_of_other_content_has_digests_of_its_own(path: Path, tmp_path: Path) -> None:
    first = target_digests(path, SHA, ["1.1", "1.2"], tmp_path)
    write_targets(path, {"1.1": [7.0], "1.2": [2.0]})
    second = target_digests(path, "d" * 64, ["1.1", "1.2"], tmp_path)
    assert second["1.1"] != first["1.1"]
    assert second["1.2"] == first["1.2"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"steps": {}}',
        json.dumps({"digest_version": 0, "file_sha256": SHA, "steps": {}}),
        json.dumps({"digest_version": 1, "file_sha256": "d" * 64, "steps": {}}),
        json.dumps({"digest_version": 1, "file_sha256": SHA, "steps": {"1.1": "abc"}}),
        json.dumps({"digest_version": 1, "file_sha256": SHA, "steps": {"1.1": 3}}),
    ],
)
def test_damaged_digests_are_computed_again_with_a_warning(
    content: str, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = target_digests(path, SHA, ["1.1"], tmp_path)
    memo = tmp_path / f"{SHA}.json"
    memo.write_text(content)
    assert target_digests(path, SHA, ["1.1"], tmp_path) == whole
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(memo) in caplog.text
    assert target_digests(path, SHA, ["1.1"], tmp_path) == whole
    assert len(caplog.records) == 1


def test_a_sub_step_without_targets_is_an_error_that_keeps_nothing(
    path: Path, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match=r"expected a target at 9\.9, found none"):
        target_digests(path, SHA, ["1.1", "9.9"], tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_cannot_be_written_is_a_wrong_configuration(path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot keep digests of targets in"):
        target_digests(path, SHA, ["1.1"], path / "folder")
