"""What every Reranker must do, asserted on each implementation, fakes and real ones."""

import math

QUERY = "when is the fire door inspected"
TEXTS = [
    "the fire door is inspected in May",
    "lunch is at noon",
    "",
    "消防门每年五月检查",
    "lunch is at noon",
]


def assert_is_a_reranker(reranker) -> None:
    assert isinstance(reranker.name, str)
    assert reranker.name
    assert reranker.score_kind in {"logit", "probability", "similarity"}
    assert reranker.threshold is None or 0 <= reranker.threshold <= 1
    assert reranker.score(QUERY, []) == []

    scores = reranker.score(QUERY, TEXTS)
    assert len(scores) == len(TEXTS)
    assert all(type(score) is float and math.isfinite(score) for score in scores)
    if reranker.score_kind == "probability":
        assert all(0 <= score <= 1 for score in scores)
    assert math.isclose(scores[1], scores[4], rel_tol=1e-3, abs_tol=1e-3), "the same text, the same score"

    backwards = reranker.score(QUERY, TEXTS[::-1])[::-1]
    for there, back in zip(scores, backwards, strict=True):
        assert math.isclose(there, back, rel_tol=1e-3, abs_tol=1e-3), "a score does not depend on the order"
    assert reranker.score(QUERY, tuple(TEXTS)) == scores
