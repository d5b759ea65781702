"""The built-in embedder, the real one: two languages in one space."""

import threading

import numpy as np
import pytest

from retrieval import embedders
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.embedders.cache import CachedEmbedder
from retrieval.embedders.minilm import MiniLM


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return embedders.get("minilm-zh")


def test_a_sentence_is_nearest_to_its_translation(model):
    english = ["The company law", "A cat on the sofa", "The doctor treats the disease", "a new film"]
    chinese = ["公司法律", "沙发上的猫", "医生治疗疾病", "一部新电影"]
    similar = model.embed_documents(english) @ model.embed_documents(chinese).T
    assert similar.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_rows_are_unit_float32_in_the_order_given_whatever_their_length(model):
    texts = ["short", "a rather long text " * 30, "中文", ""]
    rows = model.embed_documents(texts)
    assert rows.dtype == np.float32
    assert rows.shape == (4, model.dimension)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    alone = np.stack([model.embed_query(text) for text in texts])
    assert (rows * alone).sum(axis=1) == pytest.approx(np.ones(4), abs=5e-3)
    assert model.embed_documents([]).shape == (0, model.dimension)


def test_token_vectors_belong_to_their_tokens(model):
    first, second = model.embed_tokens(["hello world", "公司"])
    assert first.states.shape == (len(first.ids), model.dimension)
    assert first.states.norm(dim=1).numpy() == pytest.approx(np.ones(len(first.ids)), abs=1e-4)
    assert second.pooled.numpy() @ model.embed_query("公司") == pytest.approx(1, abs=5e-3)


def test_it_is_loaded_once_however_many_ask(monkeypatch):
    made = []
    monkeypatch.setattr(embedders, "_loaded", {})
    monkeypatch.setattr("retrieval.embedders.minilm.MiniLM", lambda **options: made.append(1) or object())
    threads = [threading.Thread(target=embedders.get, args=["minilm-zh"]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_cannot_be_had_is_said(tmp_path):
    with pytest.raises(EmbedderUnavailable, match="no built-in embedder"):
        embedders.get("unknown")
    broken = tmp_path / "vocabulary.safetensors"
    broken.write_bytes(b"not weights")
    with pytest.raises(EmbedderUnavailable, match="cannot be read"):
        MiniLM(vocabulary=broken)
    with pytest.raises(EmbedderUnavailable, match="cannot be read"):
        MiniLM(vocabulary=tmp_path / "missing")


class Counting:
    name, dimension, languages, version = "counting", 2, None, "1"

    def __init__(self):
        self.asked: list[str] = []

    def embed_documents(self, texts):
        self.asked += texts
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def test_cached_vectors_are_asked_for_once_and_other_weights_start_anew(tmp_path):
    inner = Counting()
    first = CachedEmbedder(inner, tmp_path).embed_documents(["a", "bbb", "a"])
    again = CachedEmbedder(inner, tmp_path).embed_documents(["bbb", "a", "cc"])
    assert inner.asked == ["a", "bbb", "cc"]
    assert first[:, 0].tolist() == [1, 3, 1]
    assert again[:, 0].tolist() == [3, 1, 2]
    inner.version = "2"
    CachedEmbedder(inner, tmp_path).embed_documents(["a"])
    assert inner.asked[-1] == "a"
    assert len(inner.asked) == 4
