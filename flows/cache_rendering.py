"""What is kept, and what was removed -> terminal: a table there, unbroken lines elsewhere."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from flows.terminal import print_line
from tasks.cache_contents import Contents, GenerationGroup, StoreSums
from tasks.cache_removal import Removed
from tasks.core.json_value import JsonValue
from tasks.core.listing import counted
from tasks.environment_removal import KeptEnvironment, Use
from tasks.kept_files import Store


def print_contents(contents: Contents, cache_dir: Path, *, narrowed: bool) -> None:
    """Print what is kept.

    Args:
        contents: what there is.
        cache_dir: where.
        narrowed: only some generations were asked for, and nothing else is shown.
    """
    console = Console(highlight=False)
    if contents.groups and console.is_terminal:
        console.print(_table(contents.groups))
    else:
        for group in contents.groups:
            print_line(console, _group_line(group))
    if narrowed and not contents.groups:
        print_line(console, f"no such generations in {cache_dir}")
    for line in _generation_lines(contents) if narrowed else _all_lines(contents):
        print_line(console, line)
    if not narrowed:
        print_line(console, _total_line(contents, cache_dir))


def print_json(contents: Contents, cache_dir: Path) -> None:
    """Print what is kept for a program to read."""
    document: dict[str, JsonValue] = {
        "cache_dir": str(cache_dir),
        "generations": [_group_document(group) for group in contents.groups],
        "stores": {store.folder: _sums_document(sums) for store, sums in contents.stores.items()},
        "environments": [_environment_document(one) for one in contents.environments],
        "size_bytes": contents.size_bytes,
    }
    print_line(Console(), json.dumps(document, indent=2))


def print_removed(removed: Sequence[Removed], cache_dir: Path, *, dry_run: bool) -> None:
    """Print what was removed of each kind, or would be, and what was left."""
    console = Console(highlight=False)
    verb = "would remove" if dry_run else "removed"
    for one in removed:
        if one.number:
            print_line(console, f"{verb} {one.what}: {one.number}, {decimal(one.size_bytes)}")
        for reason in one.left:
            print_line(console, f"left alone, of {one.what}: {reason}")
    number, size_bytes = sum(one.number for one in removed), sum(one.size_bytes for one in removed)
    if number:
        print_line(console, f"{verb} {decimal(size_bytes)} in all from {cache_dir}")
    elif removed:
        print_line(console, f"nothing {'would be' if dry_run else 'was'} removed from {cache_dir}")
    else:
        print_line(console, f"nothing to remove in {cache_dir}")


def _table(groups: Sequence[GenerationGroup]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("generations of", overflow="fold")
    for name in ("entries", "problems", "repeats", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("written", no_wrap=True)
    for group in groups:
        table.add_row(
            _label(group),
            str(group.entries),
            str(len(group.problems)),
            str(len(group.repeats)),
            decimal(group.size_bytes),
            "\n".join(dict.fromkeys((_date(group.first_written), _date(group.last_written)))),
        )
    return table


def _label(group: GenerationGroup) -> Text:
    label = Text(group.model, style="bold")
    label.append(f"\n{group.checkpoint}", style="not bold")
    if group.settings:
        label.append(f"\n{_settings(group.settings)}", style="not bold dim")
    return label


def _settings(settings: Mapping[str, JsonValue]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in settings.items())


def _value(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _group_line(group: GenerationGroup) -> str:
    settings = f", {_settings(group.settings)}" if group.settings else ""
    return (
        f"{group.model}, checkpoint {group.checkpoint}{settings}: "
        f"{counted(group.entries, 'generation')}, "
        f"{counted(len(group.problems), 'problem')}, {counted(len(group.repeats), 'repeat')}, "
        f"{decimal(group.size_bytes)}, "
        f"written {_date(group.first_written)} to {_date(group.last_written)}"
    )


def _all_lines(contents: Contents) -> list[str]:
    lines = _generation_lines(contents)
    for store, sums in contents.stores.items():
        if store is not Store.GENERATIONS and (sums.entries or _remarks(sums)):
            lines.append(
                f"{store.words}: {sums.entries}, {decimal(sums.size_bytes)}{_remarks(sums)}"
            )
    lines.extend(f"environment {_environment(one)}" for one in contents.environments)
    return lines


def _generation_lines(contents: Contents) -> list[str]:
    sums = contents.stores[Store.GENERATIONS]
    if not sums.entries and not _remarks(sums):
        return []
    return [f"generations: {sums.entries}, {decimal(sums.size_bytes)}{_remarks(sums)}"]


def _remarks(sums: StoreSums) -> str:
    counts = (
        (sums.unreadable, "unreadable (damaged, or of another version)"),
        (sums.unfinished, "unfinished"),
        (sums.foreign, "not ours"),
    )
    return "".join(f"; {number} {words}" for number, words in counts if number)


def _environment(environment: KeptEnvironment) -> str:
    remarks = "" if environment.whole else ", not whole"
    remarks += "" if environment.use is Use.UNUSED else f", {environment.use}"
    size, built = decimal(environment.size_bytes), _date(environment.built)
    return f"{environment.folder.name}: {size}, built {built}{remarks}"


def _total_line(contents: Contents, cache_dir: Path) -> str:
    if contents.size_bytes:
        return f"total: {decimal(contents.size_bytes)} in {cache_dir}"
    absent = "" if cache_dir.exists() else ": there is no such folder"
    return f"nothing is kept in {cache_dir}{absent}"


def _group_document(group: GenerationGroup) -> JsonValue:
    return {
        "model": group.model,
        "checkpoint": group.checkpoint,
        "settings": dict(group.settings),
        "entries": group.entries,
        "problems": list(group.problems),
        "repeats": list(group.repeats),
        "size_bytes": group.size_bytes,
        "first_written": _instant(group.first_written),
        "last_written": _instant(group.last_written),
    }


def _sums_document(sums: StoreSums) -> JsonValue:
    return {
        "entries": sums.entries,
        "size_bytes": sums.size_bytes,
        "unreadable": sums.unreadable,
        "unfinished": sums.unfinished,
        "foreign": sums.foreign,
    }


def _environment_document(environment: KeptEnvironment) -> JsonValue:
    return {
        "folder": str(environment.folder),
        "whole": environment.whole,
        "use": environment.use.value,
        "size_bytes": environment.size_bytes,
        "built": _instant(environment.built),
    }


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d")


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
