"""An OpenAI-compatible endpoint that answers at once: python instant_endpoint.py ANSWERS.json.

Started by bench_generation as a process of its own. It looks up the answer by the sub-step in the
name that comes with every request, and reads nothing of its body, so that what is measured is the
client. Its address is the first line that it prints; it ends with its standard input.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

NAME = b"x-client-request-id:"
LENGTH = b"content-length:"
MOST_BYTES = 4_000_000


@contextmanager
def instant_endpoint(answers: dict[str, str], folder: Path) -> Generator[str]:
    """Start the endpoint with the answers by sub-step; yield its URL."""
    file = folder / "answers.json"
    file.write_text(json.dumps(answers))
    with subprocess.Popen(
        [sys.executable, __file__, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def reply(step_id: str, text: str) -> bytes:
    """Return the whole answer, as vLLM words it."""
    message = {"role": "assistant", "content": text, "reasoning_content": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": 3000, "completion_tokens": len(text) // 4, "total_tokens": 3000}
    head = {"id": f"chatcmpl-{step_id}", "object": "chat.completion", "created": 0, "model": "m"}
    body = json.dumps({**head, "choices": [choice], "usage": usage}).encode()
    lines = (b"HTTP/1.1 200 OK", b"Content-Type: application/json", b"Content-Length: %d")
    return b"\r\n".join(lines) % len(body) + b"\r\n\r\n" + body


async def serve(answers: dict[str, str]) -> None:
    """Answer until standard input ends."""
    replies = {step_id: reply(step_id, text) for step_id, text in answers.items()}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(field(head, LENGTH)))
                writer.write(replies[field(head, NAME).partition("/")[0]])
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=MOST_BYTES)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def field(head: bytes, name: bytes) -> str:
    """Return a header's value."""
    start = head.lower().index(name) + len(name)
    return head[start : head.index(b"\r\n", start)].decode().strip()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
