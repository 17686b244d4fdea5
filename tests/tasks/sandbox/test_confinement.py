"""Every layer stops what it is for, and what it stops works without it."""

import asyncio
import os
import platform
import sys
from pathlib import Path

import pytest

from tasks.core.records import ChildCase, Ending, Job, Limits
from tasks.sandbox.confinement import cpu_limit_s
from tasks.sandbox.layers import Layer, Level
from tasks.sandbox.wire import decode_values

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the layer exists on Linux only")
EVERYTHING = frozenset({Layer.LANDLOCK, Layer.SECCOMP, Layer.USER_NS, Layer.UID})
SYSCALL = (
    "import ctypes\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "def errno_of(*words):\n"
    "    answer = libc.syscall(*(ctypes.c_long(word) for word in words))\n"
    "    return ctypes.get_errno() if answer < 0 else 0\n"
)
# What each probe leaves in `done` is true where nothing stops it.
PROBES = {
    "socket": "import socket; done = socket.socket().fileno() > 0",
    "unix socket": "import socket; done = socket.socket(socket.AF_UNIX).fileno() > 0",
    "fork": "import os; pid = os.fork(); pid or os._exit(0); done = os.waitpid(pid, 0)[1] == 0",
    "fork bomb": (
        "import os, time\n"
        "pids = []\n"
        "for _ in range(20):\n"
        "    pid = os.fork()\n"
        "    if not pid: time.sleep(900)\n"
        "    pids.append(pid)\n"
        "done = len(pids) == 20"
    ),
    "process": "import subprocess; done = subprocess.run(['/bin/sh', '-c', ':']).returncode == 0",
    "signal to the parent": "import os; os.kill(os.getppid(), 0); done = True",
    "signal to the group": "import os; os.kill(0, 0); done = True",
    "ptrace": f"{SYSCALL}assert libc.ptrace(0, 0, 0, 0) == 0, PermissionError(1); done = True",
    "death signal": f"{SYSCALL}assert libc.prctl(1, 0, 0, 0, 0) == 0; done = True",
    "a file in a home": "done = open('@HOME@/id_ed25519').read() == 'secret'",
    "a link to a file": "import os; os.symlink('@HOME@', 'ln'); done = bool(os.listdir('ln'))",
    "the users of the machine": "done = 'root' in open('/etc/passwd').read()",
    "the parent's environment": (
        "import os; done = b'PATH' in open(f'/proc/{os.getppid()}/environ', 'rb').read()"
    ),
    "writing a file": "open('out.txt', 'w').write('x'); done = True",
    "writing a file elsewhere": "open('@HOME@/out.txt', 'w').write('x'); done = True",
    "writing shared memory": "open('/dev/shm/probe-of-a-test', 'w').close(); done = True",
    "cutting off a file": (
        "import os; os.close(os.open('@HOME@/cut', os.O_RDONLY | os.O_TRUNC)); done = True"
    ),
    "a folder": "import os; os.mkdir('d'); done = True",
    "changing a mode": "import os; os.chmod('@HOME@/cut', 0o644); done = True",
    "changing a time": "import os; os.utime('@HOME@/cut'); done = True",
    "a temporary file": "import tempfile; done = tempfile.TemporaryFile().write(b'x') == 1",
    "memory without an address": "import os; done = os.memfd_create('x') > 0",
}


@pytest.fixture
def home(tmp_path):
    (tmp_path / "id_ed25519").write_text("secret")
    (tmp_path / "cut").write_text("whole")
    return tmp_path


def probe(name, home):
    return PROBES[name].replace("@HOME@", str(home))


@ON_LINUX
@pytest.mark.parametrize("name", PROBES)
def test_what_a_program_has_no_business_with_is_denied(run_program, home, name):
    outcome = run_program(probe(name, home), ["done"])
    assert outcome.ending is Ending.RAISED, outcome
    assert outcome.frames == ()
    assert (home / "cut").read_text() == "whole"
    assert not (home / "out.txt").exists()


@ON_LINUX
@pytest.mark.parametrize("name", PROBES)
def test_without_the_layers_the_same_succeeds(run_unconfined, home, name):
    outcome = run_unconfined(probe(name, home), ["done"])
    Path("/dev/shm/probe-of-a-test").unlink(missing_ok=True)  # noqa: S108 - what it may have made
    assert outcome.ending is Ending.COMPLETED, outcome.detail
    assert decode_values(outcome.frames[0]) == [True]
    assert not outcome.violation


# Numbers of x86-64; the filter's logic for aarch64 is tested on its own.
NUMBERS = {
    "io_uring_setup": 425,
    "bpf": 321,
    "unshare": 272,
    "mount": 165,
    "process_vm_readv": 310,
    "userfaultfd": 323,
    "keyctl": 250,
    "perf_event_open": 298,
    "pidfd_open": 434,
    "shmget": 29,
    "setsid": 112,
    "vfork": 58,
    "execve": 59,
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")
@pytest.mark.parametrize("name", [*NUMBERS, "clone3", "openat2"])
def test_a_denied_system_call_fails_and_the_program_goes_on(run_program, name):
    # ENOSYS for the two that hide their flags, else EPERM; no argument is looked at before.
    number, errno = {"clone3": (435, 38), "openat2": (437, 38)}.get(name) or (NUMBERS[name], 1)
    outcome = run_program(SYSCALL, [f"errno_of({number}, -1, 0, 0, 0, 0, 0)"])
    assert outcome.ending is Ending.COMPLETED, outcome.detail
    assert decode_values(outcome.frames[0]) == [errno]
    assert not outcome.violation


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86-64")
@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("32-bit getpid", b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"),  # mov eax, 20; int 0x80; ret
        ("x32 getpid", b"\xb8\x27\x00\x00\x40\x0f\x05\xc3"),  # mov eax, 0x40000027; syscall; ret
    ],
)
def test_a_system_call_of_another_architecture_is_deadly(run_program, what, code):
    program = (
        "import ctypes, mmap\n"
        "page = mmap.mmap(-1, 4096, prot=7)\n"
        f"page.write({code!r})\n"
        "call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))\n"
        "call()"
    )
    outcome = run_program(program, ["1"])
    assert outcome.ending is Ending.KILLED, what
    assert outcome.detail == "killed by SIGSYS"
    assert outcome.violation


@ON_LINUX
@pytest.mark.parametrize(
    "program",
    [
        "import socket; socket.socket()",
        "open('out.txt', 'w')",
        "try: open('out.txt', 'w')\nexcept OSError as error: raise ValueError from error",
        "def f():\n  try: open('/etc/shadow', 'w')\n  finally: raise ValueError\nf()",
    ],
)
def test_failing_after_a_denial_is_a_violation(run_program, program):
    outcome = run_program(program, ["1"])
    assert outcome.ending is Ending.RAISED
    assert outcome.violation


@pytest.mark.parametrize(
    "program",
    [
        "1 / 0",
        "try: open('out.txt', 'w')\nexcept OSError: pass",
        "error = ValueError(); error.__context__ = error; raise error",
    ],
)
def test_failing_for_other_reasons_or_not_at_all_is_none(run_program, program):
    assert not run_program(program, ["1"]).violation


def test_what_programs_need_works_at_the_highest_level(run_program):
    program = (
        "import threading, random, os, importlib, warnings, uuid, time, zoneinfo, multiprocessing\n"
        "import numpy as np, scipy.cluster.vq\n"
        "results = []\n"
        "threads = [threading.Thread(target=results.append, args=(n,)) for n in range(8)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "os.open(os.devnull, os.O_WRONLY); open(os.devnull, 'w').write('x')\n"
        "source = np.random.default_rng().normal()\n"
    )
    outcome = run_program(program, ["sorted(results)", "len(os.urandom(9))", "os.cpu_count() > 0"])
    assert outcome.ending is Ending.COMPLETED, outcome.detail
    assert decode_values(outcome.frames[0]) == [list(range(8)), 9, True]


def test_plots_can_be_made_and_thrown_away(run_program):
    pytest.importorskip("matplotlib")
    program = (
        "import io\nimport matplotlib.pyplot as plt\nfrom mpl_toolkits.mplot3d import Axes3D\n"
        "plt.plot([1, 2]); file = io.BytesIO(); plt.savefig(file); plt.show()"
    )
    outcome = run_program(program, ["file.getvalue()[1:4]"])
    assert outcome.ending is Ending.COMPLETED, outcome.detail
    assert decode_values(outcome.frames[0]) == [b"PNG"]


def test_a_programs_own_signals_and_alarms_work(run_program):
    program = (
        "import os, signal, time\nseen = []\n"
        "signal.signal(signal.SIGALRM, lambda *_: seen.append('alarm'))\n"
        "signal.signal(signal.SIGUSR1, lambda *_: seen.append('usr1'))\n"
        "os.kill(os.getpid(), signal.SIGUSR1); signal.raise_signal(signal.SIGUSR1)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01)\n"
        "while 'alarm' not in seen: time.sleep(0.01)"
    )
    outcome = run_program(program, ["seen"])
    assert decode_values(outcome.frames[0]) == [["usr1", "usr1", "alarm"]]


@ON_LINUX
def test_threads_cannot_be_started_without_end(run_program):
    program = (
        "import threading\n"
        "stop = threading.Event()\n"
        "threading.stack_size(64 * 1024)\n"
        "started = 0\n"
        "try:\n"
        "    for _ in range(5000):\n"
        "        threading.Thread(target=stop.wait, daemon=True).start(); started += 1\n"
        "except RuntimeError: pass\n"
        "stop.set()"
    )
    outcome = run_program(program, ["started"])
    if Layer.PROCESSES not in outcome.layers:
        pytest.skip("no namespaces here")
    # 256 for the child alone, its first thread among them.
    assert decode_values(outcome.frames[0]) == [255]


def run_with(make_pool, keep, program, *ships, **settings):
    async def talk():
        async with make_pool(without=EVERYTHING - keep, **settings) as pool:
            return await pool.run(Job(program, (ChildCase("", ships),)))

    return asyncio.run(talk())


@ON_LINUX
def test_landlock_alone_guards_files(make_pool, home):
    program = (
        "import os\nfound = []\n"
        f"for path, flags in (({str(home / 'id_ed25519')!r}, os.O_RDONLY), ('out', os.O_CREAT)):\n"
        "    try: os.open(path, flags); found.append('opened')\n"
        "    except OSError as error: found.append(error.errno)"
    )
    outcome = run_with(make_pool, {Layer.LANDLOCK}, program, "found", "os.fork() >= 0")
    if Layer.LANDLOCK not in outcome.layers:
        pytest.skip("no Landlock here")
    # Reading and making are refused; another process is not this layer's business.
    assert decode_values(outcome.frames[0]) == [[13, 13], True]


@ON_LINUX
def test_seccomp_alone_guards_system_calls(make_pool, home):
    program = (
        "import os, socket\nfound = []\n"
        "for attempt in (os.fork, socket.socket, lambda: os.kill(os.getppid(), 0)):\n"
        "    try: attempt(); found.append('done')\n"
        "    except OSError as error: found.append(error.errno)"
    )
    secret = f"open({str(home / 'id_ed25519')!r}).read()"
    outcome = run_with(make_pool, {Layer.SECCOMP}, program, "found", secret)
    if Layer.SECCOMP not in outcome.layers:
        pytest.skip("no seccomp here")
    # System calls are refused; a file is not this layer's business.
    assert decode_values(outcome.frames[0]) == [[1, 1, 1], "secret"]


@ON_LINUX
def test_namespaces_alone_show_an_empty_machine(make_pool, home):
    program = (
        "import os, socket\n"
        "pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]\n"
        "net = [name for _, name in socket.if_nameindex()]\n"
    )
    ships = (
        *("os.getppid()", "len(pids) < 5 and max(pids) < 50", "net", "os.getuid()"),
        f"os.path.exists({str(home)!r})",
        "set(os.listdir('/')) & {'boot', 'srv', 'mnt', 'var'}",
    )
    outcome = run_with(make_pool, {Layer.USER_NS, Layer.UID}, program, *ships)
    if Layer.MOUNT_NS not in outcome.layers:
        pytest.skip("no namespaces here")
    assert decode_values(outcome.frames[0]) == [1, True, ["lo"], 1000, False, set()]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root has a spare")
def test_root_becomes_a_spare_user_where_that_one_can_read_the_interpreter(make_pool):
    async def talk():
        without = EVERYTHING - {Layer.UID}
        async with make_pool(without=without, python=python) as pool:
            return await pool.run(Job("import os", (ChildCase("", ("os.getresuid()",)),)))

    for python in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable):
        if Path(python).exists():
            outcome = asyncio.run(talk())
            (ids,) = decode_values(outcome.frames[0])
            assert (ids == (61000,) * 3) == (Layer.UID in outcome.layers)
            assert ids in ((61000,) * 3, (0,) * 3)


@ON_LINUX
@pytest.mark.parametrize(
    "keep", [{Layer.LANDLOCK}, {Layer.USER_NS, Layer.UID}, EVERYTHING, set()], ids=len
)
def test_the_packages_own_targets_cannot_be_read_where_it_is_installed(
    make_pool, make_python, keep
):
    python = make_python()
    (libraries,) = Path(python).parents[1].glob("lib/python*/site-packages")
    targets = libraries / "tasks" / "example" / "targets.h5"
    targets.parent.mkdir(parents=True)
    targets.write_text("42")
    (libraries / "neighbour.py").write_text("answer = 42")
    # More of them than a child may have files open: each has a rule of its own.
    for number in range(300):
        (libraries / f"another_{number}.py").touch()
    program = (
        "import neighbour\n"
        f"try: found = open({str(targets)!r}).read()\n"
        "except OSError: found = None"
    )
    ships = ("found", "neighbour.answer")
    outcome = run_with(make_pool, keep, program, *ships, python=python)
    assert outcome.ending is Ending.COMPLETED, outcome.detail
    is_guarded = bool({Layer.LANDLOCK, Layer.MOUNT_NS} & set(outcome.layers))
    assert decode_values(outcome.frames[0]) == [None if is_guarded else "42", 42]


@ON_LINUX
def test_every_limit_is_in_force_and_named(run_program):
    names = ("CPU", "CORE", "NOFILE")
    program = (
        "import resource\n"
        "mapped = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_AS)"
    )
    limits = Limits(cpu_s=6.5, wall_s=60.0, memory_bytes=2**30, frame_bytes=2**20)
    expressions = [f"resource.getrlimit(resource.RLIMIT_{name})" for name in names]
    outcome = run_program(program, [*expressions, "hard - soft", "soft - mapped"], limits=limits)
    *found, reserve, room = decode_values(outcome.frames[0])
    # One second of the processor's to stop in, 32 MiB of memory to report in.
    assert found == [(7, 8), (0, 0), (256, 256)]
    assert reserve == 32 * 2**20
    # What the program may add to its interpreter's memory; it has added a little.
    assert 2**30 - 32 * 2**20 < room <= 2**30


@ON_LINUX
def test_the_child_dies_with_its_parent_by_signal(run_program):
    program = "import ctypes\nn = ctypes.c_int()\nctypes.CDLL(None).prctl(2, ctypes.byref(n))"
    assert decode_values(run_program(program, ["n.value"]).frames[0]) == [9]


@ON_LINUX
def test_a_child_has_no_privilege_and_can_gain_none(run_program):
    program = "status = dict(line.split(':\\t') for line in open('/proc/self/status'))"
    names = ("CapEff", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp")
    outcome = run_program(program, [f"status['{name}'].strip()" for name in names])
    assert outcome.ending is Ending.COMPLETED, outcome.detail
    if Layer.USER_NS in outcome.layers:
        assert decode_values(outcome.frames[0]) == ["0" * 16] * 4 + ["1", "2"]


def test_resources_used_are_in_the_outcome(run_program):
    program = "import time\nx = bytearray(200 * 2**20)\nwhile time.process_time() < 0.3: pass"
    outcome = run_program(program, ["1"])
    assert outcome.cpu_s >= 0.29
    assert outcome.peak_bytes >= 200 * 2**20


def test_processor_seconds_are_whole_and_at_least_one():
    assert [cpu_limit_s(Limits(cpu_s=s)) for s in (0.1, 1.0, 1.2, 30.0)] == [1, 1, 2, 30]


def test_a_pool_says_its_level(confined_pool):
    assert confined_pool.report.level in Level
    assert set(confined_pool.report.layers) <= set(Layer)
