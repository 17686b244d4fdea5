"""What people see of a run on the server: its course, its problems, and how it is found again."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter

from flows.live import CountedProgress, shown_live
from flows.progress import Counted
from tasks.artifacts import PROBLEM_KEY, PROGRESS_KEY

if TYPE_CHECKING:
    from tests.conftest import FinishedRun


class Lines:
    """Somebody who watches."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def expect(self, counted: Counted, total: int) -> None:
        self.seen.append((counted, total))

    def advance(self, counted: Counted, number: int = 1) -> None:
        self.seen.append((counted, number))

    def note(self, text: str) -> None:
        self.seen.append(text)


async def artifacts(key: str) -> list[Any]:
    async with get_client() as client:
        only = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        return await client.read_artifacts(artifact_filter=only)


def test_what_is_counted_is_passed_on() -> None:
    lines = Lines()
    progress = CountedProgress(lines)
    progress.expect(Counted.GENERATIONS, 4)
    progress.advance(Counted.GENERATIONS)
    progress.advance(Counted.GENERATIONS, 2)
    progress.note("hello")
    generations = Counted.GENERATIONS
    assert lines.seen == [(generations, 4), (generations, 1), (generations, 2), "hello"]
    assert progress.course({}).counts == {"generations": (3, 4)}


def test_one_artifact_is_rewritten_while_an_evaluation_goes_on(prefect_api: str) -> None:
    del prefect_api
    progress = CountedProgress(Lines())
    seen: list[str] = []

    @flow
    async def course() -> str:
        before = {artifact.id for artifact in await artifacts(PROGRESS_KEY)}

        async def now() -> str:
            (mine,) = [one for one in await artifacts(PROGRESS_KEY) if one.id not in before]
            return str(mine.data)

        progress.expect(Counted.GENERATIONS, 4)
        async with shown_live(progress, dict, every_s=0.05):
            while not seen or "50%" not in seen[-1]:
                await asyncio.sleep(0.1)
                if seen:
                    progress.advance(Counted.GENERATIONS, 2 if len(seen) == 1 else 0)
                seen.append(await now() if len(await artifacts(PROGRESS_KEY)) > len(before) else "")
            progress.advance(Counted.GENERATIONS, 2)
        return await now()

    assert asyncio.run(course()).startswith("**100%**")


def test_an_evaluation_shows_its_course_and_a_table_for_each_problem(
    finished_run: FinishedRun,
) -> None:
    del finished_run
    # 3 problems, 8 generations and 8 verifications are all there are.
    (*_, course) = asyncio.run(artifacts(PROGRESS_KEY))
    assert "| generations |" in str(course.data)
    tables = asyncio.run(artifacts(f"{PROBLEM_KEY}-1"))
    assert "in [this evaluation](/runs/flow-run/" in str(tables[0].description)
    rows = json.loads(str(tables[0].data))
    assert {row["sub-step"] for row in rows} <= {"1.1", "1.2", "1.3"}
    assert rows[0]["verdict"]


def test_a_run_is_named_by_its_model_and_found_by_its_tags(finished_run: FinishedRun) -> None:
    async def runs() -> list[Any]:
        async with get_client() as client:
            return await client.read_flow_runs(
                flow_run_filter=FlowRunFilter.model_validate(
                    {"tags": {"all_": ["scicode", "model:reference"]}}
                )
            )

    names = {run.name for run in asyncio.run(runs())}
    dataset = json.loads((finished_run.output / "run.json").read_text())["configuration"]["dataset"]
    assert f"reference on {dataset}" in names
