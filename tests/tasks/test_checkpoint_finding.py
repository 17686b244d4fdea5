"""Checkpoints are found on disk and at endpoints, and an alias is never taken for weights."""

import time
from functools import partial
from pathlib import Path

import pytest

from tasks.checkpoint_files import identify_checkpoint
from tasks.checkpoint_finding import Found, find_listed, find_on_disk, find_served, matching_paths
from tasks.core.errors import ConfigError, ProviderError
from tasks.model_list import Answered, ModelList

URL = "http://127.0.0.1:1/v1"
SERVED = ModelList(Answered.LIST, ("m-step-9", "m-step-10", "m-latest", "other-1"))


def write_checkpoint(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.bin").write_bytes(folder.name.encode())
    return folder


def look(paths: dict[str, Path], settle_s: float = 0) -> Found:
    identify = partial(identify_checkpoint, hash_weights=False)
    return find_on_disk(paths, settle_s=settle_s, now_s=time.time() + 60, identify=identify)


def test_a_glob_names_what_it_leaves_open(tmp_path: Path) -> None:
    for name in ("run-1/step-1/hf", "run-1/step-2/hf", "run-2/step-1/hf", "run-2/.step-3/hf"):
        write_checkpoint(tmp_path / name)
    (tmp_path / "run-1" / "step-3").write_text("no folder")
    assert sorted(matching_paths(f"{tmp_path}/run-1/step-*/hf")) == ["step-1/hf", "step-2/hf"]
    assert sorted(matching_paths(f"{tmp_path}/run-*/*")) == [
        *("run-1/step-1", "run-1/step-2", "run-2/step-1"),
    ]
    assert list(matching_paths(f"{tmp_path}/run-1/step-1")) == ["step-1"]
    assert matching_paths(f"{tmp_path}/none-*") == {}


def test_of_a_split_gguf_file_the_first_part_is_found(tmp_path: Path) -> None:
    for name in ("a.gguf", "b-00001-of-00002.gguf", "b-00002-of-00002.gguf", "c.txt"):
        (tmp_path / name).write_bytes(b"GGUF")
    assert list(matching_paths(f"{tmp_path}/*")) == ["a.gguf", "b-00001-of-00002.gguf"]


def test_a_link_to_another_match_is_no_checkpoint_of_its_own(tmp_path: Path) -> None:
    step = write_checkpoint(tmp_path / "ckpts" / "step-1")
    (tmp_path / "ckpts" / "latest").symlink_to(step)
    (tmp_path / "ckpts" / "other").symlink_to(write_checkpoint(tmp_path / "elsewhere"))
    assert list(matching_paths(f"{tmp_path}/ckpts/*")) == ["other", "step-1"]


def test_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_checkpoint(tmp_path / "step-1")
    assert list(matching_paths("~/step-*")) == ["step-1"]


def test_whole_checkpoints_are_identified_and_others_named_with_a_reason(tmp_path: Path) -> None:
    whole, half = write_checkpoint(tmp_path / "step-1"), tmp_path / "step-2"
    half.mkdir()
    found = look({"step-1": whole, "step-2": half})
    (checkpoint,) = found.checkpoints
    assert (checkpoint.name, checkpoint.place) == ("step-1", str(whole))
    assert checkpoint.identity.startswith("files:")
    assert checkpoint.changed_s == (whole / "model.bin").stat().st_mtime
    assert found.passed_over == {"step-2": "it has no weights"}
    assert "less than 3600 s" in look({"step-1": whole}, 3600).passed_over["step-1"]


def test_a_checkpoint_that_cannot_be_identified_is_passed_over(tmp_path: Path) -> None:
    whole = write_checkpoint(tmp_path / "step-1")
    elsewhere = write_checkpoint(tmp_path / "elsewhere")
    (whole / "shared").symlink_to(elsewhere)
    reason = look({"step-1": whole}).passed_over["step-1"]
    assert "a link to the folder" in reason


def test_models_that_follow_the_template_are_checkpoints() -> None:
    found = find_served("m-{revision}", SERVED, URL)
    assert [(c.name, c.identity, c.place) for c in found.checkpoints] == [
        ("m-step-9", "m-step-9=step-9", "step-9"),
        ("m-step-10", "m-step-10=step-10", "step-10"),
    ]


def test_an_alias_is_not_evaluated() -> None:
    passed_over = find_served("m-{revision}", SERVED, URL).passed_over
    assert list(passed_over) == ["m-latest"]
    assert "revision 'latest' has no digit" in passed_over["m-latest"]


def test_a_listed_name_needs_an_identity() -> None:
    found = find_listed(["m-latest = sha256:1", "m-step-9=9"], SERVED, URL)
    assert [(c.name, c.place) for c in found.checkpoints] == [
        ("m-latest", "sha256:1"),
        ("m-step-9", "9"),
    ]
    for entry in ("m-latest", "m-latest=", "=1"):
        with pytest.raises(ConfigError, match="the name alone does not say which weights"):
            find_listed([entry], SERVED, URL)


def test_what_the_endpoint_does_not_serve_now_is_passed_over() -> None:
    found = find_listed(["m-step-8=8"], SERVED, URL)
    assert found == Found((), {"m-step-8": f"{URL} does not serve it now"})
    without_list = ModelList(Answered.ABSENT)
    assert len(find_listed(["m-step-8=8"], without_list, URL).checkpoints) == 1


@pytest.mark.parametrize("answered", [Answered.NOT_AT_ALL, Answered.BUSY, Answered.REFUSAL])
def test_an_endpoint_in_trouble_is_no_fault_of_a_checkpoint(answered: Answered) -> None:
    answer = ModelList(answered, said="nobody there")
    with pytest.raises(ProviderError, match=f"found {answered} .nobody there."):
        find_listed(["m=1"], answer, URL)
    with pytest.raises(ProviderError, match="expected the list of models of"):
        find_served("m-{revision}", answer, URL)


def test_a_template_needs_a_list() -> None:
    with pytest.raises(ProviderError, match="found absent"):
        find_served("m-{revision}", ModelList(Answered.ABSENT), URL)
