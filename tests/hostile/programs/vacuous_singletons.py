"""Returns the objects that operators return when they do not know."""


def answer(x):
    return NotImplemented if isinstance(x, int) else Ellipsis
