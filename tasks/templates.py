"""Template file -> template: read the text that prompts are rendered from.

The official texts are downloaded, never copied; they are recognised by their hash, so that a score
can name the prompt that it used. `prompts/` holds our own wording of the same contract.
"""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import cast

import yaml

from tasks.core.errors import DatasetError
from tasks.core.prompting import check_template

OFFICIAL_NAMES = {
    "2c6946acf50f69d37647b83c04e77e6bdc5f3ff04e87d4aa6f79d0f27b5dcbc2": "official-with-background",
    "9b407bdd44937f13cf090b5ae35436b7dc60a0fb8494caec6995c9c83cdadb03": (
        "official-without-background"
    ),
}


@dataclass(frozen=True, slots=True)
class Template:
    """A checked prompt template; `sha256` is of its text in UTF-8."""

    name: str
    text: str
    sha256: str


def load_template(path: Path) -> Template:
    """Read a template: a YAML mapping with `template:`, or the text itself in any other file.

    Raises:
        DatasetError: the file cannot be read, or its placeholders are not the expected ones.
    """
    text = _read_text(path)
    if path.suffix in {".yaml", ".yml"}:
        text = _template_field(text, str(path))
    return _checked(path.stem, text, str(path))


def own_template(*, background: bool) -> Template:
    """Load the project's own template, with or without the scientific background."""
    kind = "with" if background else "without"
    file_name = f"{kind}_background.yaml"
    source = resources.files("prompts").joinpath(file_name).read_text(encoding="utf-8")
    where = f"prompts/{file_name}"
    return _checked(f"own-{kind}-background", _template_field(source, where), where)


def _checked(name: str, text: str, where: str) -> Template:
    check_template(text, where)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Template(name=OFFICIAL_NAMES.get(digest, name), text=text, sha256=digest)


def _template_field(source: str, where: str) -> str:
    expected = "a YAML mapping with a text under `template:`"
    try:
        document = cast(object, yaml.safe_load(source))
    except (yaml.YAMLError, RecursionError) as error:
        raise DatasetError(
            f"prompt template {where}: expected {expected}, found text that is not YAML: {error}; "
            "correct the file, or give the template as a .txt file"
        ) from error
    is_mapping = isinstance(document, dict)
    text = cast(dict[object, object], document).get("template") if is_mapping else None
    if not isinstance(text, str):
        found = "a mapping without such a text" if is_mapping else type(document).__name__
        raise DatasetError(
            f"prompt template {where}: expected {expected}, found {found}; put the template there "
            "as a block text (`template: |`)"
        )
    return text


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"prompt template {path}: expected a readable UTF-8 file, found: {error}; check the "
            "path and the file"
        ) from error
