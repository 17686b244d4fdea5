"""Reads a private key in somebody's folder."""


def answer(x):
    with open("@SECRET@/id_ed25519") as file:
        return "PROBE_OK" if file.read() else "nothing"
