"""What the tests of a run's page share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest

from tasks.core.json_value import JsonValue
from tasks.core.records import AttemptResult, StepKey
from tasks.core.report_records import RunFiles
from tasks.core.reporting import count_failures, count_reasons, metrics_document
from tasks.core.scoring import score

RunOf = Callable[..., RunFiles]


@pytest.fixture
def run_of() -> RunOf:
    """Make what the files of a finished run hold from its attempts."""

    def made(
        *attempts: AttemptResult,
        details: Mapping[StepKey, str] | None = None,
        record: Mapping[str, JsonValue] | None = None,
        usage: Mapping[str, JsonValue] | None = None,
        **settings: JsonValue,
    ) -> RunFiles:
        document = metrics_document(
            score(attempts), [], reasons=count_reasons(attempts), details=settings
        )
        document["failures"] = count_failures(attempts)
        return RunFiles(document, usage or {}, record or {}, attempts, details or {})

    return made


@dataclass
class Cell:
    """An element with its own attributes and the text inside."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


class Page(HTMLParser):
    """A page or a part of one, read strictly: every tag closes the one that is open."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Cell] = []
        self._open: list[Cell] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), attrs
        self.elements.append(Cell(tag, dict(attrs)))
        if tag != "meta":
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def texts(self, tag: str) -> list[str]:
        return [element.text for element in self.elements if element.tag == tag]

    def rows(self, caption: str) -> list[list[str]]:
        """Return the cells of a table's body."""
        found: list[list[str]] = []
        inside = False
        for element in self.elements:
            if element.tag == "caption":
                inside = element.text == caption
            elif element.tag == "tr" and inside:
                found.append([])
            elif (
                element.tag in {"th", "td"}
                and inside
                and element.attributes.get("scope")
                not in {
                    "col",
                    "colgroup",
                }
            ):
                found[-1].append(element.text)
        return [row for row in found if row]


@pytest.fixture
def read_page() -> Callable[[str], Page]:
    """Parse HTML, and fail where it is not well formed."""
    return Page
