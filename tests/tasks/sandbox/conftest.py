"""One call that runs a program in a real child, and pools for tests of their own."""

import asyncio
import threading
import venv
from collections.abc import Callable, Iterator, Sequence

import pytest

from tasks.core.records import ChildCase, Job, Limits, Outcome
from tasks.sandbox.layers import Layer, Level
from tasks.sandbox.pool import SandboxPool

LIMITS = Limits(cpu_s=20.0, wall_s=60.0, memory_bytes=4 * 2**30, frame_bytes=2**20)
# Programs that tell of themselves by files need a host without these.
CONFINING = (Layer.LANDLOCK, Layer.SECCOMP, Layer.USER_NS, Layer.UID)


class SharedPool:
    """A pool that stays open, in a loop of its own thread, for all tests that need no other."""

    def __init__(self, **settings: object) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        # What is started dies with the thread that started it.
        self._pool = self._wait(self._make(settings))
        self.report = self._pool.report

    def run(self, job: Job, limits: Limits) -> Outcome:
        """Run a job from any thread."""
        return self._wait(self._pool.run(job, limits))

    def close(self) -> None:
        """Leave the pool and end the thread."""
        self._wait(self._pool.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _make(self, settings: dict) -> SandboxPool:
        return await SandboxPool(1, LIMITS, required=Level.NONE, **settings).__aenter__()

    def _wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@pytest.fixture(scope="session")
def confined_pool() -> Iterator[SharedPool]:
    """Run programs with every layer that this host gives."""
    pool = SharedPool()
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def open_pool(bare_python: str) -> Iterator[SharedPool]:
    """Run programs under limits only, in an interpreter without libraries."""
    pool = SharedPool(without=CONFINING, python=bare_python)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def make_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Make an interpreter that starts at once, having nothing to import."""

    def make() -> str:
        folder = tmp_path_factory.mktemp("bare") / "venv"
        venv.create(folder, symlinks=True)
        return str(folder / "bin" / "python")

    return make


@pytest.fixture(scope="session")
def bare_python(make_python: Callable[[], str]) -> str:
    """One such interpreter for all."""
    return make_python()


def run_in(pool: SharedPool) -> Callable[..., Outcome]:
    def run(
        program: str, *cases: Sequence[str], limits: Limits = LIMITS, setup: str = ""
    ) -> Outcome:
        job = Job(program, tuple(ChildCase(setup, tuple(ships)) for ships in cases))
        return pool.run(job, limits)

    return run


@pytest.fixture
def run_program(confined_pool: SharedPool) -> Callable[..., Outcome]:
    """Run a program and the expressions to ship, a case for each group of them."""
    return run_in(confined_pool)


@pytest.fixture
def run_unconfined(open_pool: SharedPool) -> Callable[..., Outcome]:
    """Run a program likewise, where only limits hold it."""
    return run_in(open_pool)


@pytest.fixture
def make_pool(bare_python: str) -> Callable[..., SandboxPool]:
    """Make a pool that starts at once; its programs may write files to tell of themselves."""

    def make(workers: int = 1, limits: Limits = LIMITS, **settings: object) -> SandboxPool:
        chosen = {"python": bare_python, "required": Level.NONE, "without": CONFINING}
        return SandboxPool(workers, limits, **{**chosen, **settings})

    return make
