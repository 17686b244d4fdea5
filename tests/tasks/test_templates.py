"""Templates are read from text and YAML, recognised by hash, and checked."""

import hashlib
import re
from pathlib import Path

import pytest

from tasks.core.errors import DatasetError
from tasks.templates import load_template, own_template

UPSTREAM = Path(__file__).parents[2].parent / "shared" / "data" / "scicode" / "upstream"

TEXT = "{problem_steps_str}\r\n{next_step_str}\n{dependencies}"


def write(tmp_path: Path, name: str, raw: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(raw)
    return path


def test_a_text_file_is_the_template_byte_for_byte(tmp_path: Path) -> None:
    template = load_template(write(tmp_path, "mine.txt", TEXT.encode()))

    assert (template.name, template.text) == ("mine", TEXT)
    assert template.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml"])
def test_a_yaml_file_holds_the_text_under_its_key(tmp_path: Path, name: str) -> None:
    raw = b"template: |\n  {problem_steps_str} {next_step_str}\n  {dependencies}\n"

    template = load_template(write(tmp_path, name, raw))

    assert template.name == "mine"
    assert template.text == "{problem_steps_str} {next_step_str}\n{dependencies}\n"


@pytest.mark.skipif(not UPSTREAM.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("multistep_template.txt", "official-with-background"),
        ("background_comment_template.txt", "official-without-background"),
    ],
)
def test_an_official_text_is_recognised_by_its_hash(
    tmp_path: Path, file_name: str, name: str
) -> None:
    raw = (UPSTREAM / file_name).read_bytes()

    assert load_template(write(tmp_path, "renamed.txt", raw)).name == name
    assert load_template(write(tmp_path, "renamed.txt", raw + b"\n")).name == "renamed"


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("t.txt", TEXT.encode() + b"{more}", "unknown placeholder {more}"),
        ("t.txt", b"\xff", "UTF-8"),
        ("t.yaml", b"template: [", "text that is not YAML"),
        ("t.yaml", b"prompt: x", "a mapping without such a text"),
        ("t.yaml", b"template: 3", "a mapping without such a text"),
        ("t.yaml", b"- x", "found list"),
        ("t.yaml", b"", "found NoneType"),
        ("t.yaml", b"template: '{dependencies}'", "no placeholder {problem_steps_str}"),
        ("t.yaml", b"template: !!python/object/apply:os.getcwd []", "text that is not YAML"),
    ],
)
def test_an_unusable_template_is_refused(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    path = write(tmp_path, name, raw)

    with pytest.raises(DatasetError, match=re.escape(said)) as caught:
        load_template(path)

    assert str(path) in str(caught.value)


def test_a_missing_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        load_template(tmp_path / "absent.txt")


@pytest.mark.parametrize(
    ("background", "name"), [(True, "own-with-background"), (False, "own-without-background")]
)
def test_the_own_templates_are_complete(background: bool, name: str) -> None:  # noqa: FBT001
    template = own_template(background=background)

    assert template.name == name
    assert "```python" in template.text


def test_only_the_own_template_without_background_asks_for_it() -> None:
    assert "# Background:" in own_template(background=False).text
    assert "# Background:" not in own_template(background=True).text
