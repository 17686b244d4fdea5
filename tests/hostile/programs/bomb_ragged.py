"""Returns a ragged nest that numpy tries to make an array of."""


def answer(x):
    return [[0.0] * (number % 7) for number in range(5000)]
