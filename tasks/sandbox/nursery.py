"""Keeps at hand what children come from: a folder, a zygote in it that is replaced when it dies.

Where nothing can be forked it hands out fresh interpreters instead.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from tasks.core.errors import SandboxError
from tasks.sandbox.bundle import write_bundle
from tasks.sandbox.fresh_child import FreshChild
from tasks.sandbox.launch import ChildProcess, Interpreter
from tasks.sandbox.layers import BlockedError, Layer
from tasks.sandbox.owned_folder import make_owned_folder, remove_abandoned_folders
from tasks.sandbox.removal import remove_tree
from tasks.sandbox.zygote_link import ZygoteLink
from tasks.sandbox.zygote_talk import FolderPart

_log = logging.getLogger(__name__)


class Nursery:
    """The source of a pool's children."""

    def __init__(
        self,
        python: str,
        environment: Mapping[str, str],
        without: Collection[Layer],
        *,
        forking: bool,
    ) -> None:
        self._python = python
        self._environment = dict(environment)
        self._without = frozenset(without)
        self._forking = forking
        self._folder: Path | None = None
        self._lock: int | None = None
        self._link: ZygoteLink | None = None
        self._changing = asyncio.Lock()

    async def open(self) -> None:
        """Make the folder, after removing those that killed processes have left.

        Raises:
            SandboxError: there is no room for it.
        """
        await asyncio.to_thread(remove_abandoned_folders)
        folder, self._lock = _make_folder()
        self._folder = folder
        self._interpreter = Interpreter(self._python, folder / "sandbox.zip", self._environment)
        try:
            write_bundle(self._interpreter.bundle)
        except SandboxError:
            await self.close()
            raise

    async def spawner(self) -> Callable[[], ChildProcess]:
        """Answer with what starts a child, after making sure that there is a living zygote.

        Raises:
            SandboxError: there is none, and none can be started.
        """
        if self._folder is None:
            raise SandboxError("the sandbox pool is not open; run jobs inside `async with`")
        if not self._forking:
            return lambda: FreshChild(self._interpreter)
        async with self._changing:
            if self._link is not None and not self._link.is_alive:
                dead, self._link = self._link, None
                await dead.close()
            if self._link is None:
                self._link = await self._open_link(self._folder)
            return self._link.spawn

    async def close(self) -> None:
        """End the zygote and remove the folder."""
        link, self._link = self._link, None
        folder, self._folder = self._folder, None
        lock, self._lock = self._lock, None
        try:
            if link is not None:
                await link.close()
        finally:
            try:
                if folder is not None:
                    await asyncio.to_thread(remove_tree, folder)
            finally:
                if lock is not None:
                    os.close(lock)

    async def _open_link(self, folder: Path) -> ZygoteLink:
        """Start a zygote with every layer that the host lets it have."""
        while True:
            try:
                return await ZygoteLink.open(self._interpreter, folder, self._without)
            except BlockedError as error:
                # There was no way back in that process, so another tries without.
                _log.debug("without %s: %s", error.layer, error)
                if error.layer in self._without:
                    raise SandboxError(f"the sandbox cannot start: {error}") from error
                self._without |= {error.layer}


def _make_folder() -> tuple[Path, int]:
    try:
        folder, lock = make_owned_folder()
        for part in FolderPart:
            (folder / part).mkdir()
    except OSError as error:
        raise SandboxError(
            f"cannot make a folder for the sandbox: {error}; make room in the temporary folder, "
            "or choose another with TMPDIR"
        ) from error
    # Other users, as which children may run, can go through but not look around.
    folder.chmod(0o711)
    return folder, lock
