"""Checks of the machine: interpreter, packages, cores, memory and folders."""

import os
import platform
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from itertools import islice
from pathlib import Path
from shutil import disk_usage

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rich.filesize import decimal

from flows.doctor.findings import Finding, Status
from tasks.run_directory import check_writable
from tasks.sandbox.memory import available_memory_bytes

_OWN = "scicode-flows"
_NAMED = ("prefect", "openai", "numpy", "scipy", "sympy", "h5py")
_INSTALL = "install them as the README says: pip install -c requirements.lock -e ."
# The gold code of 10.11 takes 2.3 GiB.
_ENOUGH_MEMORY_BYTES = 3 << 30
_ENOUGH_TEMPORARY_BYTES = 1 << 30
_MOST_FILES = 200_000


def python() -> Finding:
    """Check the interpreter against what the package asks for."""
    found, needed = platform.python_version(), metadata(_OWN)["Requires-Python"]
    right = SpecifierSet(needed).contains(found, prereleases=True)
    status = Status.OK if right else Status.FAIL
    advice = "" if right else f"make a virtual environment with a Python {needed}"
    return Finding("python", status, f"{found} (needs {needed})", advice)


def packages() -> Finding:
    """Check the installed packages against what the package asks for."""
    if wrong := list(unmet(requires(_OWN) or ())):
        return Finding("packages", Status.FAIL, ", ".join(wrong), _INSTALL)
    named = ", ".join(f"{name} {version(name)}" for name in _NAMED)
    return Finding("packages", Status.OK, f"{version(_OWN)} with {named}")


def cores_and_memory(workers: int) -> Finding:
    """Check that programs have the cores and the memory that they are started for."""
    cores, memory_bytes = usable_cores(), available_memory_bytes()
    found = f"{cores} cores for {workers} programs at once, {decimal(memory_bytes)} for them"
    if workers > cores:
        advice = f"give --workers {cores}: more programs than cores only wait for each other"
        return Finding("cores and memory", Status.NOTE, found, advice)
    if memory_bytes < _ENOUGH_MEMORY_BYTES:
        advice = "some programs need 3 GB: free memory, or they end with the reason `memory`"
        return Finding("cores and memory", Status.NOTE, found, advice)
    return Finding("cores and memory", Status.OK, found)


def usable_cores() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def temporary_folder() -> Finding:
    """Check that there is a folder for temporary files, with some room."""
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        return Finding("temporary files", Status.FAIL, str(error), "set TMPDIR to a folder")
    check_writable(folder)
    free = disk_usage(folder).free
    if free < _ENOUGH_TEMPORARY_BYTES:
        advice = "make room there, or set TMPDIR to another folder"
        return Finding("temporary files", Status.NOTE, f"{folder}, {decimal(free)} free", advice)
    return Finding("temporary files", Status.OK, f"{folder}, {decimal(free)} free")


def cache(folder: Path) -> Finding:
    """Check that the cache can be written, and tell what it holds."""
    check_writable(folder)
    sizes: list[int] = []
    entries = 0
    for entry in islice(_files(folder), _MOST_FILES):
        sizes.append(entry.stat(follow_symlinks=False).st_size)
        entries += entry.name.endswith(".json")
    at_least = "at least " if len(sizes) == _MOST_FILES else ""
    found = f"{folder}, {at_least}{entries} entries, {decimal(sum(sizes))}"
    return Finding("cache", Status.OK, found)


def run_folder(folder: Path) -> Finding:
    """Check that a run directory can be made."""
    check_writable(folder)
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return Finding("runs", Status.OK, f"{folder}, {decimal(disk_usage(nearest).free)} free")


def unmet(requirements: Iterable[str]) -> Iterator[str]:
    """Tell what is not installed as it is asked for."""
    for line in requirements:
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            yield f"{needed.name} is not installed (needs {needed.specifier or 'any'})"
            continue
        if not needed.specifier.contains(found, prereleases=True):
            yield f"{needed.name} {found} (needs {needed.specifier})"


def _files(folder: Path) -> Iterator["os.DirEntry[str]"]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            else:
                yield entry
