"""Ranking metrics as trec_eval computes them.

Documents are ranked by score, best first, ties by id from high to low; relevant means a grade of
1 or more. Source: trec_eval 9.0 (map_cut, recall, success, recip_rank, ndcg_cut); linear gains.
"""

from collections.abc import Mapping, Sequence

import numpy as np

CUTOFFS = (1, 3, 5, 10, 20, 50, 100)
Run = Mapping[str, float]
"""Document id -> score."""
Judgements = Mapping[str, int]
"""Document id -> grade."""


def ranked_ids(run: Run) -> list[str]:
    """Ids best first, ties by id from high to low.

    Scores are compared as float32, as trec_eval keeps them: two that differ later are a tie.
    """
    return sorted(run, key=lambda document: (float(np.float32(run[document])), document), reverse=True)


def score_query(run: Run, judgements: Judgements, *, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, float]:
    """ "hit@k", "recall@k", "mrr@k", "map@k" and "ndcg@k" of one query, each in 0..1.

    A query for which nothing is relevant scores 0 everywhere.
    """
    gains = np.array([max(judgements.get(document, 0), 0) for document in ranked_ids(run)], dtype=float)
    ideal = np.sort([grade for grade in judgements.values() if grade > 0])[::-1].astype(float)
    scores: dict[str, float] = {}
    for cutoff in cutoffs:
        scores |= _at(cutoff, gains[:cutoff], ideal)
    return scores


def _at(cutoff: int, gains: np.ndarray, ideal: np.ndarray) -> dict[str, float]:
    names = [f"{name}@{cutoff}" for name in ("hit", "recall", "mrr", "map", "ndcg")]
    ranks = np.flatnonzero(gains) + 1
    if not len(ideal) or not len(ranks):
        return dict.fromkeys(names, 0.0)
    values = (
        1.0,
        len(ranks) / len(ideal),
        1 / ranks[0],
        float((np.arange(1, len(ranks) + 1) / ranks).sum()) / len(ideal),
        discounted_gain(gains) / discounted_gain(ideal[:cutoff]),
    )
    return dict(zip(names, values, strict=True))


def discounted_gain(gains: np.ndarray) -> float:
    """Sum of gain / log2(rank + 1). Source: Järvelin and Kekäläinen 2002, as in trec_eval."""
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())


def mean_scores(
    runs: Mapping[str, Run], judgements: Mapping[str, Judgements], *, cutoffs: Sequence[int] = CUTOFFS
) -> dict[str, float]:
    """Means over all queries with a relevant document; one that has no run counts 0."""
    judged = [query for query, grades in judgements.items() if any(grade > 0 for grade in grades.values())]
    rows = [score_query(runs.get(query, {}), judgements[query], cutoffs=cutoffs) for query in judged]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Chance that a positive scores above a negative, ties counting half (Mann-Whitney); NaN without both."""
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = np.sort(np.asarray(negative, dtype=float))
    values = np.asarray(positive, dtype=float)
    below = np.searchsorted(ordered, values, side="left")
    up_to = np.searchsorted(ordered, values, side="right")
    return float((below + up_to).mean() / 2 / len(ordered))
