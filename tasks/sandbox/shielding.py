"""Prepares in the zygote, once, what shields all its children: namespaces, file tree, rules."""

import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.sandbox import landlock, seccomp
from tasks.sandbox.confinement import Shield
from tasks.sandbox.file_tree import Sources, enter_tree, open_sources
from tasks.sandbox.landlock import READ_DIR, READ_FILE, WRITE_FILE, Rule
from tasks.sandbox.layers import BlockedError, Layer
from tasks.sandbox.namespaces import (
    SPARE_UID,
    die_with_parent,
    enter_namespaces,
    is_machine_root,
    settle_in,
)
from tasks.sandbox.preloading import PACKAGES
from tasks.sandbox.readable import (
    PROC_FILES,
    WRITABLE_DEVICES,
    Readable,
    carve,
    find_files,
    find_readable,
    is_open_below,
    is_open_to_all,
)
from tasks.sandbox.zygote_talk import FolderPart, Setup

# Of the descriptors, for rules and for everything else.
_SPARE_DESCRIPTORS = 512


def prepare(setup: Setup) -> Shield:
    """Enter what the host permits, and collect what children need to confine themselves.

    Raises:
        BlockedError: a step failed after which there is no way back.
    """
    die_with_parent()
    if os.getppid() != setup.parent:
        os._exit(1)
    readable = find_readable(PACKAGES)
    is_root = is_machine_root()
    uid = SPARE_UID if is_root and _can_be_spare(setup) else None
    layers = enter_namespaces(uid, setup.without)
    sources = open_sources(readable) if Layer.MOUNT_NS in layers else None
    settle_in(layers)
    if sources is not None:
        _enter_tree(sources, Path(setup.folder))
    elif uid is not None and not _is_reachable(is_open_to_all):
        if Layer.USER_NS in layers:
            reason = f"user {uid} cannot read the interpreter {sys.executable}"
            raise BlockedError(Layer.UID, reason)
        uid = None
    if uid is not None and Layer.USER_NS not in layers:
        os.chown(Path(setup.folder, FolderPart.FONTS), uid, -1)
    if not is_root or (uid is not None and Layer.USER_NS in layers):
        layers.add(Layer.UID)
    version = 0 if Layer.LANDLOCK in setup.without else landlock.read_version()
    return Shield(
        layers=frozenset(layers),
        rules=tuple(_rules(readable, setup)) if version else (),
        landlock_version=version,
        seccomp=Layer.SECCOMP not in setup.without and seccomp.is_supported(),
        # In a user namespace, the zygote is that user already.
        uid=None if Layer.USER_NS in layers else uid,
    )


def _can_be_spare(setup: Setup) -> bool:
    """Whether another user could read the interpreter and its libraries."""
    if Layer.UID in setup.without:
        return False
    # A tree of our own leaves out the folders above them.
    has_tree = not {Layer.USER_NS, Layer.MOUNT_NS} & setup.without
    return _is_reachable(is_open_below if has_tree else is_open_to_all)


def _is_reachable(is_open: Callable[[str], bool]) -> bool:
    return all(map(is_open, (os.__file__, *find_files(PACKAGES))))


def _enter_tree(sources: Sources, folder: Path) -> None:
    empty = [str(folder / part) for part in (FolderPart.HOME, FolderPart.FONTS, FolderPart.JOBS)]
    try:
        enter_tree(sources, folder / FolderPart.TREE, empty)
    except OSError as error:
        reason = f"cannot build a file tree for children: {error}"
        raise BlockedError(Layer.MOUNT_NS, reason) from error


def _rules(readable: Readable, setup: Setup) -> Iterator[Rule]:
    paths = list(carve(readable))
    _make_room(len(paths) + _SPARE_DESCRIPTORS)
    folders = [str(Path(setup.folder, part)) for part in (FolderPart.HOME, FolderPart.FONTS)]
    found = [
        *(
            landlock.open_rule(p, READ_DIR | (READ_FILE if whole else 0), follow=False)
            for p, whole in paths
        ),
        *(landlock.open_rule(path, READ_DIR | READ_FILE) for path in (*folders, *PROC_FILES)),
        *(landlock.open_rule(path, READ_FILE | WRITE_FILE) for path in WRITABLE_DEVICES),
    ]
    yield from (rule for rule in found if rule is not None)


def _make_room(descriptors: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = sys.maxsize
    if soft < descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(descriptors, hard), hard))
