"""argv -> a machine that is ready: the commands that come before an evaluation.

They are imported by the command line at every start, so what they need is imported when they run.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from flows.config import DoctorConfig, prepare_prefect, process_environment, read_key
from flows.options import add_settings, given_settings
from flows.settings import load_settings

DONE = 0
INCOMPLETE = 1

_DOCTOR_SETTINGS = (
    *("dataset", "targets", "data_dir", "upstream", "problems", "scored", "isolation"),
    *("environments", "unimportable"),
    *("base_url", "model", "api_key_env", "cache_dir"),
)


def add_setup_commands(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `prepare` and `doctor` to the command line."""
    _add_prepare(add_parser)
    _add_doctor(add_parser)


def _add_prepare(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    prepare = add_parser(
        "prepare",
        help="fetch SciCode or SciCode-Verified, and check it by hash",
        description="Fetch the files of a benchmark into the data folder. What is there and right "
        "is left alone, an interrupted file is continued, and no file gets its name before its "
        "sha256 is the pinned one. Proxies of the environment (HTTPS_PROXY) are used.",
    )
    prepare.add_argument("benchmark", choices=("scicode", "verified"), help="whose files")
    prepare.add_argument(
        "--data-dir",
        default=argparse.SUPPRESS,
        metavar="PATH",
        help="folder to fetch into (default: data)",
    )
    prepare.add_argument(
        "--from",
        dest="source",
        default=argparse.SUPPRESS,
        metavar="FOLDER_OR_URL",
        help="folder or URL that has the files under their names (default: the public mirrors)",
    )
    prepare.set_defaults(handler=_prepare)


def _add_doctor(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    doctor = add_parser(
        "doctor",
        help="check whether everything is ready",
        description="Check whether an evaluation with these settings could start, and say what to "
        "do where it could not. Exit code 0: it could; 1: it could not.",
    )
    doctor.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings")
    add_settings(doctor, DoctorConfig, only=_DOCTOR_SETTINGS)
    doctor.add_argument(
        "--deep", action="store_true", help="hash every file of the datasets (some seconds)"
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(handler=_doctor)


def _prepare(arguments: argparse.Namespace) -> int:
    from flows.prepare import PrepareConfig, prepare
    from flows.transfer_bars import print_prepared, watching_transfers

    settings = given_settings(arguments, PrepareConfig)
    config = load_settings(PrepareConfig, settings, process_environment())
    try:
        with watching_transfers() as bars:
            files = prepare(config, bars)
    except KeyboardInterrupt:
        message = "interrupted; what came so far is kept, the same command goes on from there"
        print(message, file=sys.stderr)
        return INCOMPLETE
    print_prepared(files, config.data_dir, config.benchmark)
    failed = [file.error for file in files if file.error is not None]
    for error in failed:
        print(f"error: {error}", file=sys.stderr)
    return INCOMPLETE if failed else DONE


def _doctor(arguments: argparse.Namespace) -> int:
    given = given_settings(arguments, DoctorConfig)
    config = load_settings(DoctorConfig, given, process_environment(), arguments.config)
    prepare_prefect()
    from flows.doctor.checkup import checks
    from flows.doctor.findings import examine, is_ready
    from flows.doctor.rendering import print_findings, print_json
    from flows.terminal import waiting

    with waiting("looking"):
        findings = examine(checks(config, read_key(config.api_key_env), deep=arguments.deep))
    show = print_json if arguments.json else print_findings
    show(findings)
    return DONE if is_ready(findings) else INCOMPLETE
