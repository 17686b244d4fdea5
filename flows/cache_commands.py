"""argv -> what is kept between runs: shown by `cache ls`, removed by `cache rm`.

What to remove is taken from the command line alone: a model that the environment or a
configuration file names for evaluations must never choose what is deleted.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flows.config import DataSettings, process_environment
from flows.settings import load_settings
from tasks.core.errors import ConfigError

if TYPE_CHECKING:
    from tasks.cache_contents import Selection

DONE = 0
INCOMPLETE = 1

_DAY_S = 86400.0
_CHOOSING = ("model", "checkpoint", "problems", "repeats_from", "older_than")
_KINDS = ("verdicts", "environments", "unreadable", "everything")


def add_cache_commands(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `cache ls` and `cache rm` to the command line."""
    cache = add_parser("cache", help="show or remove what is kept between runs")
    commands = cache.add_subparsers(required=True, metavar="COMMAND")
    shown = commands.add_parser(
        "ls",
        help="show what is kept",
        description="Show what is kept in the cache folder: generations by model, checkpoint and "
        "settings, verdicts, environments, and what programs took.",
    )
    _add_place(shown)
    _add_choice(shown)
    shown.add_argument("--json", action="store_true", help="print it as JSON, times in UTC")
    shown.set_defaults(handler=_show)
    removed = commands.add_parser(
        "rm",
        help="remove some of what is kept",
        description="Remove what the options name. Options that choose generations hold together; "
        "the others add to them. Evaluations may go on meanwhile: what they miss they ask again, "
        "and an environment in use is left alone.",
    )
    _add_place(removed)
    _add_choice(removed)
    _add_removal(removed)
    removed.set_defaults(handler=_remove)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML file with the cache_dir")
    help_text = DataSettings.model_fields["cache_dir"].description
    parser.add_argument("--cache-dir", default=argparse.SUPPRESS, metavar="PATH", help=help_text)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="TEXT", help="generations of this model")
    parser.add_argument(
        "--checkpoint", metavar="TEXT", help="generations of this checkpoint, spelled out"
    )
    parser.add_argument(
        "--problems", type=_ids, metavar="LIST", help="generations of these problems, as in 1,3"
    )


def _add_removal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repeats-from", type=_count, metavar="N", help="generations of repeat N and above"
    )
    parser.add_argument(
        "--older-than", type=_days, metavar="DAYS", help="generations written longer ago"
    )
    parser.add_argument("--verdicts", action="store_true", help="all verdicts")
    parser.add_argument("--environments", action="store_true", help="environments not in use")
    parser.add_argument(
        "--unreadable",
        action="store_true",
        help="entries that are damaged or of another version, and what killed writers left",
    )
    parser.add_argument(
        "--all", dest="everything", action="store_true", help="everything that is kept"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def _ids(value: str) -> tuple[str, ...]:
    ids = tuple(part.strip() for part in value.split(",") if part.strip())
    if not ids:
        raise argparse.ArgumentTypeError(f"expected ids of problems as in 1,3, found {value!r}")
    return ids


def _count(value: str) -> int:
    if not value.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number from 0 on, found {value!r}")
    return int(value)


def _days(value: str) -> float:
    try:
        days = float(value)
    except ValueError:
        days = -1
    if not 0 <= days < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of days from 0 on, found {value!r}")
    return days


def _show(arguments: argparse.Namespace) -> int:
    from flows.cache_rendering import print_contents, print_json
    from flows.terminal import waiting
    from tasks.cache_contents import list_contents

    cache_dir, selection = _cache_dir(arguments), _selection(arguments)
    try:
        with waiting("reading"):
            contents = list_contents(cache_dir, selection)
    except OSError as error:
        raise _unreadable(cache_dir, error) from error
    if arguments.json:
        print_json(contents, cache_dir)
    else:
        print_contents(contents, cache_dir, narrowed=_is_chosen(arguments))
    return DONE


def _remove(arguments: argparse.Namespace) -> int:
    from flows.cache_rendering import print_removed
    from flows.terminal import waiting
    from tasks.cache_removal import Unwanted, remove

    chosen, kinds = _is_chosen(arguments), {kind: getattr(arguments, kind) for kind in _KINDS}
    _check_removal(chosen=chosen, kinds=kinds)
    selection = _selection(arguments) if chosen else None
    unwanted = Unwanted(generations=selection, **kinds)
    cache_dir = _cache_dir(arguments)
    try:
        with waiting("removing"):
            removed = remove(cache_dir, unwanted, dry_run=arguments.dry_run)
    except OSError as error:
        raise _unreadable(cache_dir, error) from error
    print_removed(removed, cache_dir, dry_run=arguments.dry_run)
    left = any(one.left for one in removed)
    return INCOMPLETE if left and not arguments.dry_run else DONE


def _check_removal(*, chosen: bool, kinds: dict[str, bool]) -> None:
    if not chosen and not any(kinds.values()):
        raise ConfigError(
            "expected what to remove, found nothing: give --model, --checkpoint, --problems, "
            "--repeats-from or --older-than for generations, --verdicts, --environments, "
            "--unreadable, or --all; --dry-run shows what would go"
        )
    if kinds["everything"] and chosen:
        raise ConfigError(
            "expected --all or options that choose generations, found both; leave out one"
        )


def _is_chosen(arguments: argparse.Namespace) -> bool:
    return any(getattr(arguments, name, None) is not None for name in _CHOOSING)


def _selection(arguments: argparse.Namespace) -> "Selection":
    from tasks.cache_contents import Selection

    given = vars(arguments)
    older_than = given.get("older_than")
    return Selection(
        model=given["model"],
        checkpoint=given["checkpoint"],
        problems=given["problems"] or (),
        repeats_from=given.get("repeats_from") or 0,
        written_before=None if older_than is None else time.time() - older_than * _DAY_S,
    )


def _cache_dir(arguments: argparse.Namespace) -> Path:
    given = {"cache_dir": arguments.cache_dir} if "cache_dir" in arguments else {}
    settings = load_settings(DataSettings, given, process_environment(), arguments.config)
    return settings.cache_dir


def _unreadable(cache_dir: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"cannot read the cache folder {cache_dir}: {error}; check its owner and permissions, or "
        "give another --cache-dir"
    )
