"""Starts hundreds of threads."""

import _thread


def answer(x):
    _thread.stack_size(2**16)
    gate, started = _thread.allocate_lock(), 0
    gate.acquire()
    try:
        while started < 400:
            _thread.start_new_thread(gate.acquire, ())
            started += 1
    except RuntimeError:
        pass
    return "PROBE_OK" if started == 400 else "nothing"
