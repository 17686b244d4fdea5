"""Targets: the expected values of cases, kept in SciCode's HDF5 layout (`tasks.target_layout`)."""

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Self, cast

import h5py  # pyright: ignore[reportMissingTypeStubs] - it ships none; Group stands in

from tasks.core.errors import TargetError
from tasks.core.listing import name_first
from tasks.core.records import Problem, Scored
from tasks.target_hashing import digest_group
from tasks.target_layout import Group, as_group
from tasks.target_reading import decode_case, is_small_literal
from tasks.target_writing import write_targets

__all__ = ["TargetFile", "check_targets", "write_targets"]

_CASE = re.compile(r"test[1-9][0-9]*")
_READ_ERRORS = (OSError, KeyError, RuntimeError, ValueError, TypeError)


class TargetFile:
    """The targets of one file, behind one read-only handle; close it, or use it with `with`."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            TargetError: it is missing, truncated or not HDF5.
        """
        self._path = path
        self._file = _open(path)
        self._root = cast(Group, self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the handle."""
        self._file.close()

    def case_counts(self) -> dict[str, int]:
        """Count the cases of every sub-step in the file."""
        with _readable(self._path, "its groups"):
            steps = {name: as_group(self._root.get(name)) for name in self._root}
            return {
                name: sum(bool(_CASE.fullmatch(case)) for case in step)
                for name, step in steps.items()
                if step is not None
            }

    def read(self, step_id: str, case_number: int) -> object:
        """Read the target of one case, numbered from 1; None if the case has no target.

        Raises:
            TargetError: there is no such case, or its values cannot be read.
        """
        name = f"{step_id}/test{case_number}"
        with _readable(self._path, name):
            case = as_group(self._root.get(name))
            if case is not None:
                return decode_case(case)
        raise _missing(self._path, name)

    def literals(self, step_id: str, cases: int) -> tuple[bool, ...]:
        """Tell for each case of a sub-step whether its target is a truth value or a small integer.

        Raises:
            TargetError: a case is missing, or cannot be read.
        """
        names = [f"{step_id}/test{number}" for number in range(1, cases + 1)]
        with _readable(self._path, step_id):
            groups = [as_group(self._root.get(name)) for name in names]
            return tuple(group is not None and is_small_literal(group) for group in groups)

    def digest(self, step_id: str) -> str:
        """Name all that the file holds for one sub-step: a sha256, in hex.

        Raises:
            TargetError: there is no such sub-step, or its values cannot be read.
        """
        with _readable(self._path, step_id):
            step = as_group(self._root.get(step_id))
            if step is not None:
                return digest_group(step)
        raise _missing(self._path, step_id)


def check_targets(path: Path, problems: Iterable[Problem], scored: Scored) -> frozenset[str]:
    """Check that the targets fit the problems, and return the ids of the sub-steps to score.

    Raises:
        TargetError: a scored sub-step has no targets or not one for each case, or none is left.
    """
    with TargetFile(path) as file:
        counts = file.case_counts()
    cases = {step.step_id: len(step.cases) for p in problems for step in p.sub_steps if step.cases}
    absent = [step_id for step_id in cases if step_id not in counts]
    wrong = [step_id for step_id, count in cases.items() if counts.get(step_id, count) != count]
    if wrong:
        raise TargetError(
            f"{path}: expected {cases[wrong[0]]} targets for {wrong[0]}, one for each case, found "
            f"{counts[wrong[0]]} (wrong number for {name_first(wrong)}); check that the file "
            "matches the dataset release"
        )
    if len(absent) == len(cases) or (absent and scored is Scored.ALL):
        restrict = f", or score only those that have them (`--scored {Scored.WITH_TARGETS}`)"
        raise TargetError(
            f"{path}: expected targets for {len(cases)} scored sub-steps, found none for "
            f"{name_first(absent) or 'any'}; check that the file matches the dataset release"
            + (restrict if len(absent) < len(cases) else "")
        )
    return frozenset(cases).difference(absent)


def _open(path: Path) -> h5py.File:
    try:
        path.open("rb").close()  # the system's message for a missing file is the clearer one
        return h5py.File(path, "r")
    except OSError as error:
        found = "a file that is not HDF5" if "signature not found" in str(error) else f"{error}"
        raise TargetError(
            f"{path}: expected a whole HDF5 file of targets, found {found}; fetch it with "
            "`scicode-flows prepare`, or derive it with `scicode-flows targets`"
        ) from error


@contextmanager
def _readable(path: Path, name: str) -> Generator[None]:
    try:
        yield
    except _READ_ERRORS as error:
        raise TargetError(
            f"{path}: expected readable values at {name}, found: {error}; the file may be "
            "damaged, so fetch or derive it again"
        ) from error


def _missing(path: Path, name: str) -> TargetError:
    return TargetError(
        f"{path}: expected a target at {name}, found none; check that the file matches the "
        "dataset release"
    )
