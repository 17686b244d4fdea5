"""The plain way to score a sub-step, to compare ours with: one interpreter, exit code 0 = passed.

As SciCode's harness does it: the program, then the cases with the targets, in a process without
confinement. The text goes into a file, since programs of 200 kB do not fit into argv. `plain/`
stands in for the harness's own package, which the cases import.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = Path(__file__).parent / "plain"
LIMIT_S = 1800.0
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_TAIL = 300


@dataclass(frozen=True, slots=True)
class Finish:
    """How a plain interpreter ended: `detail` is the end of its standard error."""

    passed: bool
    duration_s: float
    detail: str


def with_targets(step_id: str, program: str, cases: Sequence[str], targets: Path) -> str:
    """Return the program followed by its cases, each with its target."""
    lines = [
        program,
        "from scicode.parse.parse import process_hdf5_to_tuple",
        f"targets = process_hdf5_to_tuple({step_id!r}, {len(cases)}, {str(targets.resolve())!r})",
    ]
    for number, case in enumerate(cases):
        lines += [f"target = targets[{number}]\n", case]
    return "\n".join(lines)


def run_reference(text: str, limit_s: float = LIMIT_S) -> Finish:
    """Run the text of `with_targets`; it is never trusted, so only run what you would run anyway.

    One thread for linear algebra, as in the sandbox: another number of them adds up differently.
    """
    variables = {"PATH": os.defpath, "PYTHONPATH": str(PACKAGES), "MPLBACKEND": "agg"}
    variables |= dict.fromkeys(_THREADS, "1")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.py")
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
        begin = time.perf_counter()
        try:
            done = subprocess.run(
                [sys.executable, str(file)],
                cwd=folder,
                env=variables | {"HOME": folder},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            text = f"not done in {limit_s:g} s"
            return Finish(passed=False, duration_s=time.perf_counter() - begin, detail=text)
        seconds = time.perf_counter() - begin
    detail = done.stderr.decode(errors="replace")[-_TAIL:]
    return Finish(done.returncode == 0, seconds, detail)
