"""The deployments of prefect.yaml, and the work pools that they are registered for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.cli import run
from flows.deployments import FOLDER, read_deployments
from flows.pools import Pool, PoolType
from tasks.core.errors import ConfigError

CONTAINERS = [PoolType.DOCKER, PoolType.KUBERNETES]


@pytest.fixture
def api(prefect_api: str) -> Iterator[httpx.Client]:
    """Ask the server of the tests."""
    with httpx.Client(base_url=prefect_api, trust_env=False, timeout=60) as client:
        yield client


def template(kind: PoolType) -> dict[str, Any]:
    return json.loads((FOLDER / kind / "base-job-template.json").read_text())


def test_the_file_holds_the_flows_by_their_modules() -> None:
    found = {deployment.full_name: deployment.entrypoint for deployment in read_deployments()}
    assert found["evaluate/evaluate"] == "flows.evaluation.evaluate"
    assert found["verify/verify"] == "flows.verify.verify_programs"


def test_schedules_of_the_file_are_taken_over_with_their_time_zones(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(
        "deployments:\n"
        "- name: nightly\n"
        "  entrypoint: flows.verify.verify_programs\n"
        "  concurrency_limit: 1\n"
        "  schedules:\n"
        "  - {cron: 0 2 * * *, timezone: Europe/Berlin, active: false}\n"
    )
    (deployment,) = read_deployments(file)
    assert deployment.schedules is not None
    (schedule,) = deployment.schedules
    assert schedule.schedule.model_dump()["cron"] == "0 2 * * *"
    assert schedule.schedule.model_dump()["timezone"] == "Europe/Berlin"
    assert schedule.active is False
    assert deployment.concurrency_limit == 1


def test_deploying_makes_the_pool_and_says_where_runs_start(
    api: httpx.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["deploy", "--pool", "made", "--working-dir", str(tmp_path)]
    assert run(command) == 0
    assert capsys.readouterr().out.endswith(": prefect worker start --pool made\n")
    assert api.get("/work_pools/made").json()["type"] == "process"
    deployment = api.get("/deployments/name/evaluate/evaluate").json()
    assert deployment["work_pool_name"] == "made"
    assert deployment["job_variables"] == {"working_dir": str(tmp_path)}
    assert deployment["entrypoint"] == "flows.evaluation.evaluate"
    assert deployment["parameters"] == {"config": {"dataset": "example"}}
    assert not deployment["pull_steps"]
    # Once more, for the pool that is there now.
    assert run(command) == 0


@pytest.mark.parametrize("kind", CONTAINERS)
def test_deploying_makes_a_pool_of_containers_by_our_template(
    api: httpx.Client, kind: PoolType
) -> None:
    image = "registry.example/scicode-flows:1"
    assert run(["deploy", "--pool", f"a-{kind}", "--type", kind, "--image", image]) == 0
    pool = api.get(f"/work_pools/a-{kind}").json()
    assert (pool["type"], pool["base_job_template"]) == (kind, template(kind))
    deployment = api.get("/deployments/name/verify/verify").json()
    assert deployment["job_variables"] == {"image": image}


def test_a_pool_of_another_type_is_refused(
    prefect_api: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del prefect_api
    assert run(["deploy", "--pool", "mine", "--type", "process"]) == 0
    assert run(["deploy", "--pool", "mine", "--type", "docker"]) == 2
    assert "to be of type docker, found type process" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["deploy", "serve"])
def test_without_a_server_there_is_nothing_to_register_at(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert run([command]) == 2
    assert "expected a Prefect server, found none" in capsys.readouterr().err


def test_what_does_not_belong_to_a_pool_is_refused() -> None:
    with pytest.raises(ConfigError, match="runs processes, not containers"):
        Pool("p", image="i").of_type("process")
    with pytest.raises(ConfigError, match="has its own, /scicode"):
        Pool("p", working_dir=Path("w")).of_type("docker")
    with pytest.raises(ConfigError, match="found ecs"):
        Pool("p").of_type("ecs")


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_template_uses_its_variables_and_no_others(kind: PoolType) -> None:
    content = template(kind)
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(content["job_configuration"])))
    assert used == set(content["variables"]["properties"])


@pytest.mark.parametrize("kind", CONTAINERS)
def test_the_default_variables_of_a_template_fit_its_own_schema(kind: PoolType) -> None:
    from prefect.utilities.schema_tools.validation import validate

    variables = template(kind)["variables"]
    defaults = {n: v["default"] for n, v in variables["properties"].items() if "default" in v}
    if kind is PoolType.KUBERNETES:
        # No image is public: the cluster's own registry has it.
        assert variables["required"] == ["image"]
        defaults["image"] = "registry.example/scicode-flows:1"
    assert validate(defaults, variables) == []


def test_a_pod_has_no_rights_that_it_does_not_need() -> None:
    spec = template(PoolType.KUBERNETES)["job_configuration"]["job_manifest"]["spec"]
    pod = spec["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["volumeMounts"] == [{"name": "work", "mountPath": "/scicode"}]
