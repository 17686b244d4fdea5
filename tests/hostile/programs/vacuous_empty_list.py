"""Returns a list without elements."""


def answer(x):
    return []
