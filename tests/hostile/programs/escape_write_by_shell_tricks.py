"""Makes folders, links, pipes and renames where a plain write might be watched."""

import os


def answer(x):
    attempts = [
        lambda: os.mkdir("@MARKERS@/folder"),
        lambda: os.symlink("/etc/passwd", "@MARKERS@/link"),
        lambda: os.mkfifo("@MARKERS@/pipe"),
        lambda: os.mknod("@MARKERS@/node"),
        lambda: os.link("@SECRET@/id_ed25519", "@MARKERS@/hard"),
        lambda: os.truncate("@MARKERS@", 0),
    ]
    for attempt in attempts:
        try:
            attempt()
        except OSError:
            continue
    return "tried"
