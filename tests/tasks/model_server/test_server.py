"""A model server lives exactly as long as it is wanted, with all that it has started."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tasks.core.errors import ConfigError, ProviderError
from tasks.model_server.server import Pace

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux finds what left the group"
)
# With `children`: the server, a child, a child in its own session, an orphan in another.
ALL = 4
PATIENCE_S = 20.0
EVALUATOR = """
import asyncio, sys
from pathlib import Path
from tasks.model_server.server import ModelServer, Pace

async def evaluate(command, folder):
    server = ModelServer(command, folder, "tiny", folder / "server.log", 30, lambda line: None)
    server.pace = Pace(grace_s=0.4, ask_every_s=0.05)
    async with server:
        print("entered", flush=True)
        await asyncio.sleep(600)

asyncio.run(evaluate(sys.argv[1], Path(sys.argv[2])))
"""


def test_a_server_is_started_known_and_stopped(bench):
    async def use():
        async with bench.server("models=tiny,tiny-chat", "late=0.3") as server:
            assert server.models == ("tiny", "tiny-chat")
            assert server.base_url.endswith("/v1")
            with urllib.request.urlopen(f"{server.base_url}/models") as answer:  # noqa: ASYNC210, S310 - loopback
                assert answer.status == 200
            assert len(bench.living()) == 1

    asyncio.run(use())
    assert bench.living() == []
    assert bench.notes[0] == f"starting the model server; it writes to {bench.log}"
    assert bench.notes[-1].startswith("the model server answers after ")


def test_what_it_prints_is_in_the_log_behind_what_is_there(bench):
    async def use():
        async with bench.server("say=wrong"):
            pass

    bench.log.write_text("of an earlier run\n")
    asyncio.run(use())
    assert bench.log.read_text() == "of an earlier run\nloading\nwrong\n"


def test_the_checkpoint_is_filled_in_as_an_absolute_path(bench, monkeypatch):
    monkeypatch.chdir(bench.folder)

    async def use():
        command = bench.command("models={checkpoint}")
        async with bench.of(command, checkpoint=Path("step-100")) as server:
            assert server.models == (str(bench.folder / "step-100"),)

    asyncio.run(use())


def test_the_server_has_the_environment_of_the_evaluator(bench, monkeypatch):
    monkeypatch.setenv("HF_HOME", "/of/the/user")
    script = bench.folder / "environment.py"
    script.write_text("import os; print(os.environ['HF_HOME'])")

    async def use():
        async with bench.of(f"{sys.executable} {script} {{port}}"):
            pass

    with pytest.raises(ProviderError, match="/of/the/user"):
        asyncio.run(use())


def test_a_server_without_a_list_of_models_is_known_by_its_health(bench):
    async def use():
        async with bench.server("no-models", "health=200") as server:
            assert server.models == ()

    asyncio.run(use())


def test_a_server_that_lists_models_while_it_loads_is_waited_for(bench):
    async def use():
        async with bench.server("warm=0.5") as server:
            url = server.base_url.replace("/v1", "/health")
            with urllib.request.urlopen(url) as answer:  # noqa: ASYNC210, S310 - loopback
                assert answer.status == 200

    asyncio.run(use())


def test_a_wait_shows_the_last_line_of_the_log(bench):
    async def use():
        async with bench.server("late=1", "say=shard-3-of-9"):
            pass

    asyncio.run(use())
    waits = [note for note in bench.notes if note.startswith("waiting for the model server, ")]
    assert waits[-1].endswith(" s: shard-3-of-9")


@linux_only
def test_a_server_that_never_answers_is_given_up_and_stopped(bench):
    async def use():
        async with bench.server("never", "children", "say=stuck", timeout_s=2):
            pass

    with pytest.raises(ProviderError, match=r"within 2 s.*raise serve_timeout_s(.|\n)*\n  stuck"):
        asyncio.run(use())
    assert bench.pids()
    assert bench.living() == []


def test_a_server_that_fails_ends_the_wait_at_once(bench):
    async def use():
        async with bench.server("exit=7"):
            pass

    start = time.monotonic()
    with pytest.raises(ProviderError, match=r"exit status 7(.|\n)*\n  loading\n  cannot load"):
        asyncio.run(use())
    assert time.monotonic() - start < PATIENCE_S


def test_a_server_that_puts_itself_into_the_background_is_refused(bench):
    async def use():
        async with bench.of(f"sh -c '{bench.command('late=600')} & sleep 0.5'"):
            pass

    with pytest.raises(ProviderError, match=r"exit status 0 \(serve_command must stay in the"):
        asyncio.run(use())
    assert bench.living() == []


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("no-such-server", "'no-such-server': No such file"),
        ("CUDA_VISIBLE_DEVICES=0", "env NAME=VALUE"),
        ("{checkpoint}", "Permission denied"),
    ],
)
def test_a_program_that_cannot_be_executed_is_refused(bench, program, said):
    async def use():
        async with bench.of(f"{program} --port {{port}}"):
            pass

    with pytest.raises(ConfigError, match=said):
        asyncio.run(use())


def test_a_log_that_cannot_be_written_is_refused(bench):
    async def use():
        async with bench.server():
            pass

    bench.log = bench.folder / "absent" / "server.log"
    with pytest.raises(ConfigError, match=r"absent/server\.log"):
        asyncio.run(use())


@linux_only
def test_nothing_survives_an_exit(bench):
    async def use():
        async with bench.server("children", "deaf"):
            assert len(bench.living()) == ALL

    asyncio.run(use())
    assert bench.living() == []


@linux_only
def test_nothing_survives_an_exception_inside(bench):
    async def use():
        async with bench.server("children"):
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        asyncio.run(use())
    assert len(bench.pids()) == ALL
    assert bench.living() == []


@linux_only
@pytest.mark.parametrize("options", [("children",), ("children", "never")])
def test_nothing_survives_a_cancellation(bench, options):
    """Inside, and while the server is being waited for."""

    async def use():
        async with bench.server(*options):
            await asyncio.sleep(600)

    async def cancel():
        using = asyncio.create_task(use())
        while len(bench.pids()) < ALL:  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.02)
        using.cancel()
        await asyncio.wait({using})
        assert using.cancelled()

    asyncio.run(cancel())
    assert bench.living() == []


def test_a_server_that_stops_when_asked_is_not_waited_for(bench):
    async def use():
        server = bench.server()
        server.pace = Pace(grace_s=60)
        async with server:
            pass

    start = time.monotonic()
    asyncio.run(use())
    assert time.monotonic() - start < PATIENCE_S


@linux_only
def test_a_server_that_dies_is_told_of_and_its_children_ended(bench):
    async def use():
        async with bench.server("children", "say=doomed") as server:
            ending = asyncio.create_task(server.ended())
            await asyncio.sleep(0.1)
            assert not ending.done()
            with pytest.raises(OSError):  # noqa: PT011 - whatever a broken connection raises
                await asyncio.to_thread(
                    urllib.request.urlopen, server.base_url.replace("/v1", "/die")
                )
            return await ending

    message = asyncio.run(use())
    assert "it ended with exit status 3" in message
    assert message.endswith("\n  loading\n  doomed")
    assert bench.living() == []


def test_a_server_that_is_killed_is_told_of(bench):
    async def use():
        async with bench.server() as server:
            os.kill(bench.pids()[0], signal.SIGKILL)
            return await server.ended()

    assert "SIGKILL (was it short of memory?)" in asyncio.run(use())


@linux_only
def test_nothing_survives_the_killed_keeper(bench):
    async def use():
        async with bench.server("children") as server:
            os.kill(bench.keeper(), signal.SIGKILL)
            return await server.ended()

    assert "its keeper was killed" in asyncio.run(use())
    assert len(bench.pids()) == ALL
    assert bench.living() == []


@linux_only
@pytest.mark.parametrize(
    ("number", "options"),
    [
        (signal.SIGKILL, ("children", "deaf")),
        # Still waiting for the server.
        (signal.SIGKILL, ("children", "never")),
        (signal.SIGTERM, ("children",)),
    ],
)
def test_nothing_survives_the_killed_evaluator(bench, number, options):
    command = [sys.executable, "-c", EVALUATOR, bench.command(*options), str(bench.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as evaluator:
        if "never" in options:
            while len(bench.pids()) < ALL:
                time.sleep(0.02)
        else:
            assert evaluator.stdout.readline() == "entered\n"
        assert len(bench.living()) == ALL
        bench.note_keeper()
        evaluator.send_signal(number)
    bench.wait_for_end()


@linux_only
def test_nothing_survives_an_impatient_ctrl_c(bench):
    """The second one ends the evaluator while it is stopping the server."""
    command = [sys.executable, "-c", EVALUATOR, bench.command("children"), str(bench.folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **pipes) as evaluator:
        assert evaluator.stdout.readline() == "entered\n"
        bench.note_keeper()
        evaluator.send_signal(signal.SIGINT)
        time.sleep(0.1)
        evaluator.send_signal(signal.SIGINT)
        assert evaluator.wait(timeout=PATIENCE_S)
    bench.wait_for_end()


@linux_only
def test_the_server_dies_when_evaluator_and_keeper_are_killed_together(bench):
    command = [sys.executable, "-c", EVALUATOR, bench.command(), str(bench.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as evaluator:
        assert evaluator.stdout.readline() == "entered\n"
        evaluator.send_signal(signal.SIGSTOP)
        os.kill(bench.keeper(), signal.SIGKILL)
        evaluator.kill()
    bench.wait_for_end()


@linux_only
def test_a_keeper_that_is_asked_to_end_stops_the_server_first(bench):
    async def use():
        async with bench.server("children") as server:
            os.kill(bench.keeper(), signal.SIGTERM)
            return await server.ended()

    assert "it was stopped" in asyncio.run(use())
    assert bench.living() == []
