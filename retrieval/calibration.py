"""A reranker's raw scores as chances of being relevant, fitted on an evaluation run.

Source: Platt 1999, "Probabilistic outputs for support vector machines", with the Newton method and
the smoothed targets of Lin, Lin and Weng 2007, "A note on Platt's probabilistic outputs".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.db import transaction

from ingestion.models import KnowledgeBase
from rerank.base import Platt
from rerank.ranking import Ranked, probabilities
from retrieval.models import RunPipeline

LEAST_OF_EACH = 5
"""Right passages, and others, under which a fit would say nothing."""
KEPT = 0.95
"""Share of the right passages that the threshold lets through."""
ITERATIONS = 100
CURVE_POINTS = 40


@dataclass(frozen=True, slots=True)
class Calibration:
    """``platt`` maps raw scores to chances; under ``threshold`` (a chance) a passage does not answer.

    On the run: ``kept`` is the share of right passages at or above it, ``dropped`` of others under it.
    """

    platt: Platt
    threshold: float
    right: int
    others: int
    kept: float
    dropped: float
    lowest: float
    highest: float

    def curve(self) -> list[tuple[float, float]]:
        """(raw score, chance) at even distances over the scores of the run."""
        scores = np.linspace(self.lowest, self.highest, CURVE_POINTS)
        return list(zip(scores.tolist(), chances(scores, self.platt).tolist(), strict=True))


def of_pipeline(pipeline: RunPipeline) -> Calibration | None:
    """The fit on all scored passages of the pipeline's questions that have a right one.

    None without a reranker, with too few passages to learn from, or where higher scores are no better.
    """
    if not pipeline.reranker:
        return None
    rows = pipeline.results.values_list("ranking", "relevant", "raw_scores")
    pairs = [pair for row in rows for pair in _pairs(*row)]
    scores = np.array([score for score, _right in pairs], dtype=float)
    right = np.array([right for _score, right in pairs], dtype=bool)
    if min(right.sum(), (~right).sum()) < LEAST_OF_EACH:
        return None
    platt = fit(scores, right)
    if platt is None or platt.slope <= 0:
        return None
    shares = chances(scores, platt)
    threshold = float(np.floor(np.quantile(shares[right], 1 - KEPT, method="lower") * 1000) / 1000)
    enough = shares >= threshold
    return Calibration(
        platt=platt,
        threshold=threshold,
        right=int(right.sum()),
        others=int((~right).sum()),
        kept=float(enough[right].mean()),
        dropped=float(1 - enough[~right].mean()),
        lowest=float(scores.min()),
        highest=float(scores.max()),
    )


def _pairs(
    ranking: Sequence[str], relevant: Iterable[str], raw_scores: Sequence[float | None]
) -> list[tuple[float, bool]]:
    wanted = set(relevant)
    if not wanted:
        return []
    return [
        (score, chunk in wanted)
        for chunk, score in zip(ranking, raw_scores, strict=False)  # runs of before have no raw scores
        if score is not None
    ]


def chances(scores: np.ndarray, platt: Platt) -> np.ndarray:
    """1 / (1 + exp(-(slope * score + intercept))), without overflow."""
    return np.exp(-np.logaddexp(0, -(platt.slope * scores + platt.intercept)))


def fit(scores: np.ndarray, right: np.ndarray) -> Platt | None:
    """The maximum of the likelihood of Platt's smoothed targets, by Newton's method with backtracking.

    ``scores`` float and ``right`` bool, both [n]. None where the scores do not differ.
    """
    deviation = scores.std()
    if not deviation > 0:
        return None
    # Standardised, the Hessian is well conditioned whatever unit the reranker counts in.
    centre = scores.mean()
    design = np.column_stack([(scores - centre) / deviation, np.ones_like(scores)])
    positive, negative = right.sum(), (~right).sum()
    targets = np.where(right, (positive + 1) / (positive + 2), 1 / (negative + 2))
    weights = np.array([0.0, np.log((positive + 1) / (negative + 1))])
    loss = _loss(design @ weights, targets)
    for _iteration in range(ITERATIONS):
        chance = np.exp(-np.logaddexp(0, -(design @ weights)))
        gradient = design.T @ (chance - targets)
        if np.abs(gradient).max() < 1e-9:
            break
        curvature = chance * (1 - chance)
        hessian = (design.T * curvature) @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        while length > 1e-10:
            closer = weights - length * step
            better = _loss(design @ closer, targets)
            if better < loss - 1e-4 * length * (gradient @ step):
                break
            length /= 2
        else:
            break
        weights, loss = closer, better
    slope = weights[0] / deviation
    return Platt(slope=float(slope), intercept=float(weights[1] - slope * centre))


def _loss(logits: np.ndarray, targets: np.ndarray) -> float:
    return float((np.logaddexp(0, logits) - targets * logits).sum())


def apply(rows: Sequence[Ranked], calibration: Mapping[str, float]) -> list[Ranked]:
    """``rows`` of one reranker with the chances of a calibration fitted on it, in their order."""
    platt = Platt(calibration["slope"], calibration["intercept"])
    scores = [row.score for row in rows]
    chances = probabilities(scores, score_kind="logit", calibration=platt)
    return [replace(row, probability=chance) for row, chance in zip(rows, chances, strict=True)]


def use(*, pipeline: RunPipeline, calibration: Calibration) -> None:
    """The run's knowledge base takes this reranker, its calibration and its threshold.

    They are kept under the reranker's name and never applied to another.
    """
    with transaction.atomic():
        knowledge_base = KnowledgeBase.objects.select_for_update().get(
            pk=pipeline.run.question_set.knowledge_base_id
        )
        knowledge_base.calibrations[pipeline.reranker] = {
            "slope": calibration.platt.slope,
            "intercept": calibration.platt.intercept,
            "threshold": calibration.threshold,
        }
        knowledge_base.reranker = pipeline.reranker
        knowledge_base.threshold = calibration.threshold
        knowledge_base.save(update_fields=["calibrations", "reranker", "threshold"])
