"""Encoders against sentence-transformers and FlagEmbedding on the same files, and what must be refused."""

import json
import math

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, XLMRobertaModel

import rerank
from rerank.base import RerankerUnusable
from rerank.ranking import rank
from tests.rerank import checkpoints
from tests.rerank.checkpoints import QUERY, TEXTS

PAIRS = [(QUERY, text) for text in TEXTS]
FAMILIES = [checkpoints.xlm_roberta, checkpoints.bert, checkpoints.deberta, checkpoints.modernbert]


def load(path, **options):
    return rerank.get(str(path), dtype=torch.float32, **options)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_scores_are_those_of_sentence_transformers(family, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    path = family(tmp_path / "model")
    reference = sentence_transformers.CrossEncoder(str(path), activation_fn=torch.nn.Identity(), device="cpu")
    scores = load(path).score(QUERY, TEXTS)
    assert scores == pytest.approx(reference.predict(PAIRS).tolist(), rel=1e-4)
    assert max(scores) - min(scores) > 0.1, "a checkpoint that scores all alike would prove nothing"


def test_scores_are_those_of_flagembedding(tmp_path):
    reference = pytest.importorskip("FlagEmbedding").FlagReranker
    path = checkpoints.xlm_roberta(tmp_path / "model")
    texts = [text for text in TEXTS if text]  # it reads an empty one as a query alone
    pairs = [(QUERY, text) for text in texts]
    expected = reference(str(path), devices="cpu", use_fp16=False).compute_score(pairs, max_length=512)
    assert load(path).score(QUERY, texts) == pytest.approx(expected, rel=1e-4)


def test_a_long_text_is_cut_and_the_query_is_not(tmp_path):
    """64 tokens: the whole query, then as much of the text as fits. Written out with the tokenizer alone."""
    path = checkpoints.xlm_roberta(tmp_path / "model", positions=66)
    tokenizer = AutoTokenizer.from_pretrained(path)
    query = tokenizer(QUERY, add_special_tokens=False)["input_ids"]
    text = tokenizer(TEXTS[4], add_special_tokens=False)["input_ids"]
    assert len(query) + len(text) > 64 > len(query)
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    ids = [start, *query, end, end, *text[: 64 - len(query) - 4], end]
    model = AutoModelForSequenceClassification.from_pretrained(path).eval()
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits.item()
    assert load(path).score(QUERY, [TEXTS[4]]) == pytest.approx([expected], rel=1e-4)


def test_a_query_longer_than_the_model_leaves_a_quarter_to_the_text(tmp_path):
    reranker = load(checkpoints.xlm_roberta(tmp_path / "model", positions=66))
    [[row]] = reranker.rows([("fire door " * 200, "the north hall " * 200)])
    query = reranker.core.encode("fire door " * 200, add_special_tokens=False).ids
    text = reranker.core.encode("the north hall " * 200, add_special_tokens=False).ids
    assert row.ids[1:49] == query[:48]
    assert row.ids[51:63] == text[:12]
    assert len(row.ids) == 64


def test_two_labels_score_as_the_softmax_of_the_second(tmp_path):
    path = checkpoints.bert(tmp_path / "model", labels=2)
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForSequenceClassification.from_pretrained(path).eval()
    with torch.no_grad():
        inputs = tokenizer([QUERY] * len(TEXTS), TEXTS, padding=True, return_tensors="pt")
        expected = model(**inputs).logits.softmax(dim=1)[:, 1].tolist()
    ranked = rank(load(path, recipe="two_label"), QUERY, TEXTS)
    assert {row.index: row.probability for row in ranked} == pytest.approx(
        dict(enumerate(expected)), rel=1e-4
    )


def test_token_types_tell_the_query_from_the_text(tmp_path):
    reranker = load(checkpoints.bert(tmp_path / "model", labels=2), recipe="two_label")
    [[row]] = reranker.rows([("fire", "door")])
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert row.segments == tokenizer("fire", "door")["token_type_ids"]
    assert 1 in row.segments


def test_the_sigmoid_is_applied_once(tmp_path):
    path = checkpoints.xlm_roberta(tmp_path / "model")
    reranker = load(path)
    logits = reranker.score(QUERY, TEXTS)
    assert min(logits) < 0, "already a probability"
    for row in rank(reranker, QUERY, TEXTS):
        assert row.probability == pytest.approx(1 / (1 + math.exp(-logits[row.index])), rel=1e-6)


def test_scores_do_not_depend_on_the_company(tmp_path):
    reranker = load(checkpoints.xlm_roberta(tmp_path / "model"))
    together = reranker.score(QUERY, TEXTS)
    alone = [reranker.score(QUERY, [text])[0] for text in TEXTS]
    assert together == pytest.approx(alone, rel=1e-4)
    assert reranker.score(QUERY, TEXTS[::-1]) == pytest.approx(together[::-1], rel=1e-4)


def test_half_precision_keeps_an_fp32_head(tmp_path):
    """A bf16 head would round logits to 8 bits and tie the neighbours of a ranking."""
    path = checkpoints.xlm_roberta(tmp_path / "model")
    reranker = rerank.get(str(path), dtype=torch.bfloat16)
    assert next(reranker.model.base_model.encoder.parameters()).dtype == torch.bfloat16
    assert reranker.model.classifier.out_proj.weight.dtype == torch.float32
    scores = reranker.score(QUERY, TEXTS)
    assert scores == pytest.approx(load(path).score(QUERY, TEXTS), abs=0.1)
    assert scores != torch.tensor(scores).bfloat16().tolist()


def test_a_checkpoint_without_its_head_is_refused(tmp_path):
    path = checkpoints.xlm_roberta(tmp_path / "model", model_class=XLMRobertaModel)
    config = json.loads((path / "config.json").read_text())
    config |= {"architectures": ["XLMRobertaForSequenceClassification"], "id2label": {"0": "LABEL_0"}}
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RerankerUnusable, match="lacks weights"):
        load(path)


def test_a_plain_language_model_is_refused(tmp_path):
    with pytest.raises(RerankerUnusable, match="no classifier"):
        load(checkpoints.qwen2(tmp_path / "model"))


def test_two_labels_are_not_read_as_one(tmp_path):
    path = checkpoints.bert(tmp_path / "model", labels=2)
    with pytest.raises(RerankerUnusable, match="2 labels"):
        load(path)
    with pytest.raises(RerankerUnusable, match="2 labels"):
        load(path, recipe="encoder")


def test_one_label_is_not_read_as_two(tmp_path):
    with pytest.raises(RerankerUnusable, match="1 labels"):
        load(checkpoints.bert(tmp_path / "model"), recipe="two_label")


def test_a_head_of_another_shape_is_refused(tmp_path):
    path = checkpoints.bert(tmp_path / "model", labels=2)
    config = json.loads((path / "config.json").read_text())
    config["id2label"] = {"0": "LABEL_0"}
    config["label2id"] = {"LABEL_0": 0}
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RerankerUnusable):
        load(path)


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    path = checkpoints.xlm_roberta(tmp_path / "model")
    config = json.loads((path / "config.json").read_text())
    config |= {"model_type": "surprise", "auto_map": {"AutoConfig": "code.Config"}}
    (path / "config.json").write_text(json.dumps(config))
    (path / "code.py").write_text("raise SystemExit('ran')")
    with pytest.raises(RerankerUnusable, match="code"):
        load(path)


def test_a_model_is_loaded_once(tmp_path):
    path = checkpoints.xlm_roberta(tmp_path / "model")
    assert load(path) is load(path)
    assert load(path, max_length=64) is not load(path)
