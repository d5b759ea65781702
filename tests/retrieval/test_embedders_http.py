"""Embedders behind HTTP: both protocols, and every way in which a server can fail."""

import json

import httpx
import numpy as np
import pytest

from retrieval.embedders.base import EmbedderUnavailable
from retrieval.embedders.http import BATCH, HttpEmbedder


def embedder(answer, *, protocol="openai", base_url="http://127.0.0.1:9/v1", **options) -> HttpEmbedder:
    transport = httpx.MockTransport(answer)
    return HttpEmbedder(name="own", protocol=protocol, base_url=base_url, transport=transport, **options)


def vector(text: str) -> list[float]:
    return [float(len(text)), 1.0, 0.0]


def openai(request: httpx.Request) -> httpx.Response:
    body = json.loads(request.content)
    rows = [{"index": n, "embedding": vector(text)} for n, text in enumerate(body["input"])]
    return httpx.Response(200, json={"data": rows[::-1]})


def test_openai_puts_rows_in_order_and_sends_model_and_key():
    seen = []

    def answer(request):
        seen.append(request)
        return openai(request)

    rows = embedder(answer, model="m", api_key="secret").embed_documents(["a", "bb", ""])
    assert (rows[:, 0] / rows[:, 1]).round(4).tolist() == [1, 2, 1]
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3))
    assert str(seen[0].url) == "http://127.0.0.1:9/v1/embeddings"
    assert seen[0].headers["authorization"] == "Bearer secret"
    assert json.loads(seen[0].content)["model"] == "m"


def test_tei_asks_in_batches_and_knows_its_dimension():
    sizes = []

    def answer(request):
        inputs = json.loads(request.content)["inputs"]
        sizes.append(len(inputs))
        return httpx.Response(200, json=[vector(text) for text in inputs])

    own = embedder(answer, protocol="tei", base_url="http://127.0.0.1:9/")
    assert own.dimension == 3
    assert own.embed_documents(["x"] * (BATCH + 3)).shape == (BATCH + 3, 3)
    assert sizes == [1, BATCH, 3]


def test_a_busy_server_is_asked_once_more():
    answers = [httpx.Response(503), None]

    def answer(request):
        return answers.pop(0) or openai(request)

    assert embedder(answer).embed_query("abc").shape == (3,)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(401, text="bad key"), "401"),
        (httpx.Response(503), "503"),
        (httpx.Response(302, headers={"location": "http://169.254.169.254/"}), "302"),
        (httpx.Response(200, text="<html>"), "something else than vectors"),
        (httpx.Response(200, json={"data": []}), "for 1 texts"),
        (httpx.Response(200, json={"data": [{"index": 0, "embedding": ["a"]}]}), "something else"),
        (httpx.ConnectError("refused"), "cannot be reached"),
        (httpx.ReadTimeout("slow"), "in time"),
    ],
)
def test_failures_are_said(answer, said):
    def reply(request):
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(EmbedderUnavailable, match=said):
        embedder(reply).embed_query("question")


def test_addresses_where_clouds_keep_credentials_are_not_called():
    with pytest.raises(EmbedderUnavailable):
        embedder(openai, base_url="http://169.254.169.254/v1").embed_query("question")
