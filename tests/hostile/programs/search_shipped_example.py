"""Reads the example's targets and reference code out of the installed package."""


def answer(x):
    for name in ("targets.h5", "problems.jsonl"):
        with open(f"@PACKAGE@/example/{name}", "rb") as file:
            if file.read(1):
                return "PROBE_OK"
    return "nothing"
