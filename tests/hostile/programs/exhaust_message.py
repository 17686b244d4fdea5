"""Fails with a message of a hundred megabytes."""


def answer(x):
    raise ValueError("x" * 10**8)
