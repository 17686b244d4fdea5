"""May decide on which processors, and how urgently, other processes run."""

import os


def answer(x):
    number = int("@BYSTANDER@")
    os.sched_setaffinity(number, os.sched_getaffinity(number))
    os.setpriority(os.PRIO_PROCESS, number, os.getpriority(os.PRIO_PROCESS, number))
    return "PROBE_OK"
