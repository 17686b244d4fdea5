"""Returns a dictionary without keys."""


def answer(x):
    return {}
