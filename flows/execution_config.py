"""The part of the configuration that says on which machines programs are verified.

None of it changes a verdict.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from flows.filled_in import FilledIn
from flows.form import SETTINGS


class Execution(StrEnum):
    """Where programs run and are judged."""

    LOCAL = "local"
    RAY = "ray"
    DASK = "dask"


class ExecutionConfig(FilledIn):
    """Where verifications take place; generations stay with the evaluator."""

    model_config = SETTINGS

    execution: Execution = Field(
        Execution.LOCAL,
        description="where programs are verified: local, or on the nodes of a cluster: ray or dask",
    )
    execution_address: str | None = Field(
        None,
        min_length=1,
        description="address of the cluster, as in 10.0.0.1:6379 (Ray; default: auto, the one that "
        "this machine belongs to) or tcp://10.0.0.1:8786 (Dask)",
    )

    @model_validator(mode="after")
    def _cluster_is_known(self) -> Self:
        given = self.execution_address is not None
        if self.execution is Execution.DASK and not given:
            raise ValueError("execution_address: expected the scheduler's for dask, found none")
        if self.execution is Execution.LOCAL and given:
            raise ValueError("execution: expected ray or dask beside execution_address, found none")
        return self
