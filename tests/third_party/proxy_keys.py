"""The keys that litellm's proxy takes: it imports this file, and has no database to hold them.

A key that starts with `sk-limited` may ask twice in a window of the proxy's limits.
"""

from fastapi import HTTPException, Request
from litellm.proxy._types import UserAPIKeyAuth


async def check(_request: Request, api_key: str) -> UserAPIKeyAuth:
    """Return what is known of a key."""
    if api_key == "sk-open":
        return UserAPIKeyAuth(api_key=api_key)
    if api_key.startswith("sk-limited"):
        return UserAPIKeyAuth(api_key=api_key, rpm_limit=2)
    raise HTTPException(401, "no such key")
