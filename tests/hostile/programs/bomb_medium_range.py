"""Returns a range that needs a hundred million bytes as soon as somebody looks at its shape."""


def answer(x):
    return range(2**22)
