"""A language model for tests: a real HTTP server on loopback that says what the test tells it to.

with FakeLLM("It is 26 days [1].") as fake:
    settings.LLM_BASE_URL = fake.base_url
    ...
    fake.requests[0]["messages"]
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """What the server does with one request.

    ``reply`` is the text, or a function of the request's messages; it is sent word by word.
    ``first_delay_s`` and ``delay_s`` are waits before the first and the other words.
    ``cut_after`` closes the connection after so many words; ``raw`` is sent instead of a stream;
    ``status`` other than 200 is an error, with ``retry_after`` if set.
    """

    reply: str | Callable[[Sequence[dict]], str] = "Hello."
    first_delay_s: float = 0.0
    delay_s: float = 0.0
    cut_after: int | None = None
    raw: bytes | None = None
    content_type: str = "text/event-stream"
    status: int = 200
    error: str = "wrong"
    retry_after: str | None = None


class FakeLLM:
    """Serves ``behaviours`` in turn, the last one for ever; a text stands for a Behaviour that says it."""

    def __init__(self, *behaviours: Behaviour | str | Callable[[Sequence[dict]], str]):
        self.behaviours = [one if isinstance(one, Behaviour) else Behaviour(one) for one in behaviours]
        self.requests: list[dict] = []
        self.closed_early = threading.Event()
        self.released = threading.Event()

    def __enter__(self) -> "FakeLLM":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exception) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def _next(self) -> Behaviour:
        return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]

    def _handler(fake):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments) -> None:
                pass

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                request = json.loads(self.rfile.read(length))
                fake.requests.append({**request, "authorization": self.headers.get("Authorization")})
                behaviour = fake._next()
                try:
                    self._answer(behaviour, request)
                except OSError:
                    fake.closed_early.set()
                self.close_connection = True

            def _answer(self, behaviour: Behaviour, request: dict) -> None:
                if behaviour.status != 200:
                    body = json.dumps({"error": {"message": behaviour.error}}).encode()
                    self.send_response(behaviour.status)
                    if behaviour.retry_after is not None:
                        self.send_header("Retry-After", behaviour.retry_after)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                self.send_response(200)
                self.send_header("Content-Type", behaviour.content_type)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                if behaviour.raw is not None:
                    self._send(behaviour.raw)
                    self._send(b"")
                    return
                reply = behaviour.reply
                text = reply(request["messages"]) if callable(reply) else reply
                words = [word for word in text.replace(" ", "\0 ").split("\0") if word]
                for number, word in enumerate(words):
                    wait = behaviour.delay_s if number else behaviour.first_delay_s
                    self._wait(wait)
                    if behaviour.cut_after is not None and number >= behaviour.cut_after:
                        self.connection.close()
                        return
                    self._event(
                        {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}
                    )
                self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                self._send(b"data: [DONE]\n\n")
                self._send(b"")

            def _wait(self, seconds: float) -> None:
                """Sleeps, but notices within a tenth of a second that the reader has gone."""
                end = time.monotonic() + seconds
                while (left := end - time.monotonic()) > 0:
                    if fake.released.wait(min(left, 0.1)):
                        raise OSError
                    self._send(b": ping\n\n")

            def _event(self, value: dict) -> None:
                head = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "fake"}
                self._send(f"data: {json.dumps({**head, **value})}\n\n".encode())

            def _send(self, data: bytes) -> None:
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()

        return Handler
