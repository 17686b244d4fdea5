"""Returns a list of thirty objects that is a billion elements when written out."""


def answer(x):
    value = [0.5, 0.5]
    for _ in range(30):
        value = [value, value]
    return value
