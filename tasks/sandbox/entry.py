"""The first module that an interpreter of the sandbox runs: it becomes a zygote or a fresh child.

It is the `__main__` of a `bundle`, so it works in any interpreter, whether this package is
installed there or not. What is needed is imported here and now: the bundle lies in a folder that
a confined process cannot read.
"""

import sys

from tasks.sandbox import child, zygote


def main() -> None:
    """Take up the role that the command line names."""
    role, descriptor, parent = sys.argv[1:]
    if role == "zygote":
        zygote.main(int(descriptor))
    else:
        child.serve(int(descriptor), int(parent))


if __name__ == "__main__":
    main()
