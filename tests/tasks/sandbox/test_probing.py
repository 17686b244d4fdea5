"""A host's level is found out by trying, also where it lacks something or we have few rights."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.sandbox.layers import Layer, Level
from tasks.sandbox.probing import probe_level

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are layers on Linux only")


def run(source: str, python: str = sys.executable, **settings: object) -> str:
    ran = subprocess.run(
        [python, "-c", source], capture_output=True, text=True, cwd=ROOT, **settings
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    ("without", "best"),
    [
        ({Layer.LANDLOCK}, Level.ANY),
        ({Layer.SECCOMP}, Level.ANY),
        ({Layer.LANDLOCK, Layer.SECCOMP}, Level.NONE),
        ({Layer.USER_NS}, Level.STRONG),
        (set(Layer), Level.NONE),
    ],
)
def test_a_host_that_lacks_layers_is_at_a_lower_level(bare_python, without, best):
    report = probe_level(bare_python, without)
    assert report.level is best or list(Level).index(report.level) > list(Level).index(best)
    assert without & set(report.missing)
    assert (
        not without
        & {Layer(name) for name in report.layers}
        & {*(Layer.LANDLOCK, Layer.SECCOMP, Layer.USER_NS)}
    )
    assert report.advice


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_an_ordinary_user_gets_namespaces_too():
    python = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if usable(p)), None)
    if python is None:
        pytest.skip("no interpreter and no folder that nobody can read")
    source = (
        "from tasks.sandbox.probing import probe_level\n"
        "from tasks.sandbox.layers import Layer\n"
        "report = probe_level()\n"
        "print(report.level, 'uid' in report.layers, 'user_ns' in report.layers)\n"
        "print(probe_level(without={Layer.USER_NS}).level)"
    )
    out = run(source, python, user=65534, group=65534, extra_groups=[])
    assert out.splitlines() in (["full True True", "strong"], ["strong True False", "strong"])


def usable(python: str) -> bool:
    """Whether nobody can run it, in a version that we support, and read our files."""
    source = "import sys, tasks.sandbox.layers; sys.exit(sys.version_info < (3, 11))"
    command = [python, "-c", source]
    if not Path(python).exists():
        return False
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    try:
        return not subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, **nobody).returncode
    except OSError:
        return False


def test_a_host_that_denies_user_namespaces_is_no_failure(bare_python):
    # In a user namespace of one's own, the number of further ones can be set to none.
    source = (
        "import os\n"
        "from pathlib import Path\n"
        "from tasks.sandbox import kernel\n"
        "uid, gid = os.getuid(), os.getgid()\n"
        "kernel.unshare(kernel.CLONE_NEWUSER)\n"
        "Path('/proc/self/setgroups').write_text('deny')\n"
        "Path('/proc/self/uid_map').write_text(f'{uid} {uid} 1')\n"
        "Path('/proc/self/gid_map').write_text(f'{gid} {gid} 1')\n"
        "Path('/proc/sys/user/max_user_namespaces').write_text('0')\n"
        "from tasks.sandbox.probing import probe_level\n"
        f"report = probe_level({bare_python!r})\n"
        "print(report.level, 'user_ns' in report.missing)"
    )
    try:
        out = run(source)
    except AssertionError as error:
        if "unshare" in str(error) or "max_user_namespaces" in str(error):
            pytest.skip("no user namespaces here")
        raise
    assert out == "strong True\n"


def test_a_filter_that_denies_unshare_is_no_failure(bare_python):
    # As in a container: load the call's number; is it unshare's? then EPERM (1); else allow.
    source = (
        "import platform, struct\n"
        "from tasks.sandbox import kernel, seccomp\n"
        "number = {'x86_64': 272, 'aarch64': 97}[platform.machine()]\n"
        "ends = (6, 0, 0, 0x50001), (6, 0, 0, 0x7fff0000)\n"
        "lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number), *ends]\n"
        "kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)\n"
        "seccomp.install(b''.join(struct.pack('HBBI', *line) for line in lines))\n"
        "from tasks.sandbox.probing import probe_level\n"
        f"report = probe_level({bare_python!r})\n"
        "print(report.level, 'user_ns' in report.missing)"
    )
    assert run(source) == "strong True\n"
