"""Makes a user namespace, in which it is privileged."""

import ctypes


def answer(x):
    return "nothing" if ctypes.CDLL(None).unshare(0x10000000) else "PROBE_OK"
