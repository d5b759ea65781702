"""Alibaba's gte-multilingual-reranker, read by the native Gte class instead of the code it ships.

Its ``config.json`` is of type "new", which the automatic classes do not know; the native class
renames the weights. Fixed NTK scaling of the rotary positions (factor s, head size d) multiplies the
base by s and divides every frequency by s^(2/d): in native terms, linear scaling by s^(2/d) on the
larger base. Source: kexue.fm/archives/9706, formula 6.
"""

from pathlib import Path
from typing import Any

from transformers import GteConfig, GteForSequenceClassification

from rerank.base import RerankerUnusable
from rerank.checkpoints import load_config, read_config
from rerank.recipes.encoder import Encoder

OWN = {"model_type", "auto_map", "architectures", "rope_theta", "rope_scaling", "transformers_version"}
FIELDS = frozenset(GteConfig.__dataclass_fields__) | {"id2label", "label2id", "num_labels"}


class GteEncoder(Encoder):
    def config(self, path: Path) -> Any:
        raw = read_config(path)
        if raw.get("model_type") != "new":
            return load_config(path)
        theta = float(raw.get("rope_theta", 10000.0))
        rope: dict[str, Any] = {"rope_type": "default", "rope_theta": theta}
        if scaling := raw.get("rope_scaling"):
            if scaling.get("type") != "ntk" or scaling.get("mixed_b") is not None:
                raise RerankerUnusable(f"{path.name} scales its positions in a way not known here: {scaling}")
            factor = float(scaling["factor"])
            head_size = raw["hidden_size"] // raw["num_attention_heads"]
            rope = {
                "rope_type": "linear",
                "rope_theta": theta * factor,
                "factor": factor ** (2 / head_size),
            }
        known = {key: value for key, value in raw.items() if key in FIELDS and key not in OWN}
        return GteConfig(**known, rope_parameters=rope)

    def model_class(self) -> Any:
        return GteForSequenceClassification
