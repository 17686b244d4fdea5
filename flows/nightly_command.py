"""argv -> a night: evaluates the checkpoints that have no score yet, on schedule or by hand."""

import argparse
import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from flows.config import prepare_prefect, process_environment
from flows.nightly_config import OF_ONE_CHECKPOINT, NightlyConfig
from flows.options import add_settings, given_settings
from flows.settings import load_settings

DONE = 0


def add_nightly_command(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `nightly` to the command line."""
    nightly = add_parser(
        "nightly",
        help="evaluate the checkpoints that have no score yet, and compare them",
        description="Evaluate the checkpoints that have no score yet, compare each with the one "
        "before it and with the best before it, and publish the trend. Exit code 0: each has a "
        "score now, or there was nothing to do; 1: an evaluation failed, and is tried again by the "
        "same command. Settings are those of evaluate and these.",
    )
    nightly.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings")
    only = set(NightlyConfig.model_fields) - set(OF_ONE_CHECKPOINT)
    add_settings(nightly, NightlyConfig, only=only)
    nightly.set_defaults(handler=_nightly)


def _nightly(arguments: argparse.Namespace) -> int:
    config = load_settings(
        NightlyConfig,
        given_settings(arguments, NightlyConfig),
        process_environment(),
        arguments.config,
    )
    prepare_prefect()
    from flows.local_server import local_server
    from flows.nightly import nightly
    from flows.session import Session, session_in_use
    from flows.terminal import watching

    with (
        watching() as progress,
        local_server(os.getpid()),
        session_in_use(Session(progress=progress)),
    ):
        result = asyncio.run(nightly(config))
    evaluated = result["evaluated"]
    number = len(evaluated) if isinstance(evaluated, dict) else 0
    print(f"{number} evaluated" if number else "nothing to do: no new checkpoint")
    print(f"runs: {config.runs_root}")
    return DONE
