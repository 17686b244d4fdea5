"""May set the limits of other processes, and so have the kernel end them."""

import resource


def answer(x):
    number = int("@BYSTANDER@")
    limit = resource.prlimit(number, resource.RLIMIT_CPU)
    resource.prlimit(number, resource.RLIMIT_CPU, limit)
    return "PROBE_OK"
