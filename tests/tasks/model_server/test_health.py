"""When a model server counts as answering."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tasks.model_server.health import ask_health

LIST = (200, "application/json", '{"data": [{"id": "tiny"}]}')
OK = (200, "text/plain", "ok")
ABSENT = (404, "application/json", '{"detail": "Not Found"}')
ABSENT_PAGE = (404, "text/html", "<h1>Not Found</h1>")
LOADING = (503, "application/json", '{"error": "Loading model"}')
NEEDS_KEY = (401, "application/json", '{"error": "Unauthorized"}')


@pytest.fixture
def ask():
    """Ask a server that gives these answers to /v1/models and /health."""
    servers = []

    def ask(models, health):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, kind, text = {"/v1/models": models, "/health": health}[self.path]
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        return ask_health(f"http://127.0.0.1:{server.server_port}", 20.0)

    yield ask
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("models", "health", "names"),
    [
        (LIST, OK, ("tiny",)),
        (LIST, ABSENT, ("tiny",)),
        (ABSENT, OK, ()),
        (ABSENT_PAGE, OK, ()),
        (NEEDS_KEY, OK, ()),
        (NEEDS_KEY, NEEDS_KEY, ()),
    ],
)
def test_these_answers_mean_that_it_is_ready(ask, models, health, names):
    answer = ask(models, health)
    assert answer.ready
    assert answer.models == names


@pytest.mark.parametrize(
    ("models", "health", "said"),
    [
        (LOADING, LOADING, "/v1/models: HTTP 503"),
        (LOADING, OK, "/v1/models: HTTP 503"),
        # llama.cpp's server while it loads.
        (LIST, LOADING, "/health: HTTP 503"),
        (ABSENT, ABSENT, "/health: HTTP 404"),
    ],
)
def test_these_answers_mean_that_it_is_not_ready_yet(ask, models, health, said):
    answer = ask(models, health)
    assert not answer.ready
    assert answer.models == ()
    assert said in answer.said


def test_a_port_where_nobody_listens_is_not_ready():
    answer = ask_health("http://127.0.0.1:1", 20.0)
    assert not answer.ready
    assert answer.said.startswith("/v1/models: ")
