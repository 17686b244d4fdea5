"""Where deployed evaluations run: a work pool, and what each of its jobs is told."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from tasks.core.errors import ConfigError


class PoolType(StrEnum):
    """The kinds of work pools that there is a job template for."""

    PROCESS = "process"
    DOCKER = "docker"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class Pool:
    """A work pool. A `type` of None takes that of the pool, or makes one of processes.

    `working_dir` is where relative paths of an evaluation start on the worker, `image` what a
    container is made from.
    """

    name: str
    type: PoolType | None = None
    working_dir: Path | None = None
    image: str | None = None

    def of_type(self, name: str) -> "Pool":
        """Return this pool, now that its type is known.

        Raises:
            ConfigError: what was given does not belong to a pool of this type.
        """
        if name not in list(PoolType):
            raise ConfigError(
                f"expected work pool {self.name!r} to be of type {', '.join(PoolType)}, found "
                f"{name}; give --pool another name"
            )
        if name == PoolType.PROCESS and self.image is not None:
            raise ConfigError(f"image: work pool {self.name!r} runs processes, not containers")
        if name != PoolType.PROCESS and self.working_dir is not None:
            raise ConfigError(
                f"working_dir: a container of work pool {self.name!r} has its own, /scicode"
            )
        return replace(self, type=PoolType(name))

    @property
    def job_variables(self) -> dict[str, str]:
        """What a deployment sets of the pool's job template.

        Without a working directory, a process would run in a folder that is removed at its end,
        and its run directory with it.
        """
        if self.type is PoolType.PROCESS:
            return {"working_dir": str((self.working_dir or Path()).absolute())}
        return {"image": self.image} if self.image is not None else {}
