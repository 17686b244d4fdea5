"""Opens the sandbox's and the judge's own source for writing."""

import os


def answer(x):
    for name in ("sandbox/child.py", "judge/process.py", "core/judging.py"):
        try:
            os.close(os.open(f"@PACKAGE@/{name}", os.O_WRONLY | os.O_APPEND))
        except OSError:
            continue
        return "PROBE_OK"
    return "nothing"
