"""A language model that grades."""

import json

import httpx
import pytest

from rerank.base import RerankerUnavailable
from rerank.llm import LlmReranker, grades_in
from tests.rerank.contracts import assert_is_a_reranker
from tests.rerank.servers import always, overlap


def grading(request: httpx.Request) -> httpx.Response:
    asked = json.loads(json.loads(request.content)["messages"][1]["content"])
    grades = [round(10 * overlap(asked["question"], row["text"])) for row in asked["passages"]]
    return httpx.Response(200, json={"choices": [{"message": {"content": f"Grades: {grades}"}}]})


def reranker(answer) -> LlmReranker:
    return LlmReranker(base_url="http://llm.test/v1", model="m", transport=always(answer))


def test_contract():
    assert_is_a_reranker(reranker(grading))


def test_more_passages_than_one_call_takes():
    texts = ["lunch"] * 14 + ["fire door"] + ["lunch"] * 9
    scores = reranker(grading).score("fire door", texts)
    assert scores == [0.0] * 14 + [10.0] + [0.0] * 9


@pytest.mark.parametrize("content", ["[1]", "[1, 2, 3]", "I cannot", "[1, 99]", '[1, "2"]', "[true, 1]"])
def test_anything_else_than_grades_is_refused(content):
    answer = httpx.Response(200, json={"choices": [{"message": {"content": content}}]})
    with pytest.raises(RerankerUnavailable):
        reranker(answer).score("q", ["a", "b"])


@pytest.mark.parametrize(
    "answer", [httpx.ConnectError("no"), httpx.Response(500), httpx.Response(200, json={})]
)
def test_a_server_that_fails_is_unavailable(answer):
    with pytest.raises(RerankerUnavailable):
        reranker(answer).score("q", ["a"])


def test_grades_are_found_in_talk():
    assert grades_in("Sure! ```json\n[3, 10]\n```", 2) == [3.0, 10.0]


def test_a_deadline_keeps_the_grades_that_were_given():
    asked = []

    def slow_at_last(request):
        asked.append(request)
        if len(asked) > 1:
            raise httpx.ReadTimeout("slow", request=request)
        return grading(request)

    scores = reranker(slow_at_last).score_within("fire door", ["fire door"] * 14, timeout_s=5.0)
    assert scores == [10.0] * 10 + [None] * 4
    with pytest.raises(RerankerUnavailable):
        reranker(httpx.ConnectError("no")).score_within("q", ["a"], timeout_s=5.0)
