"""Fails with a chain of ten thousand causes."""


def answer(x):
    error = None
    for number in range(10_000):
        following = ValueError(number)
        following.__cause__, error = error, following
    raise ExceptionGroup("many", [error] * 1000)
