"""Configuration -> inputs: everything that an evaluation reads, checked before any work."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from flows.config import EvalConfig, read_key
from flows.dataset import Dataset, dataset_identity, load_dataset, locate
from flows.embedded import embedded_books, embedded_checkpoint
from tasks.addresses import check_key, check_url
from tasks.checkpoint_files import identify_checkpoint
from tasks.core.errors import ConfigError
from tasks.core.json_value import JsonValue
from tasks.core.model_settings import ModelSettings
from tasks.core.spending import Price
from tasks.endpoint.answers import StepBook
from tasks.model_server.command import fill_command
from tasks.run_directory import check_writable
from tasks.templates import Template, load_template, own_template

OFFICIAL = "official"
OWN = "own"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that one evaluation reads.

    `books` are what the embedded endpoint answers, `price` what the model's tokens cost, if known.
    """

    dataset: Dataset
    template: Template
    settings: ModelSettings
    books: dict[str, StepBook]
    price: Price | None = None


def load_inputs(config: EvalConfig) -> Inputs:
    """Read and check everything before any work.

    Raises:
        ConfigError, DatasetError, TargetError: what was expected, what was found, what to do.
    """
    dataset = load_dataset(config)
    template = load_prompt_template(config)
    check_writable(config.cache_dir)
    check_endpoint(config)
    is_embedded = config.base_url is None and config.serve_command is None
    books = embedded_books(dataset, config.model_name) if is_embedded else {}
    settings = ModelSettings(
        model=config.model_name,
        checkpoint=_identity(config, dataset),
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
        max_completion_tokens=config.max_completion_tokens,
        seed=config.seed,
        stop=config.stop,
        reasoning_effort=config.reasoning_effort,
        extra_body=cast(dict[str, JsonValue], config.extra_body),
        api=config.api,
    )
    known = config.prices.get(config.model_name)
    price = None if known is None else Price(known.input, known.output)
    return Inputs(dataset, template, settings, books, price)


def check_endpoint(config: EvalConfig) -> None:
    """Check what can be checked of the endpoint before anything is sent or started.

    Raises:
        ConfigError: the address, the key or the command that serves cannot be used.
    """
    check_key(read_key(config.api_key_env))
    if config.base_url is not None:
        check_url(config.base_url)
    if config.serve_command is not None and config.checkpoint is not None:
        fill_command(config.serve_command, config.checkpoint, config.model_name, port=1)


def _identity(config: EvalConfig, dataset: Dataset) -> str:
    """Identify the weights: by their files where we serve them, else as the user does."""
    if config.serve_command is not None and config.checkpoint is not None:
        return identify_checkpoint(Path(config.checkpoint), hash_weights=config.hash_weights)
    if config.checkpoint is not None:
        return config.checkpoint
    return config.base_url or embedded_checkpoint(dataset, config.model_name)


def load_prompt_template(config: EvalConfig) -> Template:
    """Read the prompt template: the one that is asked for, else the official one, else our own.

    Raises:
        ConfigError: the official one is asked for and is not there.
        DatasetError: the file cannot be used as a template.
    """
    kind, background = _named_template(config)
    if kind is None and config.prompt is not None:
        return load_template(Path(config.prompt))
    upstream = locate(config).upstream
    name = "multistep_template.txt" if background else "background_comment_template.txt"
    found = upstream is not None and (upstream / name).is_file()
    if kind == OFFICIAL and not found:
        raise ConfigError(
            f"expected the official prompt template {name} beside the problems or in --upstream, "
            "found none; `scicode-flows prepare scicode` fetches it"
        )
    if upstream is None or not found or kind == OWN:
        return own_template(background=background)
    return load_template(upstream / name)


def _named_template(config: EvalConfig) -> tuple[str | None, bool]:
    """Return whose template is asked for by a name, and whether it is the one with background."""
    names = {
        f"{kind}{suffix}": (kind, background)
        for kind in (OFFICIAL, OWN)
        for suffix, background in (
            ("", config.background),
            ("-with-background", True),
            ("-without-background", False),
        )
    }
    return names.get(config.prompt or "", (None, config.background))


def run_identity(config: EvalConfig, inputs: Inputs) -> dict[str, JsonValue]:
    """Return what a run directory belongs to: everything that can change its results."""
    return {
        **dataset_identity(config, inputs.dataset),
        "prompt_sha256": inputs.template.sha256,
        "background": config.background,
        "repeats": config.repeats,
        "extraction": config.extraction.value,
        **asdict(inputs.settings),
    }
