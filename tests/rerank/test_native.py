"""Two models that ship their own code, read without it: MiniCPM layerwise and gte-multilingual."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GteConfig, GteForSequenceClassification

import rerank
from rerank.base import RerankerUnusable
from tests.rerank import checkpoints
from tests.rerank.checkpoints import QUERY, SPREAD, TEXTS

MINICPM = {
    "architectures": ["LayerWiseMiniCPMForCausalLM"],
    "model_type": "minicpm",
    "auto_map": {"AutoConfig": "configuration_minicpm_reranker.LayerWiseMiniCPMConfig"},
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
    "rope_theta": 5000.0,
    "scale_emb": 12,
    "dim_model_base": 256,
    "scale_depth": 1.4,
    "start_layer": 2,
    "head_multi": True,
    "head_type": "simple",
}


def minicpm(folder, **changes):
    """The checkpoint as published: Llama's names, and one head per layer from ``start_layer`` on."""
    tokenizer = checkpoints.decoder_tokenizer(bos=True)
    config = MINICPM | {"vocab_size": len(tokenizer), "bos_token_id": tokenizer.bos_token_id} | changes
    generator = torch.Generator().manual_seed(14)

    def weight(*shape):
        return torch.randn(*shape, generator=generator) * SPREAD

    hidden, inner, small = config["hidden_size"], config["intermediate_size"], 16
    weights = {
        "model.embed_tokens.weight": weight(config["vocab_size"], hidden),
        "model.norm.weight": 1 + weight(hidden),
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}."
        weights |= {
            layer + "self_attn.q_proj.weight": weight(hidden, hidden),
            layer + "self_attn.k_proj.weight": weight(small, hidden),
            layer + "self_attn.v_proj.weight": weight(small, hidden),
            layer + "self_attn.o_proj.weight": weight(hidden, hidden),
            layer + "mlp.gate_proj.weight": weight(inner, hidden),
            layer + "mlp.up_proj.weight": weight(inner, hidden),
            layer + "mlp.down_proj.weight": weight(hidden, inner),
            layer + "input_layernorm.weight": 1 + weight(hidden),
            layer + "post_attention_layernorm.weight": 1 + weight(hidden),
        }
    for number in range(config["num_hidden_layers"] - config["start_layer"] + 1):
        weights[f"lm_head.{number}.linear_head.weight"] = weight(1, hidden)
    folder.mkdir()
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def minicpm_logit(folder, ids: list[int], cutoff: int) -> float:
    """MiniCPM's forward pass in plain tensors, from its paper's scalings; one sequence, no padding.

    It gave the values of FlagEmbedding 1.4.2's own ``LayerWiseMiniCPMForCausalLM`` under
    transformers 4.46.3 (that code does not run under 5) to 1e-5.
    """
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    size = config["hidden_size"] // heads
    branch = config["scale_depth"] / math.sqrt(config["num_hidden_layers"])

    def norm(states, name):
        return states / (states.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]).sqrt() * weights[name]

    frequencies = config["rope_theta"] ** -(torch.arange(0, size, 2) / size)
    angles = torch.outer(torch.arange(len(ids)).float(), frequencies).repeat(1, 2)

    def turn(states):  # [heads, tokens, size]
        first, second = states.chunk(2, dim=-1)
        return states * angles.cos() + torch.cat([-second, first], dim=-1) * angles.sin()

    def split(states, count):
        return states.view(len(ids), count, size).transpose(0, 1)

    states = weights["model.embed_tokens.weight"][ids] * config["scale_emb"]
    future = torch.full((len(ids), len(ids)), -math.inf).triu(1)
    for number in range(cutoff):
        layer = f"model.layers.{number}."
        inside = norm(states, layer + "input_layernorm.weight")
        query = turn(split(inside @ weights[layer + "self_attn.q_proj.weight"].T, heads))
        key = turn(split(inside @ weights[layer + "self_attn.k_proj.weight"].T, groups))
        value = split(inside @ weights[layer + "self_attn.v_proj.weight"].T, groups)
        key, value = (part.repeat_interleave(heads // groups, dim=0) for part in (key, value))
        attention = (query @ key.transpose(1, 2) / math.sqrt(size) + future).softmax(-1) @ value
        joined = attention.transpose(0, 1).reshape(len(ids), -1)
        states = states + joined @ weights[layer + "self_attn.o_proj.weight"].T * branch
        inside = norm(states, layer + "post_attention_layernorm.weight")
        gate = torch.nn.functional.silu(inside @ weights[layer + "mlp.gate_proj.weight"].T)
        inside = gate * (inside @ weights[layer + "mlp.up_proj.weight"].T)
        states = states + inside @ weights[layer + "mlp.down_proj.weight"].T * branch
    head = weights[f"lm_head.{cutoff - config['start_layer']}.linear_head.weight"][0]
    return (norm(states, "model.norm.weight")[-1] @ head).item()


@pytest.mark.parametrize("cutoff", [2, 4, 6])
def test_layerwise_scores_at_each_cutoff(tmp_path, cutoff):
    path = minicpm(tmp_path / "model")
    reranker = rerank.get(str(path), recipe="layerwise", dtype=torch.float32, cutoff_layer=cutoff)
    rows = [row for [row] in reranker.rows([(QUERY, text) for text in TEXTS])]
    expected = [minicpm_logit(path, row.ids, cutoff) for row in rows]
    scores = reranker.score(QUERY, TEXTS)
    assert scores == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert max(scores) - min(scores) > 0.1
    assert len(reranker.body.layers) == cutoff, "layers after the cut are not computed"


def test_layerwise_rows_are_those_of_gemma(tmp_path):
    path = minicpm(tmp_path / "model")
    reranker = rerank.get(str(path), recipe="layerwise", dtype=torch.float32, cutoff_layer=4)
    [[row]] = reranker.rows([("q", "p")])
    assert reranker.tokenizer.decode(row.ids).startswith("<bos>A: q\nB: p\nGiven a query A and a passage B,")


@pytest.mark.parametrize("changes", [{"head_type": "complex"}, {"head_multi": False}, {"start_layer": 5}])
def test_layerwise_refuses_other_heads(tmp_path, changes):
    path = minicpm(tmp_path / "model", **changes)
    with pytest.raises(RerankerUnusable):
        rerank.get(str(path), recipe="layerwise", cutoff_layer=4)


def test_layerwise_without_its_head_is_refused(tmp_path):
    path = minicpm(tmp_path / "model")
    weights = load_file(path / "model.safetensors")
    del weights["lm_head.2.linear_head.weight"]
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RerankerUnusable, match=r"lm_head\.2"):
        rerank.get(str(path), recipe="layerwise", cutoff_layer=4)


def published_names(native: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights under the names of the model's own code, its projections joined."""
    weights = {}
    for name, value in native.items():
        if ".q_proj" in name or ".up_proj" in name:
            parts = ("q_proj", "k_proj", "v_proj") if ".q_proj" in name else ("up_proj", "gate_proj")
            value = torch.cat([native[name.replace(parts[0], part)] for part in parts])
            name = name.replace("q_proj", "qkv_proj").replace("up_proj", "up_gate_proj")
        elif any(part in name for part in (".k_proj", ".v_proj", ".gate_proj")):
            continue
        for ours, theirs in (
            ("gte.layers", "new.encoder.layer"),
            ("gte.", "new."),
            ("self_attn", "attention"),
            ("post_attention_layernorm", "attn_ln"),
            ("post_mlp_layernorm", "mlp_ln"),
        ):
            name = name.replace(ours, theirs)
        weights[name] = value.contiguous()
    return weights


def gte(folder, **changes):
    """gte-multilingual as published: type "new", old weight names, joined projections, NTK positions."""
    torch.manual_seed(15)
    tokenizer = checkpoints.encoder_tokenizer(roberta=True)
    shape = {**checkpoints.TINY, "type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-12}
    config = GteConfig(vocab_size=len(tokenizer), num_labels=1, initializer_range=SPREAD, **shape)
    model = GteForSequenceClassification(config)
    tokenizer.save_pretrained(folder)
    save_file(published_names(model.state_dict()), folder / "model.safetensors", metadata={"format": "pt"})
    published = {
        **{"model_type": "new", "architectures": ["NewForSequenceClassification"]},
        **{"auto_map": {"AutoModelForSequenceClassification": "modeling.NewForSequenceClassification"}},
        **{"vocab_size": len(tokenizer), "id2label": {"0": "LABEL_0"}, "max_position_embeddings": 8192},
        **{"rope_theta": 20000, "rope_scaling": {"factor": 8.0, "type": "ntk"}, "pack_qkv": True},
        **shape,
        **changes,
    }
    (folder / "config.json").write_text(json.dumps(published))
    return folder, model


def test_gte_is_read_by_the_native_class(tmp_path):
    path, model = gte(tmp_path / "model", rope_theta=160000, rope_scaling=None)
    assert "new.encoder.layer.0.attention.qkv_proj.weight" in load_file(path / "model.safetensors")
    reranker = rerank.get(str(path), dtype=torch.float32)
    rows = [row for [row] in reranker.rows([(QUERY, text) for text in TEXTS])]
    with torch.no_grad():
        expected = [model.eval()(torch.tensor([row.ids])).logits.item() for row in rows]
    scores = reranker.score(QUERY, TEXTS)
    assert scores == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert max(scores) - min(scores) > 0.1


def test_gte_scales_its_positions_as_published(tmp_path):
    """Fixed NTK: 1 / (base * s) ** (2i / d), divided by s ** (2 / d), as vLLM computes it for this model."""
    path, _ = gte(tmp_path / "model")
    reranker = rerank.get(str(path), dtype=torch.float32)
    size, factor = 8, 8.0
    base = 20000 * factor
    expected = base ** -(torch.arange(0, size, 2).float() / size) / factor ** (2 / size)
    got = reranker.model.gte.rotary_emb.inv_freq
    assert torch.allclose(got, expected, rtol=1e-5)


def test_gte_with_unknown_scaling_is_refused(tmp_path):
    path, _ = gte(tmp_path / "model", rope_scaling={"type": "yarn", "factor": 4.0})
    with pytest.raises(RerankerUnusable, match="positions"):
        rerank.get(str(path))


def test_gte_without_its_head_is_refused(tmp_path):
    path, _ = gte(tmp_path / "model")
    weights = load_file(path / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RerankerUnusable, match="classifier"):
        rerank.get(str(path))
