"""Packs the code that runs inside the sandbox into one file that any interpreter can run.

So another environment needs nothing of this project installed, and no interpreter of the sandbox
has the project's folder on its import path.
"""

import zipfile
from pathlib import Path

from tasks.core.errors import SandboxError

_ROOT = Path(__file__).parents[2]
_SHARED = (
    *("tasks/__init__.py", "tasks/core/__init__.py"),
    *("tasks/core/records.py", "tasks/core/errors.py"),
)
_ENTRY = Path(__file__).with_name("entry.py")


def write_bundle(path: Path) -> None:
    """Write the file; `python -I FILE` runs `tasks.sandbox.entry`.

    Raises:
        SandboxError: it cannot be written.
    """
    own = sorted(Path(__file__).parent.glob("*.py"))
    try:
        with zipfile.ZipFile(path, "w") as bundle:
            for name in _SHARED:
                bundle.write(_ROOT / name, name)
            for file in own:
                bundle.write(file, f"tasks/sandbox/{file.name}")
            bundle.write(_ENTRY, "__main__.py")
    except OSError as error:
        raise SandboxError(
            f"cannot write the sandbox's code to {path}: {error}; make room in the temporary "
            "folder, or choose another with TMPDIR"
        ) from error
