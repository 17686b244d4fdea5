"""Which changes of a checkpoint's files make it another checkpoint."""

import os
import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from tasks.checkpoint_files import identify_checkpoint
from tasks.core.errors import ConfigError

identify = partial(identify_checkpoint, hash_weights=False)
identify_by_content = partial(identify_checkpoint, hash_weights=True)


@pytest.fixture
def folder(tmp_path):
    """A small checkpoint in the form of a hub's."""
    folder = tmp_path / "step-100"
    (folder / "original").mkdir(parents=True)
    (folder / "config.json").write_text('{"layers": 2}')
    (folder / "model.safetensors.index.json").write_text("{}")
    (folder / "model-00001.safetensors").write_bytes(b"weights")
    (folder / "original" / "params.PT").write_bytes(b"others")
    return folder


def set_time(path, seconds):
    os.utime(path, (seconds, seconds))


def test_an_identity_is_a_sha256_with_a_prefix(folder):
    assert re.fullmatch(r"files:[0-9a-f]{64}", identify(folder))
    assert identify(folder) == identify(folder)


@pytest.mark.parametrize("of", [identify, identify_by_content])
def test_a_copy_under_another_name_is_the_same_checkpoint(folder, tmp_path, of):
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(folder, copy)  # it keeps the times
    assert of(copy) == of(folder)


@pytest.mark.parametrize("of", [identify, identify_by_content])
@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "config.json").write_text('{"layers": 3}'),
        lambda folder: (folder / "model.safetensors.index.json").write_text("[]"),
        lambda folder: (folder / "model-00001.safetensors").write_bytes(b"longer weights"),
        lambda folder: (folder / "original" / "params.PT").unlink(),
        lambda folder: (folder / "chat_template.jinja").touch(),
        lambda folder: (folder / "model-00001.safetensors").rename(folder / "model.safetensors"),
        lambda folder: (folder / "config.json").rename(folder / "original" / "config.json"),
    ],
)
def test_any_other_file_or_content_is_another_checkpoint(folder, change, of):
    before = of(folder)
    change(folder)
    assert of(folder) != before


def test_the_times_of_weights_count_unless_they_are_read(folder):
    weights = folder / "original" / "params.PT"
    set_time(weights, 1000)
    before, before_by_content = identify(folder), identify_by_content(folder)
    set_time(weights, 2000)
    assert identify(folder) != before
    assert identify_by_content(folder) == before_by_content


def test_weights_of_the_same_size_and_time_are_told_apart_by_content_only(folder):
    weights = folder / "model-00001.safetensors"
    set_time(weights, 1000)
    before, before_by_content = identify(folder), identify_by_content(folder)
    weights.write_bytes(b"WEIGHTS")
    set_time(weights, 1000)
    assert identify(folder) == before
    assert identify_by_content(folder) != before_by_content


def test_the_time_of_a_small_file_does_not_count(folder):
    before = identify(folder)
    set_time(folder / "config.json", 1000)
    assert identify(folder) == before


def test_hidden_files_and_folders_do_not_count(folder):
    before = identify(folder)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("main")
    (folder / ".gitattributes").write_text("*.safetensors")
    assert identify(folder) == before


def test_a_pipe_in_the_folder_is_no_file_of_the_checkpoint(folder):
    before = identify(folder)
    os.mkfifo(folder / "control")
    assert identify(folder) == before


def test_a_snapshot_of_links_is_the_checkpoint_that_it_points_to(folder, tmp_path):
    snapshot = tmp_path / "models--x" / "snapshots" / "abc"
    blobs = tmp_path / "models--x" / "blobs"
    blobs.mkdir(parents=True)
    (snapshot / "original").mkdir(parents=True)
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    for number, name in enumerate(names):
        shutil.copy2(folder / name, blobs / str(number))
        up = "../" * (len(name.parts) + 1)
        (snapshot / name).symlink_to(f"{up}blobs/{number}")
    assert identify(snapshot) == identify(folder)
    (blobs / str(names.index(next(n for n in names if n.name == "config.json")))).write_text("{}")
    assert identify(snapshot) != identify(folder)


def test_a_link_to_the_folder_stands_for_the_folder(folder, tmp_path):
    (tmp_path / "latest").symlink_to(folder)
    assert identify(tmp_path / "latest") == identify(folder)


def test_a_link_to_a_folder_inside_adds_nothing(folder):
    before = identify(folder)
    (folder / "latest").symlink_to("original")
    (folder / "original" / "up").symlink_to("..")
    assert identify(folder) == before


def test_a_link_to_a_folder_elsewhere_is_refused(folder, tmp_path):
    (tmp_path / "weights").mkdir()
    (folder / "weights").symlink_to(tmp_path / "weights")
    with pytest.raises(ConfigError, match="weights, a link to the folder"):
        identify(folder)


def test_one_file_is_a_checkpoint(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF")
    before = identify(path)
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    assert identify(path) == before
    path.write_bytes(b"GGUF, longer")
    assert identify(path) != before


def test_all_parts_of_a_split_file_count(tmp_path):
    for number in (1, 2):
        (tmp_path / f"m-0000{number}-of-00002.gguf").write_bytes(b"part")
    (tmp_path / "m-00001-of-00003.gguf").write_bytes(b"of another one")
    first = tmp_path / "m-00001-of-00002.gguf"
    before = identify(first)
    (tmp_path / "m-00001-of-00003.gguf").write_bytes(b"of yet another one")
    assert identify(first) == before
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(b"changed")
    assert identify(first) != before


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"absent.*No such file.*give the folder or file"):
        identify(tmp_path / "absent")


def test_a_folder_without_files_is_refused(tmp_path):
    (tmp_path / ".cache").mkdir()
    with pytest.raises(ConfigError, match="found no files"):
        identify(tmp_path)


def test_a_link_to_a_file_that_is_gone_is_refused(folder):
    (folder / "tokenizer.json").symlink_to("../blobs/gone")
    with pytest.raises(ConfigError, match=r"tokenizer\.json: No such file"):
        identify(folder)


def test_a_device_is_refused():
    with pytest.raises(ConfigError, match="neither a folder nor a file"):
        identify(Path(os.devnull))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(folder):
    (folder / "config.json").chmod(0)
    with pytest.raises(ConfigError, match=r"config\.json: Permission denied"):
        identify(folder)
