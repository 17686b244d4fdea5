"""Starts hundreds of threads."""

import threading


def answer(x):
    threading.stack_size(2**16)
    done, threads = threading.Event(), []
    try:
        while len(threads) < 500:
            thread = threading.Thread(target=done.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError:
        pass
    done.set()
    return "PROBE_OK" if len(threads) == 500 else "nothing"
