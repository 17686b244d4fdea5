"""prompt -> generation: makes the words of the command that serves a checkpoint.

The template is split as a shell would split it, then filled: no shell ever sees a value, so a path
with blanks or quotes stays one word. Braces around anything but a name are left alone, since such
commands often hold JSON.
"""

import re
import shlex
from collections.abc import Mapping
from typing import NoReturn

from tasks.core.errors import ConfigError

_PORT = "port"
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CONTINUED = "\\\n"  # a line that goes on in the next one, as in a pasted command


def fill_command(template: str, checkpoint: str, model: str, port: int) -> tuple[str, ...]:
    """Return the words to execute.

    Raises:
        ConfigError: a quote is not closed, a placeholder unknown, or {port} missing.
    """
    values = {"checkpoint": checkpoint, "model": model, _PORT: str(port)}
    try:
        words = shlex.split(template.replace(_CONTINUED, " "))
    except ValueError as error:
        _refuse("words with closed quotes", str(error).lower(), template)
    if not words:
        _refuse("a command", "none", template)
    names = [name for word in words for name in _PLACEHOLDER.findall(word)]
    unknown = sorted(set(names) - values.keys())
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in values)
        _refuse(f"placeholders among {known}", f"{{{unknown[0]}}}", template)
    if _PORT not in names:
        _refuse("{port}, where the server is to listen", "none", template)
    filled = tuple(_fill(word, values) for word in words)
    if any("\0" in word for word in filled):
        _refuse("text", "a NUL byte", template)
    return filled


def _fill(word: str, values: Mapping[str, str]) -> str:
    # In one pass: what looks like a placeholder inside a value is none.
    return _PLACEHOLDER.sub(lambda match: values[match[1]], word)


def _refuse(expected: str, found: str, template: str) -> NoReturn:
    raise ConfigError(
        f"serve_command {template!r}: expected {expected}, found {found}; for example "
        "'vllm serve {checkpoint} --port {port} --served-model-name {model}'"
    )
