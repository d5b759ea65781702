"""Metrics held to trec_eval itself, ties and grades included."""

import math

import numpy as np
import pytest
import pytrec_eval

from retrieval.metrics import auroc, mean_scores, score_query

CUTOFFS = (1, 5, 10, 50)
THEIRS = {"ndcg": "ndcg_cut", "map": "map_cut", "recall": "recall", "hit": "success"}


def random_case(seed: int, *, ties: bool) -> tuple[dict, dict]:
    draw = np.random.default_rng(seed)
    documents = [f"d{number}" for number in range(80)]
    run, qrels = {}, {}
    for query in map(str, range(12)):
        found = draw.choice(documents, draw.integers(1, 70), replace=False)
        scores = draw.integers(0, 6, len(found)) / 3 if ties else draw.normal(size=len(found))
        run[query] = dict(zip(map(str, found), map(float, scores), strict=True))
        judged = draw.choice(documents, draw.integers(1, 15), replace=False)
        qrels[query] = {str(document): int(draw.integers(0, 4)) for document in judged}
    return run, qrels


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_trec_eval(seed, ties):
    run, qrels = random_case(seed, ties=ties)
    cuts = ",".join(map(str, CUTOFFS))
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {f"{name}.{cuts}" for name in THEIRS.values()})
    theirs = evaluator.evaluate(run)
    for query, judgements in qrels.items():
        ours = score_query(run[query], judgements, cutoffs=CUTOFFS)
        for name, trec_name in THEIRS.items():
            for cutoff in CUTOFFS:
                assert ours[f"{name}@{cutoff}"] == pytest.approx(
                    theirs[query][f"{trec_name}_{cutoff}"], abs=1e-6
                ), (query, name, cutoff)


def test_reciprocal_rank_is_trec_evals_within_the_cutoff():
    run, qrels = random_case(7, ties=True)
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(run)
    for query, judgements in qrels.items():
        ours = score_query(run[query], judgements, cutoffs=(10,))["mrr@10"]
        full = theirs[query]["recip_rank"]
        assert ours == pytest.approx(full if full >= 0.1 else 0.0, abs=1e-6)


def test_a_query_without_a_run_counts_zero_and_one_without_relevance_not_at_all():
    qrels = {"found": {"a": 1}, "missing": {"b": 1}, "nothing": {"c": 0}}
    assert mean_scores({"found": {"a": 1.0}}, qrels, cutoffs=(5,))["hit@5"] == 0.5


def test_auroc_counts_ties_half():
    assert auroc([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert auroc([0.5], [0.5]) == 0.5
    assert auroc([0.9, 0.1], [0.5, 0.5]) == 0.5
    assert math.isnan(auroc([], [0.5]))
