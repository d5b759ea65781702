"""The built-in second stage, on the real embedder with the weights that ship."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from rerank.base import Platt
from rerank.ranking import rank
from retrieval import embedders, late_interaction
from retrieval.late_interaction import LateInteraction, Weights
from retrieval.token_match import FEATURES

PASSAGES = [
    "Travel\nTravel costs are paid back within two weeks.",
    "Leave\nEvery employee has thirty days of annual leave.",
    "Kitchen\nThe kitchen on the second floor is open to everybody.",
]


@pytest.fixture(scope="module")
def stage() -> LateInteraction:
    return late_interaction.get()


@pytest.mark.parametrize("query", ["How many days of annual leave do I have?", "员工每年有多少天年假？"])
def test_the_passage_that_answers_comes_first_in_both_languages(stage, query):
    rows = rank(stage, query, PASSAGES)
    assert rows[0].index == 1
    assert rows[0].probability > rows[1].probability
    assert all(0 <= row.probability <= 1 for row in rows)


def test_what_answers_is_over_the_threshold_and_what_does_not_is_under_it(stage):
    assert rank(stage, "How many days of annual leave do I have?", PASSAGES)[0].probability > stage.threshold
    assert rank(stage, "Who won the chess championship of 1972?", PASSAGES)[0].probability < stage.threshold


def test_scores_are_those_of_the_texts_in_the_order_given_batched_or_not(stage):
    query = "annual leave"
    together = stage.score(query, PASSAGES)
    backwards = stage.score(query, PASSAGES[::-1])[::-1]
    assert together == pytest.approx(backwards, abs=1e-5)
    fresh = LateInteraction(embedders.get("minilm-zh"), Weights.load(), remembered_tokens=0)
    assert [fresh.score(query, [text])[0] for text in PASSAGES] == pytest.approx(together, abs=0.1)
    assert stage.score(query, []) == []


@pytest.mark.parametrize("texts", [["", "x", "？"], ["word " * 5000], ["\x00\ud7ff", "\n\n"]])
def test_strange_texts_score_finitely(stage, texts):
    for query in ("leave", "", "？", "的"):
        assert np.isfinite(stage.score(query, texts)).all()


def test_remembered_texts_stay_within_their_room():
    small = LateInteraction(embedders.get("minilm-zh"), Weights.load(), remembered_tokens=30)
    for number in range(6):
        small.score("leave", [f"{PASSAGES[1]} {number}"])
    assert sum(len(tokens.ids) for tokens in small._memory.values()) <= 30


def test_weights_survive_the_file_and_others_are_refused(tmp_path):
    weights = Weights.load()
    weights.save(tmp_path / "copy.safetensors")
    again = Weights.load(tmp_path / "copy.safetensors")
    rows = np.random.default_rng(0).normal(size=(5, len(FEATURES) + 1)).astype(np.float32)
    assert again.logits(rows).tolist() == weights.logits(rows).tolist()
    assert isinstance(again.calibration, Platt)
    save_file({}, tmp_path / "other.safetensors", metadata={"fitted": '{"features": ["other"]}'})
    with pytest.raises(ValueError, match="other features"):
        Weights.load(tmp_path / "other.safetensors")
