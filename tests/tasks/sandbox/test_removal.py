"""A child's directory goes, whatever the child made of it."""

import os
from pathlib import Path

import pytest

from tasks.sandbox.removal import remove_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "child"
    root.mkdir()
    return root


def test_files_links_and_directories_go(root: Path):
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_text("x")
    (root / "a" / "b" / "link").symlink_to(outside)
    (root / "dangling").symlink_to(root / "nothing")
    os.mkfifo(root / "pipe")
    (root / "\udcff name").write_text("not UTF-8")
    remove_tree(root)
    assert not root.exists()
    assert (outside / "kept").read_text() == "kept"


def test_missing_permissions_do_not_stop_it(root: Path):
    inner = root / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    for path in (inner, root / "a", root):
        path.chmod(0)
    remove_tree(root)
    assert not root.exists()


def test_a_tree_deeper_than_any_path_goes(root: Path):
    # 1500 levels of 10 characters: a path of 16 500, where the kernel takes 4096.
    directory = os.open(root, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d" * 10, dir_fd=directory)
        deeper = os.open("d" * 10, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = deeper
    os.close(directory)
    remove_tree(root)
    assert not root.exists()


def test_a_link_in_place_of_the_directory_is_not_followed(root: Path, tmp_path: Path):
    (root / "file").write_text("kept")
    link = tmp_path / "link"
    link.symlink_to(root)
    with pytest.raises(OSError, match="link"):
        remove_tree(link)
    assert (root / "file").exists()
