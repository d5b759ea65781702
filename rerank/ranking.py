"""From scores to an order and to probabilities. Every reranker goes through here, and only here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rerank.base import Platt, Reranker, ScoreKind, TimedReranker
from rerank.parts import score_in_parts

TEXTS_AT_A_TIME = 64
"""Of a reranker that cannot stop by itself: as many as are usually recalled, so that one call is made."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One passage of a ranking. ``index`` is its place in the texts given; ``score`` raw, None where
    the deadline came first; ``probability`` None where the score has no calibrated meaning."""

    index: int
    score: float | None
    probability: float | None


def rank(
    reranker: Reranker,
    query: str,
    texts: Sequence[str],
    *,
    top_n: int | None = None,
    timeout_s: float | None = None,
) -> list[Ranked]:
    """``texts`` best first, at most ``top_n``; equal scores keep the order given.

    What was not reached within ``timeout_s`` has no score and follows in the order given, so give the
    texts in recall order. A reranker that cannot stop is given `TEXTS_AT_A_TIME`.
    """
    scores: Sequence[float | None]
    if timeout_s is None:
        scores = reranker.score(query, texts)
    elif isinstance(reranker, TimedReranker):
        scores = reranker.score_within(query, texts, timeout_s=timeout_s)
    else:
        scores = score_in_parts(
            texts,
            lambda part, left: reranker.score(query, part),
            size=TEXTS_AT_A_TIME,
            timeout_s=timeout_s,
        )
    return order(scores, score_kind=reranker.score_kind, calibration=reranker.calibration, top_n=top_n)


def order(
    scores: Sequence[float | None],
    *,
    score_kind: ScoreKind,
    calibration: Platt | None = None,
    top_n: int | None = None,
) -> list[Ranked]:
    """Sort what was scored, best first; what was not (None) follows in the order given."""
    chances = probabilities(scores, score_kind=score_kind, calibration=calibration)
    rows = [
        Ranked(index, score, chance)
        for index, (score, chance) in enumerate(zip(scores, chances, strict=True))
    ]
    rows.sort(key=lambda row: math.inf if row.score is None else -row.score)
    return rows[:top_n]


def probabilities(
    scores: Sequence[float | None], *, score_kind: ScoreKind, calibration: Platt | None = None
) -> list[float | None]:
    """Raw scores as the chance of being relevant, the activation applied last and once.

    A calibration is fitted on raw scores of any kind and wins. Without one a logit goes through the
    sigmoid, a probability stays as it is, and a similarity has no probability (None).
    """
    if calibration is None and score_kind == "logit":
        calibration = Platt()
    if calibration is not None:
        return [
            None if score is None else sigmoid(calibration.slope * score + calibration.intercept)
            for score in scores
        ]
    return list(scores) if score_kind == "probability" else [None] * len(scores)


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)) in double precision, for any finite logit."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    grown = math.exp(logit)
    return grown / (1 + grown)
