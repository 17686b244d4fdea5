"""Configuration -> the checkpoints that there are tonight, whichever way they are found."""

import time
from functools import partial
from pathlib import Path

from flows.config import read_key
from flows.dataset import Dataset
from flows.embedded import embedded_books, embedded_checkpoint
from flows.nightly_config import NightlyConfig
from tasks.checkpoint_files import identify_checkpoint
from tasks.checkpoint_finding import (
    Found,
    find_listed,
    find_on_disk,
    find_served,
    matching_paths,
    split_entry,
)
from tasks.core.checkpoint_series import Checkpoint
from tasks.known_weights import identify_content
from tasks.model_list import ask_models
from tasks.model_server.command import fill_command

IDENTITIES = "ledger/identities"
_LIST_TIMEOUT_S = 30.0


def check_sources(config: NightlyConfig) -> None:
    """Check what can be checked before anything is looked for.

    Raises:
        ConfigError: the command that serves cannot be used, or a listed model has no identity.
    """
    if config.serve_command is not None:
        fill_command(config.serve_command, "checkpoint", "model", port=1)
    elif config.base_url is not None:
        for entry in config.checkpoint_list:
            split_entry(entry)


def find_checkpoints(config: NightlyConfig, dataset: Dataset) -> Found:
    """Find the checkpoints that can be evaluated, and say why others cannot.

    Raises:
        ConfigError: the address or the key cannot be used, or a listed model is not known.
        ProviderError: the endpoint cannot be asked for its models.
    """
    if config.serve_command is not None:
        identify = partial(identify_checkpoint, hash_weights=False)
        if config.hash_weights:
            identify = partial(identify_content, folder=config.runs_root / IDENTITIES)
        return find_on_disk(
            _paths(config), settle_s=config.settle_s, now_s=time.time(), identify=identify
        )
    if config.base_url is None:
        return Found(tuple(_embedded(dataset, name) for name in config.checkpoint_list))
    answer = ask_models(config.base_url, read_key(config.api_key_env), _LIST_TIMEOUT_S)
    if config.model_template is not None:
        return find_served(config.model_template, answer, config.base_url)
    return find_listed(config.checkpoint_list, answer, config.base_url)


def _paths(config: NightlyConfig) -> dict[str, Path]:
    if config.checkpoints is not None:
        return matching_paths(config.checkpoints)
    return {entry: Path(entry).expanduser().absolute() for entry in config.checkpoint_list}


def _embedded(dataset: Dataset, name: str) -> Checkpoint:
    embedded_books(dataset, name)
    identity = embedded_checkpoint(dataset, name)
    return Checkpoint(name, f"{name}={identity}", identity)
