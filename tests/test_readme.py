"""The README's commands are commands of the program, and CI runs the one for the tests."""

import re
import shlex
from pathlib import Path

import pytest

from flows.cli import parse_arguments

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "tasks/example/README.md")


def _shell_lines(document: str) -> list[str]:
    text = (ROOT / document).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip()]


def _own_commands() -> list[str]:
    lines = [line for document in DOCUMENTS for line in _shell_lines(document)]
    inline = re.findall(r"`(scicode-flows [^`]+)`", (ROOT / DOCUMENTS[1]).read_text())
    return [line for line in lines if line.startswith("scicode-flows")] + inline


@pytest.mark.parametrize("command", _own_commands())
def test_every_command_of_the_documents_is_accepted(command: str) -> None:
    arguments = shlex.split(command, comments=True)[1:]
    assert parse_arguments(arguments).handler


@pytest.mark.parametrize("name", ["evaluate", "pytest"])
def test_the_two_first_lines_are_single_copy_and_paste_lines(name: str) -> None:
    lines = [line for line in _shell_lines("README.md") if line.endswith(name)]
    assert len(lines) == 2  # pip, uv
    assert all("requirements.lock" in line for line in lines)


def test_ci_takes_its_test_line_from_the_readme() -> None:
    pattern = re.search(r'grep -m 1 "(.+?)" README.md', (ROOT / ".ci" / "run").read_text())
    assert pattern is not None
    found = [
        line
        for line in (ROOT / "README.md").read_text().splitlines()
        if re.search(pattern.group(1), line)
    ]
    assert found == [line for line in _shell_lines("README.md") if line == found[0]]


@pytest.mark.parametrize("document", [*DOCUMENTS, "deployments/README.md"])
def test_every_file_that_a_document_links_to_is_there(document: str) -> None:
    folder = (ROOT / document).parent
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text())
    assert [link for link in links if not (folder / link).exists()] == []
