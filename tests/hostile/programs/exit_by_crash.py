"""Crashes the interpreter through an address that does not exist."""

import ctypes


def answer(x):
    ctypes.string_at(8)
