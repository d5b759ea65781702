"""BAAI/bge-reranker-v2-minicpm-layerwise without the code it ships.

MiniCPM is a Llama whose token vectors are multiplied by ``scale_emb`` and whose residual branches by
``scale_depth / sqrt(layers)``; both fold into the weights. Each layer from ``start_layer`` on has a
head of one row, so a model cut after layer k costs k layers. Source: FlagEmbedding 1.4.2,
``decoder_only/models/modeling_minicpm_reranker.py``.
"""

import math
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaModel

from rerank.base import RerankerUnusable
from rerank.checkpoints import load_model, read_config, read_tensor
from rerank.recipes.yes_logit import YesLogit

SHARED = [
    *("vocab_size", "hidden_size", "intermediate_size", "hidden_act", "rms_norm_eps", "attention_bias"),
    *("num_attention_heads", "num_key_value_heads", "max_position_embeddings", "rope_theta"),
    *("bos_token_id", "eos_token_id", "pad_token_id"),
]


class Layerwise(YesLogit):
    """The prompt of `YesLogit`, the head of layer ``cutoff_layer``."""

    def __init__(self, *, cutoff_layer: int = 28, **options: Any):
        self.cutoff_layer = cutoff_layer
        super().__init__(**options)

    def prepare(self) -> None:
        super().prepare()
        if self.tokenizer.bos_token_id is None:
            raise RerankerUnusable(f"{self.name} has no token that begins a text")
        self.before = [self.tokenizer.bos_token_id]
        self.body_extra = len(self.after) - 1

    def load(self, path: Path) -> tuple[Any, torch.Tensor]:
        raw = read_config(path)
        start, layers = raw.get("start_layer", 8), raw["num_hidden_layers"]
        if raw.get("head_type", "simple") != "simple" or not raw.get("head_multi", True):
            raise RerankerUnusable(f"{self.name} has heads of a kind not known here: {raw.get('head_type')}")
        if raw.get("rope_scaling"):
            raise RerankerUnusable(f"{self.name} scales its positions, which this recipe does not")
        if not start <= self.cutoff_layer <= layers:
            raise RerankerUnusable(f"{self.name} can be cut after layers {start} to {layers}")
        config = LlamaConfig(
            **{key: raw[key] for key in SHARED if key in raw}, num_hidden_layers=self.cutoff_layer
        )
        body = load_model(LlamaModel, path, dtype=self.placement.dtype, config=config)
        branch = raw.get("scale_depth", 1) / math.sqrt(layers)
        with torch.no_grad():
            body.embed_tokens.weight.mul_(raw.get("scale_emb", 1))
            for layer in body.layers:
                layer.self_attn.o_proj.weight.mul_(branch)
                layer.mlp.down_proj.weight.mul_(branch)
        head = read_tensor(path, f"lm_head.{self.cutoff_layer - start}.linear_head.weight")
        if head.shape != (1, config.hidden_size):
            raise RerankerUnusable(f"{self.name} has a head of shape {tuple(head.shape)}")
        return body, head[0]
