"""bce-reranker: long texts in windows, after BCEmbedding 0.1.5."""

import math

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import rerank
from rerank.ranking import rank
from rerank.recipes.windows import windows
from tests.rerank import checkpoints
from tests.rerank.checkpoints import QUERY, TEXTS

LONG = " ".join(f"{text} lunch {number}" for number, text in enumerate(TEXTS * 20))


def bcembedding_probabilities(path, query: str, texts: list[str], *, max_length: int = 512) -> list[float]:
    """The windows of ``reranker_tokenize_preproc`` and the maximum of their sigmoids, one at a time."""
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForSequenceClassification.from_pretrained(path).eval()
    head = tokenizer(query)["input_ids"]
    room = max_length - len(head) - 2
    assert room > 100
    overlap = min(80, room // 4)
    best = []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        pieces, start = [], 0
        while start < len(ids):
            end = start + room
            pieces.append(ids[start:end])
            start = end - overlap if end < len(ids) else end
        scores = []
        for piece in pieces or [[]]:
            sequence = [*head, tokenizer.sep_token_id, *piece, tokenizer.sep_token_id]
            with torch.no_grad():
                scores.append(torch.sigmoid(model(torch.tensor([sequence])).logits).item())
        best.append(max(scores))
    return best


def load(path, **options):
    return rerank.get(str(path), recipe="windows", dtype=torch.float32, **options)


def test_scores_are_those_of_bcembedding(tmp_path):
    path = checkpoints.xlm_roberta(tmp_path / "model")
    texts = [*TEXTS, LONG]
    reranker = load(path)
    assert len(reranker.rows([(QUERY, LONG)])[0]) > 3
    got = {row.index: row.probability for row in rank(reranker, QUERY, texts)}
    assert got == pytest.approx(dict(enumerate(bcembedding_probabilities(path, QUERY, texts))), rel=1e-4)


def test_the_best_window_counts(tmp_path):
    reranker = load(checkpoints.xlm_roberta(tmp_path / "model"))
    [rows] = reranker.rows([(QUERY, LONG)])
    logits = torch.cat([reranker.logits([row]) for row in rows]).tolist()
    assert max(logits) - min(logits) > 1e-3
    assert reranker.score(QUERY, [LONG]) == pytest.approx([max(logits)], rel=1e-4)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, [(0, 0)]),
        (200, [(0, 200)]),
        (201, [(0, 200), (150, 201)]),
        (350, [(0, 200), (150, 350)]),
        (351, [(0, 200), (150, 350), (300, 351)]),
    ],
)
def test_windows_of_200_overlap_by_50(length, expected):
    """A quarter of the window where that is under 80."""
    ids = list(range(length))
    assert windows(ids, 200) == [ids[start:end] for start, end in expected]


def test_wide_windows_overlap_by_80():
    assert [piece[0] for piece in windows(list(range(1000)), 480)] == [0, 400, 800]


def test_each_window_carries_the_whole_query(tmp_path):
    reranker = load(checkpoints.xlm_roberta(tmp_path / "model"))
    query = reranker.core.encode(QUERY, add_special_tokens=False).ids
    for row in reranker.rows([(QUERY, LONG)])[0]:
        assert row.ids[1 : len(query) + 1] == query
        assert len(row.ids) <= 512


def test_a_query_too_long_for_the_reference_still_scores(tmp_path):
    reranker = load(checkpoints.xlm_roberta(tmp_path / "model"))
    query = "fire door " * 600
    rows = reranker.rows([(query, LONG)])[0]
    assert all(len(row.ids) <= 512 for row in rows)
    assert len(rows[0].ids) == 512
    assert all(map(math.isfinite, reranker.score(query, [LONG])))
