"""Reading a checkpoint so that a wrong one fails loudly, with a sentence that says why."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging

from rerank.base import RerankerUnusable

logging.disable_progress_bar()  # bars of a server go nowhere


def read_config(path: Path) -> dict[str, Any]:
    """``config.json`` as it stands in the folder."""
    try:
        config = json.loads((path / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise RerankerUnusable(f"{path} holds no readable config.json: {error}") from error
    if not isinstance(config, dict):
        raise RerankerUnusable(f"config.json in {path} is not an object")
    return config


def load_config(path: Path) -> PretrainedConfig:
    """The typed configuration. Raises RerankerUnusable where only the checkpoint's own code knows it."""
    kind = read_config(path).get("model_type")
    if kind not in CONFIG_MAPPING:
        raise RerankerUnusable(
            f"{path.name} is of type {kind!r}, which needs code that comes with it; such code is not run"
        )
    return AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)


def load_model(
    model_class: Any, path: Path, *, dtype: torch.dtype, config: PretrainedConfig | None = None
) -> Any:
    """Weights from ``path`` in ``dtype``, in evaluation mode.

    Raises RerankerUnusable when any weight is missing or of another shape: transformers would fill
    it at random and only warn.
    """
    try:
        model, info = model_class.from_pretrained(
            path,
            config=config,
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise RerankerUnusable(f"{path.name} cannot be loaded: {error}") from error
    missing = sorted(info["missing_keys"])
    if missing or info["mismatched_keys"]:
        raise RerankerUnusable(
            f"{path.name} lacks weights that its scores need ({', '.join(missing[:3]) or 'wrong shapes'}): "
            "it would score at random"
        )
    return model.eval()


def read_tensor(path: Path, name: str) -> torch.Tensor:
    """One tensor of a safetensors checkpoint, in one file or several, as fp32."""
    index = path / "model.safetensors.index.json"
    file = "model.safetensors"
    if index.exists():
        file = json.loads(index.read_text())["weight_map"].get(name, "")
    if not file or not (path / file).exists():
        raise RerankerUnusable(f"{path.name} lacks {name}")
    with safe_open(path / file, framework="pt") as tensors:
        if name not in tensors.keys():  # noqa: SIM118 - not a dict
            raise RerankerUnusable(f"{path.name} lacks {name}")
        return tensors.get_tensor(name).float()


def reduce_body(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Put the encoder in ``dtype`` and leave the pooler and the head in fp32, so that scores keep fp32 steps.

    A bf16 logit has 8 significant bits: neighbours in a ranking become ties.
    """
    body = model.base_model
    heads = [part for part in model.children() if part is not body]
    for name, part in body.named_children():
        if name == "pooler":
            heads.append(part)
        else:
            part.to(dtype)
    for head in heads:
        head.register_forward_pre_hook(lambda _module, inputs: tuple(value.float() for value in inputs))


def body_length(config: PretrainedConfig, tokenizer_limit: int) -> int:
    """Most tokens the model takes, special ones included: its positions or the tokenizer's limit."""
    positions = getattr(config, "max_position_embeddings", None) or tokenizer_limit
    if config.model_type in {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"}:
        positions -= (config.pad_token_id or 0) + 1  # positions are counted from there on
    return min(positions, tokenizer_limit)
