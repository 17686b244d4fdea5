"""Starts a hundred processes."""

import os
import signal
import time


def answer(x):
    numbers = []
    try:
        while len(numbers) < 100:
            number = os.fork()
            if number == 0:
                time.sleep(100)
                os._exit(0)
            numbers.append(number)
    except OSError:
        pass
    for number in numbers:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
    return "PROBE_OK" if len(numbers) == 100 else "nothing"
