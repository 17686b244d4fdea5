"""Matches an expression whose search doubles with each letter."""

import re


def answer(x):
    return re.match("(a+)+$", "a" * 60 + "b")
