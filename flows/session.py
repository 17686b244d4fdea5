"""What the command line hands to a flow that it calls in its own process.

A flow that a server starts has none of it: it loads its inputs itself and nobody watches.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from flows.dataset import Dataset
from flows.inputs import Inputs
from flows.progress import LoggedProgress, Progress


@dataclass(frozen=True, slots=True)
class Session:
    """Inputs that were already loaded and checked, who watches, and what is evaluated.

    `subject` names it on the server, where the model's name would not do.
    """

    inputs: Inputs | None = None
    dataset: Dataset | None = None
    progress: Progress = field(default_factory=LoggedProgress)
    subject: str | None = None


SESSION: ContextVar[Session] = ContextVar("session", default=Session())  # noqa: B039 - frozen


@contextmanager
def session_in_use(session: Session) -> Generator[None]:
    """Hand these to the flow that is called inside, and to no later one."""
    token = SESSION.set(session)
    try:
        yield
    finally:
        SESSION.reset(token)
