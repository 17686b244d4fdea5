"""A file is whole or absent, and one that cannot be read is nothing but lost."""

import json
import logging
import stat
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError
from tasks.durable_files import keep, read_kept, replacing


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_kept_is_found_with_nothing_beside_it(tmp_path: Path, *, durable: bool) -> None:
    path = tmp_path / "a" / "b" / "entry.json"
    keep(path, '{"x": 1}', "an entry", durable=durable)
    assert read_kept(path, json.loads) == {"x": 1}
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_absent_file_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_kept(tmp_path / "absent", json.loads) is None
    assert not caplog.records


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_passed_over_with_one_warning(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "entry.json"
    path.write_bytes(content)
    assert read_kept(path, json.loads) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(path) in caplog.text


def test_a_folder_in_place_of_the_file_is_passed_over(tmp_path: Path) -> None:
    assert read_kept(tmp_path, json.loads) is None


def test_a_folder_in_place_of_the_file_is_moved_aside_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "entry.json"
    path.mkdir()
    (path / "inner").touch()
    keep(path, "{}", "an entry")
    assert read_kept(path, json.loads) == {}
    assert [inner.name for inner in tmp_path.glob(".entry.json-folder-*/*")] == ["inner"]


def test_a_link_to_a_folder_is_replaced_and_the_folder_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "entry.json"
    path.symlink_to(tmp_path / "elsewhere")
    keep(path, "{}", "an entry")
    assert not path.is_symlink()
    assert read_kept(path, json.loads) == {}
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_where_the_folder_should_be_is_a_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot keep an entry in .*; make room there"):
        keep(tmp_path / "file" / "entry.json", "{}", "an entry")


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path, mode=0o644) as file:
        file.write(b"ne")
        file.flush()
        assert path.read_text() == "old"
        file.write(b"w")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def break_off(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"half of")
        raise KeyboardInterrupt


def test_a_writer_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        break_off(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
