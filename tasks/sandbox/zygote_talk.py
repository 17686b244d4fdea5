"""Frames the talk between a pool and its zygote: one JSON array in each packet.

    pool:    SETUP once, then START (with two descriptors: channel, standard error) and KILL
    zygote:  READY, or BLOCKED by a layer, or FAILED, once; then ENDED, or FAILED, for each child

Both ends are ours; children have neither end. A program is in none of these: it goes from the pool
straight to its child.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from tasks.sandbox.layers import Layer

PACKET_BYTES = 64 * 2**10
DESCRIPTORS = 2


class Word(StrEnum):
    """What a packet begins with."""

    START = "start"
    KILL = "kill"
    READY = "ready"
    BLOCKED = "blocked"
    FAILED = "failed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a zygote needs to know.

    Attributes:
        parent: the process that it must not outlive.
        folder: a folder of the pool; its entries are in `FolderPart`.
        without: layers to leave out, as on a host that lacks them.
    """

    parent: int
    folder: str
    without: frozenset[Layer]


class FolderPart(StrEnum):
    """The entries of a pool's folder."""

    HOME = "home"  # where children are, where they cannot write
    FONTS = "fonts"  # matplotlib's list of fonts
    TREE = "tree"  # where a file tree is built
    JOBS = "jobs"  # a folder for each child, where no layer makes the rest read-only


@dataclass(frozen=True, slots=True)
class Packet:
    """One message: a word and its operands."""

    word: Word
    operands: tuple[Any, ...] = ()


def pack(word: Word, *operands: object) -> bytes:
    """Write a packet."""
    return json.dumps([word, *operands]).encode("ascii")


def unpack(data: bytes) -> Packet:
    """Read a packet."""
    word, *operands = cast("list[Any]", json.loads(data))
    return Packet(Word(word), tuple(operands))


def pack_setup(setup: Setup) -> bytes:
    """Write the first packet."""
    return json.dumps([setup.parent, setup.folder, sorted(setup.without)]).encode("ascii")


def unpack_setup(data: bytes) -> Setup:
    """Read the first packet."""
    parent, folder, without = json.loads(data)
    return Setup(parent, folder, frozenset(map(Layer, without)))
