"""Weights are read once, and again where they have changed."""

import os
from pathlib import Path

import pytest

from tasks.checkpoint_files import identify_checkpoint
from tasks.known_weights import identify_content


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "step-1" / "model.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    os.utime(file, (1000, 1000))
    return file


def test_weights_are_identified_by_their_content(weights: Path, tmp_path: Path) -> None:
    by_content = identify_checkpoint(weights.parent, hash_weights=True)
    assert identify_content(weights.parent, tmp_path / "kept") == by_content
    os.utime(weights, (2000, 2000))
    assert identify_content(weights.parent, tmp_path / "kept") == by_content


def test_weights_that_seem_unchanged_are_not_read_again(weights: Path, tmp_path: Path) -> None:
    """Same size and time: only whoever reads them sees the difference."""
    first = identify_content(weights.parent, tmp_path / "kept")
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, (1000, 1000))
    assert identify_content(weights.parent, tmp_path / "kept") == first
    assert identify_content(weights.parent, tmp_path / "others") != first


def test_weights_of_another_time_are_read_again(weights: Path, tmp_path: Path) -> None:
    first = identify_content(weights.parent, tmp_path / "kept")
    weights.write_bytes(b"WEIGHTS")
    assert identify_content(weights.parent, tmp_path / "kept") != first


def test_a_damaged_note_is_made_anew(weights: Path, tmp_path: Path) -> None:
    first = identify_content(weights.parent, tmp_path / "kept")
    (note,) = (tmp_path / "kept").iterdir()
    note.write_text("files:")
    assert identify_content(weights.parent, tmp_path / "kept") == first
