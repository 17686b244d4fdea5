"""Writes a file wherever it likes."""


def answer(x):
    with open("@MARKERS@/written", "w") as file:
        file.write("x")
    return "written"
