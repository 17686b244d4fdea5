"""Returns objects that run a command wherever they are unpickled or copied."""

import os

import numpy as np


class Trap:
    def __reduce__(self):
        return os.system, ("touch @MARKERS@/unpickled",)


def answer(x):
    objects = np.empty(3, object)
    objects[:] = [Trap(), Trap(), Trap()]
    return (objects, Trap(), "done")
