"""Fills the disk with many files, none of them large."""


def answer(x):
    for number in range(16):
        with open(f"part{number}", "wb") as file:
            file.write(bytes(2**20))
    return "PROBE_OK"
