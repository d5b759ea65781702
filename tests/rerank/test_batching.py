"""Concurrent questions: scored together, fairly, until each one's deadline."""

import threading
import time

import pytest
import torch

import rerank
from rerank.batching import Turns, shares
from rerank.ranking import rank
from tests.rerank import checkpoints


class Recorder:
    """Scores a pair by its text's number; each pair costs ``seconds``."""

    def __init__(self, seconds: float = 0.0):
        self.rounds: list[list[tuple[str, str]]] = []
        self.seconds = seconds

    def __call__(self, pairs):
        self.rounds.append(list(pairs))
        if any(text == "bad" for _, text in pairs):
            raise ValueError("bad text")
        time.sleep(self.seconds * len(pairs))
        return [float(text) for _, text in pairs]


def together(*calls):
    """Run each call in a thread of its own; returns their results or errors, and when each ended."""
    results, ended = [None] * len(calls), [0.0] * len(calls)
    start = threading.Barrier(len(calls))

    def run(number, call):
        start.wait()
        try:
            results[number] = call()
        except Exception as error:
            results[number] = error
        ended[number] = time.monotonic()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results, ended


def numbers(count, start=0):
    return [str(number) for number in range(start, start + count)]


def test_scores_come_back_to_their_own_request():
    turns = Turns(Recorder(0.0005), pairs_per_round=8)
    results, _ = together(
        *(lambda start=start: turns.score(f"q{start}", numbers(20, start)) for start in range(0, 800, 100))
    )
    assert results == [[float(n) for n in range(start, start + 20)] for start in range(0, 800, 100)]


def test_requests_that_arrive_together_share_a_round():
    recorder = Recorder(0.002)
    turns = Turns(recorder, pairs_per_round=16)
    together(lambda: turns.score("a", numbers(40)), lambda: turns.score("b", numbers(40)))
    assert any({query for query, _ in pairs} == {"a", "b"} for pairs in recorder.rounds)
    assert max(map(len, recorder.rounds)) <= 16


def test_one_huge_request_does_not_starve_a_small_one():
    turns = Turns(Recorder(0.001), pairs_per_round=16)
    (huge, small), (huge_ended, small_ended) = together(
        lambda: turns.score("huge", numbers(1000)),
        lambda: time.sleep(0.05) or turns.score("small", numbers(10)),
    )
    assert len(huge) == 1000
    assert len(small) == 10
    assert huge_ended - small_ended > 0.5, "the small one is answered long before"


def test_a_deadline_keeps_what_was_scored():
    turns = Turns(Recorder(0.01), pairs_per_round=4)
    start = time.monotonic()
    scores = turns.score("q", numbers(1000), timeout_s=0.3)
    assert time.monotonic() - start < 2
    scored = [score for score in scores if score is not None]
    assert 0 < len(scored) < 1000
    assert scores[: len(scored)] == [float(number) for number in range(len(scored))]


def test_an_error_meets_only_the_request_that_causes_it():
    turns = Turns(Recorder(0.001), pairs_per_round=16)
    (bad, good), _ = together(
        lambda: turns.score("bad", [*numbers(3), "bad"]), lambda: turns.score("good", numbers(30))
    )
    assert isinstance(bad, ValueError)
    assert good == [float(number) for number in range(30)]
    assert turns.score("again", ["5"]) == [5.0]


def test_nothing_to_score():
    assert Turns(Recorder(), pairs_per_round=4).score("q", []) == []


def test_no_thread_is_left_when_all_is_done():
    turns = Turns(Recorder(), pairs_per_round=4)
    turns.score("q", numbers(10))
    for _ in range(100):
        if not any(thread.name == "rerank" for thread in threading.enumerate()):
            return
        time.sleep(0.01)
    pytest.fail("its thread goes on")


@pytest.mark.parametrize(
    ("waiting", "places", "expected"),
    [
        ([1000, 10, 3], 32, [19, 10, 3]),
        ([5], 32, [5]),
        ([100, 100], 32, [16, 16]),
        ([100, 0], 10, [10, 0]),
        ([9] * 5, 3, [1] * 5),
        ([], 8, []),
    ],
)
def test_places_are_dealt_evenly(waiting, places, expected):
    assert shares(waiting, places) == expected


def test_a_real_model_scores_the_same_in_company(tmp_path):
    reranker = rerank.get(str(checkpoints.bert(tmp_path / "model")), dtype=torch.float32)
    texts = checkpoints.TEXTS
    alone = [reranker.score(query, texts) for query in ("fire", "lunch", "door")]
    results, _ = together(
        *(lambda query=query: reranker.score(query, texts) for query in ("fire", "lunch", "door"))
    )
    for got, expected in zip(results, alone, strict=True):
        assert got == pytest.approx(expected, rel=1e-4)


def test_a_ranking_that_is_cut_ends_in_recall_order(tmp_path):
    reranker = rerank.get(str(checkpoints.bert(tmp_path / "model")))
    rows = rank(reranker, "fire", checkpoints.TEXTS, timeout_s=0.0)
    assert [row.index for row in rows] == list(range(len(checkpoints.TEXTS)))
    assert all(row.score is None for row in rows)
    assert all(row.score is not None for row in rank(reranker, "fire", checkpoints.TEXTS, timeout_s=60.0))
