"""Decoders against FlagEmbedding and against the published recipes written out with plain transformers."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import rerank
from rerank.base import RerankerUnusable
from rerank.ranking import rank
from rerank.recipes import mxbai_v2, qwen3
from tests.rerank import checkpoints
from tests.rerank.checkpoints import QUERY, TEXTS

LONG = "the north hall and its fire doors, inspected twice a year by the caretaker. " * 40


def load(path, recipe, **options):
    return rerank.get(str(path), recipe=recipe, dtype=torch.float32, **options)


def last_logits(path, sequences: list[list[int]]) -> torch.Tensor:
    """Logits at the last token of each sequence, one at a time: no padding, no batch."""
    model = AutoModelForCausalLM.from_pretrained(path).eval()
    with torch.no_grad():
        return torch.stack([model(torch.tensor([ids])).logits[0, -1].float() for ids in sequences])


@pytest.mark.parametrize("max_length", [512, 96])
def test_gemma_scores_are_those_of_flagembedding(tmp_path, max_length):
    """96 tokens cut the long passages; the prompt after them stays whole."""
    reference = pytest.importorskip("FlagEmbedding").FlagLLMReranker
    path = checkpoints.gemma(tmp_path / "model")
    pairs = [(QUERY, text) for text in TEXTS]
    expected = reference(str(path), devices="cpu", use_fp16=False).compute_score(pairs, max_length=max_length)
    scores = load(path, "yes_logit", max_length=max_length).score(QUERY, TEXTS)
    assert scores == pytest.approx(expected, rel=1e-4)
    assert max(scores) - min(scores) > 0.1


def test_gemma_reads_yes_alone(tmp_path):
    path = checkpoints.gemma(tmp_path / "model")
    reranker = load(path, "yes_logit")
    tokenizer = AutoTokenizer.from_pretrained(path)
    [[row]] = reranker.rows([(QUERY, TEXTS[0])])
    logits = last_logits(path, [row.ids])[0]
    yes, no = (tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in ("Yes", "No"))
    [score] = reranker.score(QUERY, [TEXTS[0]])
    assert score == pytest.approx(logits[yes].item(), rel=1e-4)
    assert abs(score - (logits[yes] - logits[no]).item()) > 1e-3


def test_qwen3_scores_are_those_of_its_card(tmp_path):
    """The card's own lines: prefix, one joined string per pair, suffix; softmax over [no, yes]."""
    path = checkpoints.qwen3(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(path)

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    middles = [
        f"<Instruct>: {qwen3.INSTRUCTION}\n<Query>: {QUERY}\n<Document>: {text}" for text in [*TEXTS, "\n(x)"]
    ]
    logits = last_logits(path, [ids(qwen3.BEFORE) + ids(middle) + ids(qwen3.AFTER) for middle in middles])
    yes, no = ids("yes")[0], ids("no")[0]
    expected = logits[:, [no, yes]].log_softmax(dim=1)[:, 1].exp().tolist()
    ranked = rank(load(path, "qwen3"), QUERY, [*TEXTS, "\n(x)"])
    got = {row.index: row.probability for row in ranked}
    assert got == pytest.approx(dict(enumerate(expected)), rel=1e-4)
    assert max(expected) - min(expected) > 0.01


def test_qwen3_takes_an_instruction_and_keeps_its_prompt_when_it_cuts(tmp_path):
    path = checkpoints.qwen3(tmp_path / "model")
    reranker = load(path, "qwen3", instruction="find the rule", max_length=400)
    [[row]] = reranker.rows([(QUERY, LONG)])
    text = reranker.tokenizer.decode(row.ids)
    assert len(row.ids) == 400
    question = f"<Instruct>: find the rule\n<Query>: {QUERY}\n<Document>: the north"
    assert text.startswith(qwen3.BEFORE + question)
    assert text.endswith(qwen3.AFTER)


def test_a_query_too_long_for_qwen3_leaves_room_for_the_document(tmp_path):
    reranker = load(checkpoints.qwen3(tmp_path / "model"), "qwen3", max_length=400)
    [[row]] = reranker.rows([(LONG, "unmistakable")])
    text = reranker.tokenizer.decode(row.ids)
    assert "\n<Document>: unmistakable" in text
    assert len(row.ids) <= 400


@pytest.mark.parametrize("max_length", [8192, 90])
def test_mxbai_v2_scores_are_those_of_its_library(tmp_path, max_length):
    """Written after mxbai-rerank 0.1.6: its own code calls what transformers 5 dropped."""
    path = checkpoints.qwen2(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(path)

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    sequences = []
    for text in TEXTS:
        query = ids(f"query: {QUERY}")[: max_length * 3 // 4]
        document = ids("\n") + ids(f"document: {text}")[:max_length]
        document = document[: max(max_length - len(query), 0)]
        sequences.append(
            ids(mxbai_v2.BEFORE) + query + document + ids("\n") + ids(mxbai_v2.TASK) + ids(mxbai_v2.AFTER)
        )
    logits = last_logits(path, sequences)
    expected = (logits[:, ids("1")[0]] - logits[:, ids("0")[0]]).tolist()
    scores = load(path, "mxbai_v2", max_length=max_length).score(QUERY, TEXTS)
    assert scores == pytest.approx(expected, rel=1e-4)
    assert max(scores) - min(scores) > 0.1


def test_a_recipe_refuses_another_family(tmp_path):
    with pytest.raises(RerankerUnusable, match="qwen3"):
        load(checkpoints.qwen2(tmp_path / "model"), "qwen3")


def test_a_decoder_without_its_vocabulary_head_is_refused(tmp_path):
    from transformers import Qwen3Config, Qwen3Model

    tokenizer = checkpoints.decoder_tokenizer()
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        num_key_value_heads=2,
        head_dim=8,
        tie_word_embeddings=False,
        **checkpoints.TINY,
    )
    path = checkpoints.save(tmp_path / "model", Qwen3Model(config), tokenizer)
    with pytest.raises(RerankerUnusable, match="lm_head"):
        load(path, "qwen3")
