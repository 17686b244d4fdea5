"""A grandchild keeps every descriptor open, so that nobody sees the end of the channel."""

import os
import signal
import time


def answer(x):
    if os.fork() == 0:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(100)
        os._exit(0)
    os._exit(0)
