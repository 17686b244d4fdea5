"""Gives the compiler nests that its own stack may not survive."""


def answer(x):
    for depth in (80, 90, 5000, 100_000):
        try:
            compile("(" * depth + ")" * depth, "nest", "exec")
            compile("-" * depth + "1", "nest", "exec")
        except (SyntaxError, MemoryError, RecursionError):
            continue
    return eval("+".join(["1"] * 100_000))
