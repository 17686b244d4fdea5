"""argv -> evaluations from Prefect's pages: the commands that tell a server about the flows."""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from flows.config import DataSettings, process_environment
from flows.options import given_settings
from flows.pools import Pool, PoolType
from flows.settings import load_settings

DONE = 0


def add_deploy_commands(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `deploy`, `serve` and `build` to the command line."""
    deploy = add_parser(
        "deploy",
        help="register the deployments at a Prefect server, for workers",
        description="Register every deployment at the server of PREFECT_API_URL, for a work pool; "
        "a missing one is made. `prefect worker start --pool NAME` then runs what is started.",
    )
    deploy.add_argument("--pool", default="scicode", help="name of the pool (default: scicode)")
    deploy.add_argument(
        "--type",
        choices=[kind.value for kind in PoolType],
        help="type of the pool (default: that of the pool, process for one that is made)",
    )
    deploy.add_argument(
        "--working-dir",
        type=Path,
        metavar="PATH",
        help="folder on the worker where relative paths, as runs and data, start (process pools; "
        "default: the current one)",
    )
    deploy.add_argument(
        "--image", metavar="NAME", help="image of the containers (default: the pool's)"
    )
    deploy.set_defaults(handler=_deploy)
    serve = add_parser(
        "serve",
        help="serve the deployments without a worker",
        description="Register every deployment at the server of PREFECT_API_URL and run what is "
        "started from them, in the current folder. Ctrl-C or SIGTERM ends it and cancels what "
        "runs; everything that was generated is kept, and Retry goes on from there.",
    )
    serve.add_argument(
        "--limit",
        type=_count,
        default=1,
        metavar="N",
        help="evaluations that run at once, others wait (default: 1)",
    )
    serve.set_defaults(handler=_serve)
    build = add_parser(
        "build",
        help="build environments that programs run in, before they are needed",
        description="Build environments into the cache folder. One that was built into the folder "
        "of our own installation, as a container file does, is found there.",
    )
    build.add_argument("environments", nargs="+", metavar="NAME", help="as scipy-2024")
    build.add_argument(
        "--cache-dir", default=argparse.SUPPRESS, metavar="PATH", help="folder to build into"
    )
    build.set_defaults(handler=_build)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(f"expected at least 1, found {number}")
    return number


def _build(arguments: argparse.Namespace) -> int:
    given = given_settings(arguments, DataSettings)
    config = load_settings(DataSettings, given, process_environment())
    from tasks.environments import prepare_environment

    for name in config.environments:
        environment = prepare_environment(name, config.cache_dir, print)
        print(f"{environment.name}: {environment.python}")
    return DONE


def _deploy(arguments: argparse.Namespace) -> int:
    from flows.deployments import register

    kind = None if arguments.type is None else PoolType(arguments.type)
    pool = Pool(arguments.pool, kind, arguments.working_dir, arguments.image)
    for deployment in register(pool):
        print(f"{deployment.name}  {deployment.url or ''}".rstrip())
    print(f"to run what is started there: prefect worker start --pool {pool.name}")
    return DONE


def _serve(arguments: argparse.Namespace) -> int:
    from flows.deployments import serve_here

    print("serving the deployments (Ctrl-C ends)", flush=True)
    asyncio.run(serve_here(arguments.limit))
    return DONE
