"""Servers of each protocol, and everything that can come back instead of scores."""

import time

import httpx
import pytest

from rerank.base import RerankerUnavailable
from rerank.http import PROTOCOLS, HttpReranker, endpoint, pause
from tests.rerank.contracts import assert_is_a_reranker
from tests.rerank.servers import Server, always, overlap

QUERY = "fire door inspected"
TEXTS = ["lunch at noon", "the fire door", "the fire door is inspected", "door"]


def reranker(protocol: str, server: Server, **options) -> HttpReranker:
    return HttpReranker(
        protocol=protocol, base_url="http://models.test", model="m", transport=server.transport, **options
    )


def answering(answer: httpx.Response | Exception, protocol: str = "jina") -> HttpReranker:
    return HttpReranker(
        protocol=protocol, base_url="http://m.test", model="m", name="Ours", transport=always(answer)
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scores_go_to_their_own_texts(protocol):
    server = Server(protocol)
    assert reranker(protocol, server).score(QUERY, TEXTS) == [overlap(QUERY, text) for text in TEXTS]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_contract(protocol):
    assert_is_a_reranker(reranker(protocol, Server(protocol)))


@pytest.mark.parametrize(
    ("protocol", "path"),
    [
        ("jina", "/v1/rerank"),
        ("infinity", "/rerank"),
        ("cohere", "/v2/rerank"),
        ("voyage", "/v1/rerank"),
        ("tei", "/rerank"),
        ("vllm-score", "/score"),
    ],
)
def test_each_protocol_has_its_path_and_key(protocol, path):
    server = Server(protocol)
    reranker(protocol, server, api_key="secret").score(QUERY, TEXTS)
    assert server.requests[0].url.path == path
    assert server.requests[0].headers["Authorization"] == "Bearer secret"


def test_without_a_key_no_authorization_is_sent():
    server = Server("tei")
    reranker("tei", server).score(QUERY, TEXTS)
    assert "Authorization" not in server.requests[0].headers


def test_tei_is_asked_for_raw_scores_32_texts_at_a_time():
    server = Server("tei")
    texts = [f"door {number}" for number in range(70)] + ["fire door inspected"]
    scores = reranker("tei", server).score(QUERY, texts)
    assert [len(body["texts"]) for body in server.bodies] == [32, 32, 7]
    assert all(body["raw_scores"] and body["truncate"] for body in server.bodies)
    assert scores[-1] == 1.0
    assert max(scores[:-1]) < 1


def test_voyage_is_asked_with_top_k():
    server = Server("voyage")
    reranker("voyage", server).score(QUERY, TEXTS)
    assert server.bodies[0]["top_k"] == 4
    assert "top_n" not in server.bodies[0]


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        ("https://api.jina.test", "/v1/rerank", "https://api.jina.test/v1/rerank"),
        ("https://api.jina.test/v1/", "/v1/rerank", "https://api.jina.test/v1/rerank"),
        ("https://x.test/v1/rerank", "/v1/rerank", "https://x.test/v1/rerank"),
        ("https://x.test/proxy", "/rerank", "https://x.test/proxy/rerank"),
        ("https://x.test/v2", "/v2/rerank", "https://x.test/v2/rerank"),
    ],
)
def test_the_address_may_be_given_at_any_depth(base, path, expected):
    assert endpoint(base, path) == expected


def rows(*pairs):
    return httpx.Response(200, json={"results": [{"index": i, "relevance_score": s} for i, s in pairs]})


@pytest.mark.parametrize(
    "answer",
    [
        rows((0, 0.5), (1, 0.5), (2, 0.5)),
        rows((0, 0.5), (1, 0.5), (2, 0.5), (2, 0.4)),
        rows((0, 0.5), (1, 0.5), (2, 0.5), (4, 0.4)),
        rows((0, 0.5), (1, 0.5), (2, 0.5), (-1, 0.4)),
        rows((0, 0.5), (1, 0.5), (2, 0.5), (3, None)),
        rows((0, 0.5), (1, 0.5), (2, 0.5), (3, "0.4")),
        rows((0, 0.5), (1, 0.5), (2, 0.5), (3, True)),
        rows((0, 0.5), (1, 0.5), (2, 0.5), ("3", 0.4)),
        httpx.Response(200, content=b'{"results": [{"index": 0, "relevance_score": NaN}]}'),
        httpx.Response(200, json={"data": []}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json=None),
        httpx.Response(200, text="<html>"),
        httpx.Response(302, headers={"Location": "http://169.254.169.254/"}),
        httpx.Response(400, text="secret internals"),
        httpx.Response(401, text="bad key sk-123"),
        httpx.Response(500, text="Traceback"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
)
def test_a_bad_answer_is_one_clear_error(answer):
    with pytest.raises(RerankerUnavailable) as caught:
        answering(answer).score(QUERY, TEXTS)
    assert str(caught.value).startswith("Ours ")
    assert "secret" not in str(caught.value)
    assert "sk-123" not in str(caught.value)


def test_a_busy_server_is_asked_once_more(monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    server, calls = Server("jina"), []

    def busy_once(request):
        calls.append(request)
        return (
            httpx.Response(503, headers={"Retry-After": "1"}) if len(calls) == 1 else server.handle(request)
        )

    ours = HttpReranker(protocol="jina", base_url="http://m.test", model="m", transport=always(busy_once))
    assert len(ours.score(QUERY, TEXTS)) == 4
    assert waited == [1.0]


def test_a_server_that_stays_busy_is_given_up(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(RerankerUnavailable, match="503"):
        answering(httpx.Response(503)).score(QUERY, TEXTS)


def test_the_pause_is_bounded():
    assert pause("3600") == pause("Wed, 21 Oct 2026 07:28:00 GMT") == 2.0
    assert pause("-5") == 0.0
    assert pause(None) == 0.3


def test_nothing_to_score_asks_nobody():
    server = Server("jina")
    assert reranker("jina", server).score(QUERY, []) == []
    assert server.requests == []


def slow_after(calls: int, server: Server):
    """Answers ``calls`` times, then takes longer than anybody waits."""
    asked = []

    def handle(request):
        asked.append(request)
        if len(asked) > calls:
            raise httpx.ReadTimeout("slow", request=request)
        return server.handle(request)

    return handle


def test_a_deadline_keeps_the_calls_that_were_answered():
    ours = HttpReranker(
        protocol="tei", base_url="http://m.test", transport=always(slow_after(1, Server("tei")))
    )
    scores = ours.score_within("fire door", ["fire door"] * 40, timeout_s=5.0)
    assert scores == [1.0] * 32 + [None] * 8
    assert ours.score_within("fire door", ["fire door"], timeout_s=0.0) == [None]


def test_a_server_that_is_slower_than_its_own_limit_is_no_matter_of_the_deadline():
    with pytest.raises(RerankerUnavailable, match="in time"):
        answering(httpx.ReadTimeout("slow")).score_within(QUERY, TEXTS, timeout_s=60.0)
    with pytest.raises(RerankerUnavailable, match="in time"):
        answering(httpx.ConnectTimeout("slow")).score_within(QUERY, TEXTS, timeout_s=1.0)


def test_a_busy_server_is_not_waited_for_past_the_deadline(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited"))
    busy = answering(httpx.Response(503, headers={"Retry-After": "2"}))
    assert busy.score_within(QUERY, TEXTS, timeout_s=1.0) == [None] * len(TEXTS)
