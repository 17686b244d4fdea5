"""The command line: help, messages and exit codes."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.cli import main, run
from flows.config import DataSettings, EvalConfig
from tasks.run_directory import RunDirectory

if TYPE_CHECKING:
    from tests.conftest import Endpoint

PATIENCE_S = 120.0
COMMANDS = (
    "evaluate",
    "verify",
    "nightly",
    "prepare",
    "doctor",
    "cache",
    "deploy",
    "serve",
    "build",
    "replay",
    "serve-verifier",
    "server",
    "targets",
)
HEAVY = ("prefect", "openai", "h5py", "numpy", "fastapi", "httpx", "rich")


def python(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    ran = python(
        "import sys\n"
        "from flows.cli import run\n"
        "try:\n"
        f"    run({arguments!r})\n"
        "except SystemExit as end:\n"
        f"    print(end.code, [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    assert ran.stdout.endswith("0 []\n")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_and_version_answer_in_under_half_a_second(arguments: list[str]) -> None:
    """Of processor time, which other work on the machine does not change."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    python(f"from flows.cli import run; run({arguments!r})")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"scicode-flows {version('scicode-flows')}\n"


def test_doctor_tells_that_an_evaluation_could_start(small: Path, tmp_path: Path) -> None:
    """In a process without a terminal: one line a finding and the conclusion, nothing else."""
    options = ["--dataset", str(small), "--cache-dir", str(tmp_path), "--isolation", "any"]
    process = program(["doctor", *options])
    printed, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    *lines, last = printed.splitlines()
    assert last == "ready: an evaluation with these settings can start"
    assert {line.split()[0] for line in lines} <= {"ok", "note"}
    names = [line[6:25].strip() for line in lines]
    first = ["python", "packages", "isolation", "environments", "dependencies", "prefect"]
    assert names[:6] == first
    assert names[-3:] == ["cases and targets", "prompt", "endpoint"]
    assert len(names) == len(set(names)) == 18


def test_doctor_tells_each_thing_that_keeps_an_evaluation_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The dataset is not there, nor is the endpoint (port 1 of loopback is nobody's)."""
    code = run(
        [
            *("doctor", "--json", "--dataset", "scicode", "--data-dir", str(tmp_path)),
            *("--base-url", "http://127.0.0.1:1/v1", "--model", "m"),
        ]
    )
    assert code == 1
    captured = capsys.readouterr()
    assert captured.err == ""
    document = json.loads(captured.out)
    assert document["ready"] is False
    failed = {row["name"]: row for row in document["findings"] if row["status"] == "FAIL"}
    assert set(failed) == {
        *("dependencies", "dataset scicode", "cases and targets", "prompt", "endpoint")
    }
    assert failed["dataset scicode"]["advice"].startswith("scicode-flows prepare scicode")


@pytest.mark.parametrize("options", [["--isolation", "ful"], ["--config", "absent.yaml"]])
def test_doctor_refuses_settings_that_cannot_be_used(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", *options]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run([*command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys)
    listed = {
        line.split()[0] for line in text.splitlines() if line.startswith("    ") and line.strip()
    }
    assert set(COMMANDS) <= listed


def test_help_of_evaluate_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys, "evaluate")
    flags = [f"--{name.replace('_', '-')}" for name in EvalConfig.model_fields]
    assert [flag for flag in [*flags, "--config", "--no-background"] if flag not in text] == []


def test_help_of_verify_lists_the_settings_without_a_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = help_of(capsys, "verify")
    flags = [f"--{name.replace('_', '-')}" for name in DataSettings.model_fields]
    assert [flag for flag in flags if flag not in text] == []
    assert "--repeats" not in text


@pytest.mark.parametrize(
    "arguments", [[], ["evaluat"], ["evaluate", "--repeat-s", "2"], ["verify"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: scicode-flows" in capsys.readouterr().err


@pytest.fixture
def refused(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run an evaluation that is to be refused, and return its message."""

    def attempt(*options: str, dataset: str | None = None, output: str = "out") -> str:
        target = tmp_path / output
        existed = target.exists()
        command = ["evaluate", "--dataset", dataset or str(small), "--output", str(target)]
        assert run([*command, *options]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: ")
        assert target.exists() is existed
        return captured.err

    return attempt


def change_first(small: Path, name: str, value: object) -> None:
    problems = [json.loads(line) for line in small.read_text().splitlines()]
    problems[0]["sub_steps"][0][name] = value
    small.write_text("".join(json.dumps(problem) + "\n" for problem in problems))


def test_an_unknown_dataset_is_refused(refused: Callable[..., str]) -> None:
    message = refused(dataset="scicodes")
    assert "unknown dataset 'scicodes': expected example, scicode" in message


def test_an_unknown_problem_is_refused(refused: Callable[..., str]) -> None:
    assert "found '3'; it has 1, 2" in refused("--problems", "1,3")


def test_malformed_json_is_refused_with_its_line(refused: Callable[..., str], small: Path) -> None:
    small.write_text(small.read_text() + "{\n")
    assert f"{small}, line 3: expected one JSON object, found text that is not" in refused()


def test_duplicate_sub_steps_are_refused(refused: Callable[..., str], small: Path) -> None:
    change_first(small, "step_number", "1.2")
    assert "line 1: expected every step_number once, found '1.2' again" in refused()


def test_a_case_that_is_no_python_is_refused(refused: Callable[..., str], small: Path) -> None:
    change_first(small, "test_cases", ["assert double(3) =="])
    assert "1.1" in refused()


def test_a_case_that_cannot_be_split_is_refused(refused: Callable[..., str], small: Path) -> None:
    change_first(small, "test_cases", ["while target:\n    assert double(3) == target"])
    assert "sub-step 1.1 cannot be split" in refused()


def test_missing_targets_are_refused(refused: Callable[..., str], small: Path) -> None:
    small.with_name("targets.h5").unlink()
    assert "expected --targets FILE.h5" in refused()


def test_a_wrong_number_of_targets_is_refused(refused: Callable[..., str], small: Path) -> None:
    change_first(small, "test_cases", ["assert double(3) == target"] * 2)
    assert "expected 2 targets for 1.1, one for each case, found 1" in refused()


def test_targets_that_are_no_hdf5_are_refused(refused: Callable[..., str], small: Path) -> None:
    small.with_name("targets.h5").write_text("text")
    assert "found a file that is not HDF5" in refused()


def test_truncated_targets_are_refused(refused: Callable[..., str], small: Path) -> None:
    targets = small.with_name("targets.h5")
    targets.write_bytes(targets.read_bytes()[:-500])
    assert "expected a whole HDF5 file of targets" in refused()


def test_a_template_with_an_unknown_placeholder_is_refused(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    template = tmp_path / "prompt.txt"
    template.write_text("{problem_steps_str} {next_step_str} {dependencies} {mood}")
    assert "found unknown placeholder {mood}" in refused("--prompt", str(template))


def test_a_template_without_a_placeholder_is_refused(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    template = tmp_path / "prompt.txt"
    template.write_text("{problem_steps_str} {next_step_str}")
    assert "found no placeholder {dependencies}" in refused("--prompt", str(template))


def test_an_unknown_setting_in_the_file_is_refused(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("temprature: 1\n")
    message = refused("--config", str(file))
    assert "unknown setting 'temprature'; did you mean temperature" in message


def test_a_negative_number_of_repeats_is_refused(refused: Callable[..., str]) -> None:
    message = refused("--repeats", "-1")
    assert "repeats: Input should be greater than or equal to 1, found '-1'" in message


def test_an_output_of_another_configuration_is_refused(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    with RunDirectory(tmp_path / "out", {"dataset": "another"}) as directory:
        directory.write_run({})
    assert 'run of another configuration: its dataset is "another"' in refused()


def test_an_output_with_other_files_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    assert "absent, empty or a run directory, found other files" in refused()


def test_an_output_that_is_a_file_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    assert "is no folder" in refused()


def test_an_output_below_a_file_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is no folder" in refused(output="file/out")


def test_an_embedded_model_that_is_none_is_refused(refused: Callable[..., str]) -> None:
    """Mistakes are known for the example alone, so `flawed` is none here."""
    assert "the embedded endpoint serves reference for dataset" in refused("--model", "flawed")


def test_a_program_of_an_unknown_sub_step_is_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = tmp_path / "programs.jsonl"
    programs.write_text('{"step_id": "9.9", "program": "x = 1"}\n')
    output = tmp_path / "out"
    code = run(["verify", str(programs), "--dataset", str(small), "--output", str(output)])
    assert code == 2
    assert "found '9.9' (and 0 more)" in capsys.readouterr().err
    assert not output.exists()


def test_programs_that_are_absent_are_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(tmp_path / "absent.jsonl"), "--dataset", str(small)]) == 2
    assert "absent.jsonl: expected a readable UTF-8 file of programs" in capsys.readouterr().err


def test_a_port_out_of_range_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = tmp_path / "generations.jsonl"
    recording.write_text('{"prompt": "ask", "text": "answer"}\n')
    assert run(["replay", str(recording), "--port", "70000"]) == 2
    assert "cannot listen on port 70000: expected a number up to 65535" in capsys.readouterr().err


def test_a_recording_that_is_absent_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", str(tmp_path / "absent")]) == 2
    assert "no recording at" in capsys.readouterr().err


def test_a_second_process_on_one_output_is_refused(
    prefect_api: str,
    small: Path,
    endpoint: Endpoint,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same evaluation is already writing there; this one must not disturb it."""
    from flows.inputs import load_inputs, run_identity
    from flows.settings import load_config

    del prefect_api
    options = {
        "dataset": str(small),
        "model": "reference",
        "base_url": endpoint.base_url,
        "output": str(tmp_path / "out"),
    }
    config = load_config(options, None, {})
    command = ["evaluate"]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", value]
    with RunDirectory(tmp_path / "out", run_identity(config, load_inputs(config))):
        assert run(command) == 2
    assert "another process is writing to" in capsys.readouterr().err
    assert endpoint.prompts == []


def test_the_summary_names_the_score_and_the_run(
    prefect_api: str,
    small: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The dataset comes from the environment, the repeats from a file, the rest from here."""
    del prefect_api
    monkeypatch.setenv("SCICODE_FLOWS_DATASET", str(small))
    settings = tmp_path / "settings.yaml"
    settings.write_text("repeats: 2\n")
    output = tmp_path / "out"
    assert run(["evaluate", "--config", str(settings), "--output", str(output)]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-2:] == ["subtask_accuracy 1.0", f"run: {output}"]
    assert "verdicts: 8 passed" in captured.out
    assert "failed: 0 own, 0 inherited" in captured.out
    (header,) = captured.err.splitlines()
    started = f"evaluating reference on {small}: 2 problems × 2, 4 scored sub-steps · "
    assert header.startswith(f"{started}environment current · isolation ")
    assert header.endswith(f" · writes to {output}")


def test_without_an_output_a_new_run_is_named_for_time_and_model(
    prefect_api: str,
    small: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del prefect_api
    monkeypatch.chdir(tmp_path)
    assert run(["evaluate", "--dataset", str(small), "--problems", "2"]) == 0
    (made,) = (tmp_path / "runs").iterdir()
    assert made.name.endswith("-reference")
    assert f"run: runs/{made.name}" in capsys.readouterr().out


def program(arguments: list[str]) -> subprocess.Popen[str]:
    """Start the installed program with the server that it embeds, as a terminal would."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_embedded_server_adds_nothing_to_what_is_printed(
    prefect_api: str, small: Path, tmp_path: Path
) -> None:
    del prefect_api
    output = tmp_path / "out"
    command = ["evaluate", "--dataset", str(small), "--output", str(output), "--workers", "2"]
    process = program(command)
    printed, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    (header,) = errors.splitlines()
    assert header.startswith("evaluating reference on ")
    assert printed.splitlines()[-2:] == ["subtask_accuracy 1.0", f"run: {output}"]
    assert "Prefect" not in printed


def processes() -> dict[int, int]:
    """Return the parent of every process."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    return parents


def descendants(pid: int) -> set[int]:
    parents = processes()
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found through /proc")
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_a_message_and_all_its_processes(
    prefect_api: str, small: Path, endpoint: Endpoint, tmp_path: Path, ended_by: signal.Signals
) -> None:
    """A program that never ends is being verified, and an answer is in flight."""
    del prefect_api
    endless = {"1.1": "```python\ndef double(x):\n    while True:\n        pass\n```"}
    endpoint.answer(endless)
    endpoint.gate = lambda prompt: "1.2" not in prompt
    output = tmp_path / "out"
    command = [
        *("evaluate", "--dataset", str(small), "--problems", "1", "--model", "reference"),
        *("--base-url", endpoint.base_url, "--output", str(output), "--time-limit-s", "300"),
    ]
    process = program(command)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while len(endpoint.prompts) < 2 or not any(map(is_computing, descendants(process.pid))):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        below = descendants(process.pid)
        assert len(below) >= 3  # the server, the judge, the endless program

        os.killpg(process.pid, ended_by)
        printed, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, printed) == (1, "")
        message = "interrupted; what was generated is kept, the same command goes on from there"
        header, *more = errors.splitlines()
        assert header.startswith("evaluating reference on ")
        assert more == [message]
        while time.monotonic() < deadline and below & set(processes()):
            time.sleep(0.05)
        assert below & set(processes()) == set()
        assert json.loads((output / "run.json").read_text())["status"] == "interrupted"
        (line,) = (output / "generations.jsonl").read_text().splitlines()
        assert json.loads(line)["step_id"] == "1.1"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def is_computing(pid: int) -> bool:
    """Whether this is a fork of the sandbox's zygote that has used a while of processor time."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        parent = Path(f"/proc/{fields[1]}/cmdline").read_bytes()
    except OSError:
        return False
    used_s = int(fields[11]) / os.sysconf("SC_CLK_TCK")
    return b"sandbox.zip" in command and b"sandbox.zip" in parent and used_s > 0.3


def test_targets_are_derived_from_gold_code(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "derived.h5"
    assert run(["targets", str(small), "--output", str(file)]) == 0
    assert capsys.readouterr().out == f"targets of 4 sub-steps written to {file}\n"
    assert file.is_file()
