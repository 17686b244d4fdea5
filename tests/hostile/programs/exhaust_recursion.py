"""Calls itself until the stack is gone."""

import sys

sys.setrecursionlimit(2**30)


def answer(x):
    return list(map(answer, [x]))
