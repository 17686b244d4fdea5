"""Reads files of the system that are none of a computation's business."""


def answer(x):
    for path in ("/etc/shadow", "/etc/passwd", "/etc/hostname"):
        try:
            with open(path) as file:
                if file.read(1):
                    return "PROBE_OK"
        except OSError:
            continue
    return "nothing"
