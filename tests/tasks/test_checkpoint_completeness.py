"""A half-written checkpoint is left alone, whatever half of it is there."""

import json
import struct
import time
import zipfile
from pathlib import Path

import pytest

from tasks.checkpoint_completeness import (
    changed_at,
    is_later_shard,
    is_temporary,
    why_incomplete,
)

SETTLE_S = 300.0


def write_safetensors(path: Path, size: int = 16) -> None:
    """Write a tensor of bytes as the library does: length, header, data."""
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": tensor}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))


def later(path: Path) -> str | None:
    """Look at a checkpoint as if an hour had gone by."""
    return why_incomplete(path, SETTLE_S, time.time() + 3600)


def shard(number: int, total: int, suffix: str = "safetensors") -> str:
    return f"model-{number:05}-of-{total:05}.{suffix}"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return a checkpoint of two shards with an index, as trainers leave it."""
    folder = tmp_path / "step-100"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    for number in (1, 2):
        write_safetensors(folder / shard(number, 2))
    weight_map = {"a": shard(1, 2), "b": shard(2, 2)}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def test_a_whole_checkpoint_is_complete(whole: Path) -> None:
    assert later(whole) is None


def test_hidden_files_do_not_matter(whole: Path) -> None:
    """A hub leaves its locks and half files in `.cache`."""
    hidden = whole / ".cache" / "x.incomplete"
    hidden.parent.mkdir()
    hidden.write_text("")
    (whole / ".gitattributes").write_text("")
    assert later(whole) is None


def test_a_checkpoint_settles_first(whole: Path) -> None:
    now = time.time()
    reason = why_incomplete(whole, SETTLE_S, now)
    assert reason is not None
    assert reason.endswith("s ago, less than 300 s")
    assert why_incomplete(whole, 0, now + 1) is None


@pytest.mark.parametrize("name", ["tmp-step-100", "step-100.tmp", "step.incomplete", ".step-100"])
def test_a_temporary_name_is_left(whole: Path, name: str) -> None:
    assert is_temporary(name)
    assert later(whole.rename(whole.with_name(name))) == "its name is that of a temporary one"


def test_a_temporary_file_inside_is_waited_for(whole: Path) -> None:
    (whole / "optimizer.tmp").write_text("")
    assert later(whole) == "optimizer.tmp is temporary"


def test_shards_that_the_index_names_are_there_and_not_empty(whole: Path) -> None:
    (whole / shard(2, 2)).write_bytes(b"")
    assert later(whole) == (
        "model.safetensors.index.json names shards that are absent or empty: "
        "model-00002-of-00002.safetensors"
    )


def test_shards_are_missed_before_the_index_is_written(whole: Path) -> None:
    (whole / "model.safetensors.index.json").unlink()
    (whole / shard(1, 2)).unlink()
    assert later(whole) == "shards are absent: model-00001-of-00002.safetensors"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_half_a_json_file_is_seen(whole: Path, name: str) -> None:
    (whole / name).write_text('{"weight_map": {"a"')
    assert later(whole) == f"{name} is no JSON object"


def test_a_configuration_is_needed(whole: Path) -> None:
    (whole / "config.json").unlink()
    assert later(whole) == "it has no config.json"


def test_weights_are_needed(tmp_path: Path) -> None:
    folder = tmp_path / "step"
    folder.mkdir()
    assert later(folder) == "it has no weights"


@pytest.mark.parametrize("cut", [0, 4, 8, 50, -1])
def test_a_truncated_safetensors_file_is_seen(whole: Path, cut: int) -> None:
    (whole / "model.safetensors.index.json").unlink()
    file = whole / shard(2, 2)
    file.write_bytes(file.read_bytes()[:cut])
    reason = later(whole)
    assert reason is not None
    assert reason.startswith("model-00002-of-00002.safetensors has ")


def test_a_safetensors_file_with_something_behind_it_is_seen(whole: Path) -> None:
    """8 + 102 bytes of length and header, 16 of data, and one more."""
    file = whole / shard(1, 2)
    length = len(file.read_bytes())
    file.write_bytes(file.read_bytes() + b"x")
    reason = f"{file.name} has {length + 1} bytes, its header says {length}"
    assert later(whole) == reason


@pytest.mark.parametrize("header", [b"[]", b'{"w": 1}', b'{"w": {"data_offsets": []}}', b"\xff"])
def test_a_header_of_something_else_is_seen(tmp_path: Path, header: bytes) -> None:
    folder = tmp_path / "step"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    assert (later(folder) or "").startswith("model.safetensors has ")


def test_a_truncated_archive_of_tensors_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "step"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    file = folder / "pytorch_model.bin"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data", bytes(1000))
    assert later(folder) is None
    file.write_bytes(file.read_bytes()[:500])
    assert later(folder) == "pytorch_model.bin is cut off: its directory is absent"


def test_a_gguf_file_is_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF and so on")
    assert later(file) is None
    assert later(tmp_path) is None
    file.write_bytes(b"half")
    assert later(file) == "model.gguf does not start as a GGUF file"
    file.write_bytes(b"")
    assert later(file) == "model.gguf is empty"


def test_a_split_gguf_file_needs_all_its_parts(tmp_path: Path) -> None:
    first = tmp_path / shard(1, 2, "gguf")
    first.write_bytes(b"GGUF")
    assert later(first) == "shards are absent: model-00002-of-00002.gguf"
    (tmp_path / shard(2, 2, "gguf")).write_bytes(b"GGUF")
    assert later(first) is None
    assert [is_later_shard(tmp_path / shard(n, 2, "gguf")) for n in (1, 2)] == [False, True]


def test_what_cannot_be_read_is_a_reason_to_wait(tmp_path: Path) -> None:
    assert later(tmp_path / "absent.gguf") == (
        f"{tmp_path / 'absent.gguf'} cannot be read: No such file or directory"
    )


def test_the_newest_file_dates_a_checkpoint(whole: Path) -> None:
    import os

    for file in whole.iterdir():
        os.utime(file, (1000, 1000))
    os.utime(whole / "config.json", (2000, 2000))
    assert changed_at(whole) == 2000
