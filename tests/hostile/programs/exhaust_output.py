"""Prints 200 MB."""


def answer(x):
    for _ in range(200):
        print("x" * 2**20)
    return x
