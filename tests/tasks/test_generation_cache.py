"""Kept generations come back whole or not at all."""

import json
import logging
import multiprocessing
import stat
import threading
from pathlib import Path

import pytest

from tasks.core.caching import generation_key
from tasks.core.errors import ConfigError
from tasks.core.model_settings import ModelSettings
from tasks.core.records import FinishReason, Generation, StepKey, Usage
from tasks.generation_cache import GenerationCache

SETTINGS = ModelSettings("m", "sha256:0", temperature=0.2)
KEY = StepKey("13", 0, "13.6")
DIGEST = generation_key("a prompt", SETTINGS, KEY)
GENERATION = Generation("tëxt\u2028\n", FinishReason.LENGTH, Usage(11, 5), 1.25, "hm")


def entry(root: Path) -> Path:
    return root / DIGEST[:2] / f"{DIGEST}.json"


def filled(root: Path) -> GenerationCache:
    cache = GenerationCache(root)
    cache.put(DIGEST, KEY, SETTINGS, GENERATION)
    return cache


def test_a_generation_comes_back_equal(tmp_path: Path) -> None:
    assert filled(tmp_path).get(DIGEST) == GENERATION


def test_a_generation_is_found_by_another_cache_object(tmp_path: Path) -> None:
    filled(tmp_path)
    assert GenerationCache(tmp_path).get(DIGEST) == GENERATION


def test_an_overlong_generation_without_reasoning_comes_back_equal(tmp_path: Path) -> None:
    overlong = Generation("", FinishReason.OVERLONG, Usage(0, 0), 0.5)
    cache = GenerationCache(tmp_path)
    cache.put(DIGEST, KEY, SETTINGS, overlong)
    assert cache.get(DIGEST) == overlong


def test_an_absent_entry_is_a_silent_miss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert GenerationCache(tmp_path / "absent").get(DIGEST) is None
    assert not caplog.records


def test_an_entry_tells_a_person_what_it_answers(tmp_path: Path) -> None:
    filled(tmp_path)
    found = json.loads(entry(tmp_path).read_text())
    assert found["key"] == {"problem_id": "13", "repeat": 0, "step_id": "13.6"}
    assert found["settings"] == {"model": "m", "checkpoint": "sha256:0", "temperature": 0.2}
    assert found["generation"]["usage"] == {"input_tokens": 11, "output_tokens": 5}


def test_an_entry_is_for_its_owner_alone(tmp_path: Path) -> None:
    filled(tmp_path)
    assert stat.S_IMODE(entry(tmp_path).stat().st_mode) == 0o600


def test_nothing_but_the_entry_is_left(tmp_path: Path) -> None:
    filled(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [entry(tmp_path)]


def damaged_texts() -> dict[str, str]:
    whole = {
        "cache_version": 1,
        "digest": DIGEST,
        "generation": {
            "text": "t",
            "finish_reason": "stop",
            "usage": {"input_tokens": 1, "output_tokens": 1},
            "latency_s": 1.0,
            "reasoning": None,
        },
    }
    generation = whole["generation"]
    assert isinstance(generation, dict)
    return {
        "empty": "",
        "truncated": json.dumps(whole)[:-20],
        "not an object": "[1]",
        "of another key": json.dumps({**whole, "digest": "0" * 64}),
        "of another version": json.dumps({**whole, "cache_version": 0}),
        "without generation": json.dumps({**whole, "generation": None}),
        "with a text that is none": json.dumps({**whole, "generation": {**generation, "text": 3}}),
        "with an unknown reason": json.dumps(
            {**whole, "generation": {**generation, "finish_reason": "?"}}
        ),
        "with a negative count": json.dumps(
            {**whole, "generation": {**generation, "usage": {"input_tokens": -1}}}
        ),
        "nested without end": "[" * 100_000,
    }


@pytest.mark.parametrize("text", damaged_texts().values(), ids=damaged_texts().keys())
def test_a_damaged_entry_is_a_miss_and_one_warning_names_it(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = filled(tmp_path)
    entry(tmp_path).write_text(text)
    assert cache.get(DIGEST) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(entry(tmp_path)) in caplog.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"t\\u00ebxt', '"t\\u00eaxt'),
        ('"input_tokens": 11', '"input_tokens": 17'),
        ("1.25", "1.26"),
    ],
)
def test_a_changed_letter_that_leaves_good_json_is_a_miss(
    old: str, new: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = filled(tmp_path)
    content = entry(tmp_path).read_text()
    assert content.count(old) == 1
    entry(tmp_path).write_text(content.replace(old, new))
    assert cache.get(DIGEST) is None
    assert "is not what was written" in caplog.text


def test_an_entry_that_was_written_without_a_sum_is_still_taken(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    found = json.loads(entry(tmp_path).read_text())
    del found["entry_sha256"]
    entry(tmp_path).write_text(json.dumps(found))
    assert cache.get(DIGEST) == GENERATION


def test_a_lone_surrogate_comes_back_equal(tmp_path: Path) -> None:
    generation = Generation("\ud800", FinishReason.STOP, Usage(1, 1), 1e-7, "\x00")
    cache = GenerationCache(tmp_path)
    cache.put(DIGEST, KEY, SETTINGS, generation)
    assert cache.get(DIGEST) == generation


def test_a_folder_in_place_of_an_entry_is_a_miss_and_moved_aside_by_the_next_put(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = entry(tmp_path)
    path.mkdir(parents=True)
    (path / "thesis").write_text("long")
    assert GenerationCache(tmp_path).get(DIGEST) is None
    assert filled(tmp_path).get(DIGEST) == GENERATION
    (aside,) = (other for other in path.parent.iterdir() if other != path)
    assert (aside / "thesis").read_text() == "long"
    assert f"moving the folder {path}" in caplog.text


def test_bytes_that_are_no_text_are_a_miss(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    entry(tmp_path).write_bytes(b"\xff\xfe\x00")
    assert cache.get(DIGEST) is None


def test_a_damaged_entry_is_replaced_by_the_next_put(tmp_path: Path) -> None:
    filled(tmp_path)
    entry(tmp_path).write_text("{")
    assert filled(tmp_path).get(DIGEST) == GENERATION


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot keep a generation in .*file"):
        filled(tmp_path / "file")


def write_many(root: Path, text: str) -> None:
    generation = Generation(text, FinishReason.STOP, Usage(1, 1), 0.0)
    for _ in range(40):
        GenerationCache(root).put(DIGEST, KEY, SETTINGS, generation)


def test_readers_see_whole_entries_while_processes_and_threads_write(tmp_path: Path) -> None:
    texts = ["a" * 200_000, "b" * 100_000, "c"]
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_many, args=(tmp_path, text)) for text in texts[:2]]
    here = threading.Thread(target=write_many, args=(tmp_path, texts[2]))
    cache = filled(tmp_path)
    for writer in (*writers, here):
        writer.start()
    seen: set[str] = set()
    while any(writer.is_alive() for writer in (*writers, here)):
        generation = cache.get(DIGEST)
        assert generation is not None
        seen.add(generation.text)
    for writer in (*writers, here):
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seen <= {GENERATION.text, *texts}
    assert len(seen) > 1
    assert list(entry(tmp_path).parent.iterdir()) == [entry(tmp_path)]
