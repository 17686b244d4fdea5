"""Reads somebody's folder through a link in its own."""

import os


def answer(x):
    os.symlink("@SECRET@", "link")
    return "PROBE_OK" if os.listdir("link") else "nothing"
