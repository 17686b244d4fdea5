"""argv -> configuration -> evaluation: the command line, and the only place that prints.

Exit codes: 0 done; 1 the evaluation could not be completed; 2 bad usage or configuration.
Prefect is imported only by the commands that need it, so that help answers at once.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from flows.cache_commands import add_cache_commands
from flows.config import (
    DataSettings,
    EvalConfig,
    VerifyConfig,
    prepare_prefect,
    process_environment,
)
from flows.deploy_commands import add_deploy_commands
from flows.nightly_command import add_nightly_command
from flows.options import add_settings, given_settings
from flows.report_command import add_report_command
from flows.server_command import add_server_command
from flows.service_config import ServiceConfig
from flows.settings import load_config, load_service_config, load_verify_config
from flows.setup_commands import add_setup_commands
from tasks.core.errors import ConfigError, DatasetError, EvalError, TargetError
from tasks.core.json_value import JsonValue

DONE = 0
INCOMPLETE = 1
BAD_USAGE = 2

_Handler = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run a command; every error that we know ends in a message, not in a traceback."""
    arguments = parse_arguments(argv)
    handler: _Handler = arguments.handler
    try:
        return handler(arguments)
    except (ConfigError, DatasetError, TargetError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_USAGE
    except EvalError as error:
        print(f"error: {error}", file=sys.stderr)
        return INCOMPLETE
    except KeyboardInterrupt:
        print(
            "interrupted; what was generated is kept, the same command goes on from there",
            file=sys.stderr,
        )
        return INCOMPLETE


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; bad usage ends the process with exit code 2 and a message."""
    return _parser().parse_args(argv)


class _ShowVersion(argparse.Action):
    """Reads the version only when it is asked for, so that help answers at once."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"{parser.prog} {version('scicode-flows')}")
        parser.exit(DONE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scicode-flows",
        description="Evaluate language models on SciCode: generate, verify in isolation, score.",
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    evaluate = commands.add_parser(
        "evaluate",
        help="evaluate a model (with no options: the bundled example, offline)",
        description="Evaluate a model. Without options: the bundled example on an embedded "
        "endpoint, offline. Every option can stand in --config FILE (YAML) or in the environment "
        "as SCICODE_FLOWS_<OPTION> too.",
    )
    evaluate.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings")
    add_settings(evaluate, EvalConfig)
    evaluate.set_defaults(handler=_evaluate)
    verify = commands.add_parser("verify", help="judge given programs, without a model")
    verify.add_argument("programs", type=Path, help="JSON lines of step_id, program and repeat")
    add_settings(verify, DataSettings)
    verify.set_defaults(handler=_verify)
    add_nightly_command(commands.add_parser)
    add_setup_commands(commands.add_parser)
    add_report_command(commands.add_parser)
    add_cache_commands(commands.add_parser)
    add_server_command(commands.add_parser)
    add_deploy_commands(commands.add_parser)
    replay = commands.add_parser("replay", help="serve the answers of a recorded run")
    replay.add_argument("run", type=Path, help="run directory, .jsonl or .jsonl.gz file")
    replay.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    replay.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    replay.set_defaults(handler=_replay)
    service = commands.add_parser(
        "serve-verifier",
        help="serve the verifier over HTTP, for trainers",
        description="Answer POST /verify with the verdicts on the programs of one problem, with "
        "the request and the response of NeMo-Gym's SciCode server.",
    )
    add_settings(service, ServiceConfig, only=set(ServiceConfig.model_fields) - {"output"})
    service.set_defaults(handler=_serve_verifier)
    targets = commands.add_parser("targets", help="derive targets from gold code")
    targets.add_argument("problems", type=Path, help=".jsonl file of problems with gold code")
    targets.add_argument("--output", type=Path, required=True, help="HDF5 file to write")
    targets.set_defaults(handler=_targets)
    return parser


def _evaluate(arguments: argparse.Namespace) -> int:
    config = load_config(
        given_settings(arguments, EvalConfig), arguments.config, process_environment()
    )
    from flows.inputs import load_inputs, run_identity
    from flows.record import new_run
    from tasks.run_directory import check_output

    output = config.output or new_run(config.model_name)
    config = config.model_copy(update={"output": output})
    inputs = load_inputs(config)
    check_output(output, run_identity(config, inputs))
    prepare_prefect()
    from flows.evaluation import evaluate
    from flows.local_server import local_server
    from flows.session import Session, session_in_use
    from flows.terminal import watching

    with (
        watching() as progress,
        local_server(os.getpid()),
        session_in_use(Session(inputs=inputs, progress=progress)),
    ):
        document = asyncio.run(evaluate(config))
    _report(document, output)
    return DONE


def _verify(arguments: argparse.Namespace) -> int:
    config = load_verify_config(given_settings(arguments, VerifyConfig), process_environment())
    from flows.dataset import load_dataset
    from flows.programs import load_attempt_programs, verify_identity
    from flows.record import new_run
    from tasks.run_directory import check_output

    output = config.output or new_run("verify")
    config = config.model_copy(update={"output": output})
    dataset = load_dataset(config)
    load_attempt_programs(config.programs, dataset)
    check_output(output, verify_identity(config, dataset))
    prepare_prefect()
    from flows.local_server import local_server
    from flows.session import Session, session_in_use
    from flows.terminal import watching
    from flows.verify import verify_programs

    with (
        watching() as progress,
        local_server(os.getpid()),
        session_in_use(Session(dataset=dataset, progress=progress)),
    ):
        document = asyncio.run(verify_programs(config))
    _report(document, output)
    return DONE


def _replay(arguments: argparse.Namespace) -> int:
    from tasks.endpoint.recorded import load_recording
    from tasks.endpoint.server import create_app, serve_forever

    book = load_recording(arguments.run)
    app = create_app({"recorded": book}, any_model=True)

    def announce(base_url: str) -> None:
        print(f"{len(book)} recorded answers at {base_url} (Ctrl-C ends)", flush=True)

    serve_forever(app, arguments.host, arguments.port, announce)
    return DONE


def _serve_verifier(arguments: argparse.Namespace) -> int:
    config = load_service_config(given_settings(arguments, ServiceConfig), process_environment())
    from flows.service_server import serve_verifier

    serve_verifier(config, lambda line: print(line, flush=True))
    return DONE


def _targets(arguments: argparse.Namespace) -> int:
    from flows.derive import derive_targets

    steps = asyncio.run(derive_targets(arguments.problems, arguments.output))
    print(f"targets of {steps} sub-steps written to {arguments.output}")
    return DONE


def _report(document: Mapping[str, JsonValue], output: Path) -> None:
    from flows.terminal import print_summary

    usage = output / "usage.json"
    took = json.loads(usage.read_text())["run"] if usage.is_file() else None
    print_summary({**document, "usage": took}, output)
