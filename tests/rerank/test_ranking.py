"""Orders and probabilities."""

import math
import time

import pytest

from rerank.base import Platt
from rerank.ranking import TEXTS_AT_A_TIME, order, probabilities, rank


class Fixed:
    name = "fixed"
    score_kind = "logit"
    calibration = None
    threshold = None

    def __init__(self, scores):
        self.scores = scores

    def score(self, query, texts):
        return self.scores


def test_best_first_and_ties_as_given():
    ranked = rank(Fixed([0.5, 2.0, 0.5, -1.0]), "q", ["a", "b", "c", "d"])
    assert [row.index for row in ranked] == [1, 0, 2, 3]
    assert [row.index for row in rank(Fixed([0.0, 1.0]), "q", ["a", "b"], top_n=1)] == [1]


def test_what_was_not_scored_follows_in_the_order_given():
    rows = order([None, 0.1, None, 0.9], score_kind="logit")
    assert [row.index for row in rows] == [3, 1, 0, 2]
    assert rows[2].probability is None


class Slow(Fixed):
    """Cannot stop by itself; notes how many texts it was given at a time."""

    def __init__(self, seconds):
        self.seconds, self.given = seconds, []

    def score(self, query, texts):
        self.given.append(len(texts))
        time.sleep(self.seconds)
        return [float(text) for text in texts]


def test_a_reranker_that_cannot_stop_is_asked_part_by_part():
    texts = [str(number) for number in range(TEXTS_AT_A_TIME * 3)]
    slow = Slow(0.2)
    rows = rank(slow, "q", texts, timeout_s=0.1)
    assert slow.given == [TEXTS_AT_A_TIME]
    assert [row.index for row in rows[:2]] == [TEXTS_AT_A_TIME - 1, TEXTS_AT_A_TIME - 2]
    assert [row.index for row in rows[TEXTS_AT_A_TIME:]] == list(range(TEXTS_AT_A_TIME, len(texts)))
    assert all(row.score is None for row in rows[TEXTS_AT_A_TIME:])
    quick = Slow(0.0)
    assert all(row.score is not None for row in rank(quick, "q", texts, timeout_s=30.0))
    assert quick.given == [TEXTS_AT_A_TIME] * 3


def test_a_logit_goes_through_the_sigmoid_once():
    assert probabilities([0.0, 2.0], score_kind="logit") == pytest.approx([0.5, 1 / (1 + math.exp(-2))])


def test_a_probability_stays_as_it_is():
    assert probabilities([0.0, 0.7, 1.0], score_kind="probability") == [0.0, 0.7, 1.0]


def test_a_similarity_is_no_probability_until_it_is_calibrated():
    assert probabilities([0.8], score_kind="similarity") == [None]
    calibrated = probabilities([0.8], score_kind="similarity", calibration=Platt(10, -7))
    assert calibrated == pytest.approx([1 / (1 + math.exp(-1))])


def test_a_calibration_reads_raw_scores_of_any_kind():
    for kind in ("logit", "probability"):
        got = probabilities([0.3], score_kind=kind, calibration=Platt(2, 1))
        assert got == pytest.approx([1 / (1 + math.exp(-1.6))])


def test_far_logits_neither_overflow_nor_tie():
    low, high = probabilities([-1000.0, 1000.0], score_kind="logit")
    assert (low, high) == (0.0, 1.0)
    assert len(set(probabilities([9.0, 9.01, 9.02], score_kind="logit"))) == 3


def test_one_score_alone_is_not_always_one():
    """Softmax over a single logit is 1.0 whatever it says."""
    assert probabilities([-3.0], score_kind="logit")[0] < 0.05
