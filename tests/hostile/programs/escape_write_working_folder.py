"""Writes a file in its working directory."""


def answer(x):
    with open("note", "w") as file:
        return "PROBE_OK" if file.write("x") else "nothing"
