"""Rerank servers in memory, each speaking one protocol as its documentation says."""

import json
from collections.abc import Callable

import httpx


def overlap(query: str, text: str) -> float:
    """How much of the query's words a text holds, 0..1: a score that tells texts apart."""
    words = set(query.split())
    return len(words & set(text.split())) / len(words)


class Server:
    """Answers like the real ones: sorted by score, so that only the indices tell which text is which."""

    def __init__(self, protocol: str):
        self.protocol = protocol
        self.requests: list[httpx.Request] = []
        self.bodies: list[dict] = []

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.requests.append(request)
        self.bodies.append(body)
        query = body.get("query") or body["queries"]
        texts = body["texts"] if self.protocol == "tei" else body["documents"]
        if self.protocol == "tei" and len(texts) > 32:
            return httpx.Response(413, json={"error": "batch size > maximum allowed batch size 32"})
        rows = sorted(
            ((index, overlap(query, text)) for index, text in enumerate(texts)), key=lambda row: -row[1]
        )
        if self.protocol == "tei":
            return httpx.Response(200, json=[{"index": index, "score": score} for index, score in rows])
        if self.protocol == "vllm-score":
            return httpx.Response(200, json={"data": [{"index": i, "score": score} for i, score in rows]})
        found = [{"index": index, "relevance_score": score} for index, score in rows]
        if self.protocol == "voyage":
            return httpx.Response(200, json={"data": found[: body["top_k"]]})
        return httpx.Response(
            200, json={"results": found[: body.get("top_n", 3)]} if "top_n" in body else {"results": found}
        )


def always(response: httpx.Response | Exception | Callable) -> httpx.MockTransport:
    """A server that gives every request the same answer, or fails."""

    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response(request) if callable(response) else response

    return httpx.MockTransport(handle)
