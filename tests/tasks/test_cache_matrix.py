"""The cache matrix: one line for every setting, whether it makes a kept generation a miss.

Most lines compare keys, from the configuration to the digest; some ask a real endpoint.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.config import EvalConfig, validate
from flows.inputs import load_inputs
from tasks.core.caching import generation_key
from tasks.core.model_settings import EndpointSettings, ModelSettings
from tasks.core.prompting import render_prompt
from tasks.core.records import Answered, Problem, StepKey
from tasks.patience import Patience
from tasks.templates import own_template

if TYPE_CHECKING:
    from tests.conftest import Endpoint
    from tests.tasks.conftest import OpenModel

Changes = Mapping[str, object]

# Each of the values, and the one that is unset or the default, has a key of its own.
KEYED: dict[str, tuple[object, ...]] = {
    "model": ("other", "Reference"),
    "checkpoint": ("sha256:2", "sha256:3"),
    "temperature": (0, 0.5, 1),
    "top_p": (0.5, 1),
    "max_tokens": (100, 101),
    "max_completion_tokens": (100, 101),
    "seed": (0, 1),
    "stop": ("END", "STOP", ("END", "STOP"), ("STOP", "END")),
    "reasoning_effort": ("low", "high"),
    "extra_body": ({"top_k": 20}, {"top_k": 21}, {"min_p": 20}),
    "api": ("responses",),
    "background": (False,),
    "given": ("extracted",),
    "upstream": ("other-upstream",),
    "dataset": ("other.jsonl",),
    "prompt": ("template.txt",),
}
UNKEYED: dict[str, Changes] = {
    "targets": {"targets": "moved.h5"},
    "data_dir": {"data_dir": "elsewhere"},
    "problems": {"problems": "2"},
    "scored": {"scored": "with-targets"},
    "time_limit_s": {"time_limit_s": 5},
    "wall_limit_s": {"wall_limit_s": 50},
    "step_time_limits": {"step_time_limits": "1.1=7"},
    "memory_bytes": {"memory_bytes": 2**30},
    "isolation": {"isolation": "any"},
    "execution": {"execution": "ray"},
    "execution_address": {"execution": "dask", "execution_address": "tcp://127.0.0.1:9"},
    "workers": {"workers": 3},
    "environments": {"environments": "scipy-2024"},
    "unimportable": {"unimportable": "leave-out"},
    "confirm": {"confirm": 2},
    "confirm_which": {"confirm_which": "all"},
    "confirm_rule": {"confirm_rule": "any"},
    "reveal_targets": {"reveal_targets": True},
    # A folder that was moved is as good as before.
    "cache_dir": {"cache_dir": "another-cache"},
    "verdict_cache": {"verdict_cache": False},
    "output": {"output": "another-run"},
    # Since the checkpoint has an identity of its own.
    "base_url": {"base_url": "http://127.0.0.1:9/v1"},
    "serve_timeout_s": {"serve_timeout_s": 5},
    "hash_weights": {"hash_weights": True},
    "api_key_env": {"api_key_env": "ANOTHER_KEY"},
    "request_timeout_s": {"request_timeout_s": 5},
    "request_retries": {"request_retries": 3},
    "request_wait_s": {"request_wait_s": 5},
    "request_backoff_s": {"request_backoff_s": 5},
    "concurrency": {"concurrency": 3},
    "requests_per_minute": {"requests_per_minute": 60},
    "tokens_per_minute": {"tokens_per_minute": 1000},
    "shared_limit": {"shared_limit": "endpoint"},
    "max_tokens_total": {"max_tokens_total": 1000},
    "max_cost": {"max_cost": 5, "prices": {"reference": {"input": 1, "output": 2}}},
    "prices": {"prices": {"reference": {"input": 1, "output": 2}}},
    "repeats": {"repeats": 8},
    # It changes the key of a later sub-step where it takes another candidate out of an answer.
    "extraction": {"extraction": "robust"},
    "live_problems": {"live_problems": 3},
}
# It stands in the place of base_url, and has a test of its own.
APART = {"serve_command"}
PATHS = ("dataset", "upstream", "prompt", "targets", "data_dir", "cache_dir", "output")
GIVEN = "# A comment, which extraction drops.\ndef greet(name):\n    return 'hello ' + name\n"
TEMPLATE = "{dependencies}\n{problem_steps_str}\nNow write:\n{next_step_str}\n"


@pytest.fixture(scope="module")
def folder(shared_small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the lines name."""
    folder = tmp_path_factory.mktemp("matrix")
    for name, code in (("upstream", GIVEN), ("other-upstream", f"{GIVEN}# more\n")):
        (folder / name).mkdir()
        (folder / name / "2.1.txt").write_text(code)
    (folder / "elsewhere").mkdir()
    (folder / "template.txt").write_text(TEMPLATE)
    text = shared_small.read_text()
    (folder / "other.jsonl").write_text(text.replace("Describe 2.2.", "Describe 2.2 well."))
    for name in ("other.h5", "moved.h5"):
        shutil.copy(shared_small.with_name("targets.h5"), folder / name)
    (folder / "other.jsonl").with_name("targets.h5").symlink_to(folder / "other.h5")
    return folder


@pytest.fixture(scope="module")
def configure(folder: Path, shared_small: Path) -> Callable[..., EvalConfig]:
    """Make a configuration: the same one but for the changes."""

    def make(**changes: object) -> EvalConfig:
        placed = {
            name: folder / str(value) if name in PATHS else value for name, value in changes.items()
        }
        for name in ("dataset", "prompt"):
            if name in placed:
                placed[name] = str(placed[name])
        settings: dict[str, object] = {
            "dataset": str(shared_small),
            "upstream": folder / "upstream",
            "model": "reference",
            "base_url": "http://127.0.0.1:8/v1",
            "checkpoint": "sha256:1",
            "cache_dir": folder / "cache",
        }
        return validate(EvalConfig, {**settings, **placed})

    return make


def digest(config: EvalConfig, repeat: int = 0) -> str:
    """Name the generation of sub-step 2.2, whose prompt carries the given code of 2.1."""
    inputs = load_inputs(config)
    (problem,) = (one for one in inputs.dataset.problems if one.problem_id == "2")
    given = problem.sub_steps[0].given
    assert given is not None
    prompt = render_prompt(inputs.template.text, problem, 1, [given], background=config.background)
    return generation_key(prompt, inputs.settings, StepKey("2", repeat, "2.2"))


def test_every_setting_has_a_line() -> None:
    lines = [*KEYED, *UNKEYED, *APART]
    assert sorted(lines) == sorted(EvalConfig.model_fields)


def test_every_setting_of_the_model_is_keyed() -> None:
    assert {field.name for field in fields(ModelSettings)} <= set(KEYED)


@pytest.mark.parametrize("name", KEYED)
def test_a_keyed_setting_is_a_miss(name: str, configure: Callable[..., EvalConfig]) -> None:
    configs = [configure(), *(configure(**{name: value}) for value in KEYED[name])]
    assert len({digest(config) for config in configs}) == 1 + len(KEYED[name])


@pytest.mark.parametrize("name", UNKEYED)
def test_an_unkeyed_setting_is_a_hit(name: str, configure: Callable[..., EvalConfig]) -> None:
    changed = configure(**UNKEYED[name])
    assert getattr(changed, name) != getattr(configure(), name)
    assert digest(changed) == digest(configure())


def test_without_an_identity_of_the_checkpoint_the_base_url_is_one(
    configure: Callable[..., EvalConfig],
) -> None:
    urls = ("http://127.0.0.1:8/v1", "http://127.0.0.1:9/v1")
    one, other = (configure(base_url=url, checkpoint=None) for url in urls)
    assert digest(one) != digest(other)


def test_another_key_behind_the_same_name_is_a_hit(
    configure: Callable[..., EvalConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    digests: set[str] = set()
    for key in ("sk-1", "sk-2"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        digests.add(digest(configure()))
    assert len(digests) == 1


def test_another_command_that_serves_the_same_checkpoint_is_a_hit(
    configure: Callable[..., EvalConfig], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    commands = ("serve {checkpoint} --port {port}", "serve2 {checkpoint} --port {port} --fast")
    served = {"base_url": None, "checkpoint": str(tmp_path)}
    configs = [configure(serve_command=command, **served) for command in commands]
    assert len({digest(config) for config in configs}) == 1


@pytest.mark.parametrize(
    "key", [StepKey("1", 1, "1.1"), StepKey("1", 0, "1.2"), StepKey("2", 0, "1.1")], ids=str
)
def test_another_repeat_sub_step_or_problem_is_a_miss(key: StepKey) -> None:
    settings = ModelSettings("m", "c")
    assert generation_key("p", settings, key) != generation_key(
        "p", settings, StepKey("1", 0, "1.1")
    )


@pytest.mark.parametrize(
    "change",
    [
        {"earlier": ["def greet(name):\n    return 'hi ' + name"]},
        {"background": False},
        {"template": own_template(background=False).text},
    ],
    ids=["earlier candidates", "background", "template"],
)
def test_another_prompt_is_a_miss(change: Changes, small_problems: tuple[Problem, ...]) -> None:
    same: dict[str, Any] = {
        "template": own_template(background=True).text,
        "problem": small_problems[1],
        "index": 1,
        "earlier": ["def greet(name):\n    return 'hello ' + name"],
        "background": True,
    }
    prompts = {render_prompt(**same), render_prompt(**{**same, **change})}
    settings, key = ModelSettings("m", "c"), StepKey("2", 0, "2.2")
    assert len({generation_key(prompt, settings, key) for prompt in prompts}) == 2


SETTINGS = ModelSettings("reference", "sha256:1", temperature=0.5)
KEY = StepKey("1", 0, "1.1")


@dataclass
class Talk:
    """Asks an endpoint with one cache, each time as another process would."""

    endpoint: Endpoint
    open_model: OpenModel
    root: Path
    prompt: str

    def ask(
        self,
        *keys: StepKey,
        settings: ModelSettings = SETTINGS,
        base_url: str | None = None,
        secret: str = "none",  # noqa: S107 - invented
        timeout_s: float = 600.0,
        patience: Patience = Patience(retries=0),  # noqa: B008 - frozen
        concurrency: int = 4,
    ) -> list[Answered]:
        """Answer the keys, one after the other."""
        reached = EndpointSettings(base_url or self.endpoint.base_url, timeout_s)
        opened = self.open_model(
            reached, settings, self.root, key=secret, patience=patience, concurrency=concurrency
        )

        async def talk() -> list[Answered]:
            async with opened as model:
                return [await model.answer(key, self.prompt) for key in keys or (KEY,)]

        return asyncio.run(talk())

    @property
    def entry(self) -> Path:
        """The file of the one entry."""
        (path,) = self.root.glob("??/*.json")
        return path


@pytest.fixture
def talk(
    endpoint: Endpoint,
    open_model: OpenModel,
    small_problems: tuple[Problem, ...],
    tmp_path: Path,
) -> Talk:
    template = own_template(background=True).text
    prompt = render_prompt(template, small_problems[0], 0, [], background=True)
    return Talk(endpoint, open_model, tmp_path / "kept", prompt)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (replace(SETTINGS, temperature=0.6), KEY),
        (replace(SETTINGS, top_p=0.5), KEY),
        (replace(SETTINGS, max_tokens=500), KEY),
        (replace(SETTINGS, seed=1), KEY),
        (replace(SETTINGS, checkpoint="sha256:2"), KEY),
        (SETTINGS, replace(KEY, repeat=1)),
        (SETTINGS, replace(KEY, step_id="1.2")),
    ],
    ids=["temperature", "top_p", "max_tokens", "seed", "checkpoint", "repeat", "sub-step"],
)
def test_a_keyed_change_asks_again(settings: ModelSettings, key: StepKey, talk: Talk) -> None:
    talk.ask()
    (answered,) = talk.ask(key, settings=settings)
    assert not answered.cached
    assert len(talk.endpoint.prompts) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "sk-another"},
        {"timeout_s": 5.0},
        {"patience": Patience(retries=3, wait_s=5.0, first_wait_s=0.1)},
        {"concurrency": 1},
        {"base_url": "http://127.0.0.1:9/v1"},
    ],
    ids=["key", "timeout", "patience", "concurrency", "base_url"],
)
def test_an_unkeyed_change_asks_nothing(change: dict[str, Any], talk: Talk) -> None:
    (first,) = talk.ask()
    (again,) = talk.ask(**change)
    assert again.cached
    assert again.generation == first.generation
    assert len(talk.endpoint.prompts) == 1


def test_more_repeats_ask_for_the_new_ones_only(talk: Talk) -> None:
    talk.ask(*(StepKey("1", repeat, "1.1") for repeat in range(3)))
    answers = talk.ask(*(StepKey("1", repeat, "1.1") for repeat in range(8)))
    assert [answered.cached for answered in answers] == [True] * 3 + [False] * 5
    assert len(talk.endpoint.prompts) == 3 + 5


def damage() -> dict[str, Callable[[Path], object]]:
    """Name what can have become of an entry."""
    return {
        "truncated": lambda path: path.write_bytes(path.read_bytes()[:-40]),
        "empty": lambda path: path.write_bytes(b""),
        "flipped bytes": lambda path: path.write_bytes(
            bytes(
                byte ^ 0xFF if 100 <= n < 110 else byte for n, byte in enumerate(path.read_bytes())
            )
        ),
        "a changed letter": lambda path: path.write_text(
            path.read_text().replace("return", "retarn", 1)
        ),
        "another shape": lambda path: path.write_text('{"generation": ["text"]}'),
        "another version": lambda path: path.write_text(
            json.dumps(json.loads(path.read_text()) | {"cache_version": 0})
        ),
        "a folder": lambda path: (path.unlink(), path.mkdir()),
        "a folder with a file": lambda path: (path.unlink(), path.mkdir(), (path / "f").touch()),
    }


@pytest.mark.parametrize("harm", damage().values(), ids=damage().keys())
def test_a_damaged_entry_is_asked_again_once_with_a_warning(
    harm: Callable[[Path], object], talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    (first,) = talk.ask()
    harm(talk.entry)
    (second,) = talk.ask()
    assert not second.cached
    assert second.generation.text == first.generation.text
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert sum("passing over the unreadable" in warning for warning in warnings) == 1
    (third,) = talk.ask()
    assert third.cached
    assert third.generation == second.generation
    assert len(talk.endpoint.prompts) == 2
