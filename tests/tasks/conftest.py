"""What the tests of stages and adapters share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.budget import Budget
from tasks.chat import ChatClient
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.generation_cache import GenerationCache
from tasks.patience import Patience, PatientClient
from tasks.request_gate import RequestGate, RequestLimits
from tasks.stop_signal import StopSignal

if TYPE_CHECKING:
    from tasks.generation import CachedModel

    OpenModel = Callable[..., AbstractAsyncContextManager[CachedModel]]


@pytest.fixture
def open_model() -> OpenModel:
    """Open a model behind its cache, as an evaluation does; without further tries by default."""
    # It imports Prefect, which takes its settings from the environment at that moment.
    from tasks.generation import CachedModel

    @asynccontextmanager
    async def opened(
        endpoint: EndpointSettings,
        settings: ModelSettings,
        cache: Path,
        *,
        key: str = "none",
        patience: Patience = Patience(retries=0),  # noqa: B008 - frozen
        concurrency: int = 4,
    ) -> AsyncGenerator[CachedModel]:
        client, stop = ChatClient(endpoint, key), StopSignal()
        gate = RequestGate(RequestLimits(concurrency), stop)
        patient = PatientClient(client, patience, gate, Budget(None, None, None), stop)
        try:
            yield CachedModel(patient, settings, GenerationCache(cache))
        finally:
            await client.aclose()

    return opened


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
