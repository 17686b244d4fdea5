"""Prints 50 MB."""


def answer(x):
    for _ in range(50):
        print("x" * 2**20)
    return x
