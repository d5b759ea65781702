"""Every recipe keeps the contract of a Reranker. (Servers: test_http.py; a language model: test_llm.py.)"""

import pytest

import rerank
from tests.rerank import checkpoints
from tests.rerank.contracts import assert_is_a_reranker
from tests.rerank.test_native import gte, minicpm


@pytest.mark.parametrize(
    ("recipe", "family", "options"),
    [
        ("encoder", checkpoints.xlm_roberta, {}),
        ("encoder", checkpoints.deberta, {}),
        ("encoder", checkpoints.modernbert, {}),
        ("two_label", lambda path: checkpoints.bert(path, labels=2), {}),
        ("windows", checkpoints.xlm_roberta, {}),
        ("gte", lambda path: gte(path)[0], {}),
        ("yes_logit", checkpoints.gemma, {}),
        ("layerwise", minicpm, {"cutoff_layer": 4}),
        ("qwen3", checkpoints.qwen3, {}),
        ("mxbai_v2", checkpoints.qwen2, {}),
    ],
)
def test_contract(tmp_path, recipe, family, options):
    import torch

    path = family(tmp_path / "model")
    assert_is_a_reranker(rerank.get(str(path), recipe=recipe, dtype=torch.float32, **options))
