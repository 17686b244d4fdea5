"""prompt -> generation: a limit that evaluations share, kept by the Prefect server.

The limit is made once, by `prefect gcl create NAME --limit N`; every request takes one of its slots
for as long as it is in flight, whichever process or machine sends it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from prefect.client.orchestration import get_client
from prefect.concurrency.asyncio import concurrency
from prefect.exceptions import ObjectNotFound

from tasks.core.errors import ConfigError


async def share_limit(name: str | None) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Return what takes a slot of the limit with this name, and of none where there is no name.

    Raises:
        ConfigError: the server knows no such limit, or it lets nothing through.
    """
    if name is None:
        return nullcontext
    async with get_client() as client:
        try:
            limit = await client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound as error:
            raise ConfigError(
                f"expected a global concurrency limit {name!r} on the Prefect server, found none; "
                f"make it with `prefect gcl create {name} --limit N`"
            ) from error
    if not limit.active or limit.limit < 1:
        raise ConfigError(
            f"expected the global concurrency limit {name!r} to let requests through, found it "
            f"{'with limit 0' if limit.active else 'inactive'}; `prefect gcl update` changes it"
        )
    return lambda: concurrency(name, strict=True, raise_on_lease_renewal_failure=False)
