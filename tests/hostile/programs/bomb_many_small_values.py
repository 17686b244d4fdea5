"""Returns a million empty lists, cheap on the wire and dear in memory."""


def answer(x):
    return [[] for _ in range(10**6)]
