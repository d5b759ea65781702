"""Encoders that read ``query </s> text`` and carry a classification head."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from rerank.base import Platt, RerankerUnusable
from rerank.checkpoints import body_length, load_config, load_model, reduce_body
from rerank.inference import Placement, pad
from rerank.local import LocalReranker, Row
from rerank.tokens import load_tokenizer


class Encoder(LocalReranker):
    """``tokenizer(query, text)`` through a sequence classifier with ``labels`` outputs.

    The query keeps at most 3/4 of the length, then only the text is cut, as FlagEmbedding's
    FlagReranker does; `longest_first` would cut the query with a long text.
    """

    labels = 1

    def __init__(
        self,
        *,
        name: str,
        path: Path,
        placement: Placement,
        max_length: int | None = None,
        calibration: Platt | None = None,
        threshold: float | None = None,
    ):
        config = self.config(path)
        if config.num_labels != self.labels:
            raise RerankerUnusable(
                f"{name} has {config.num_labels} labels where this recipe reads {self.labels}: "
                "its scores would mean something else"
            )
        self.tokenizer, self.core = load_tokenizer(path)
        limit = body_length(config, self.tokenizer.model_max_length)
        super().__init__(
            name=name,
            placement=placement,
            max_length=min(max_length or limit, limit),
            calibration=calibration,
            threshold=threshold,
        )
        self.model = load_model(self.model_class(), path, dtype=torch.float32, config=config)
        if hasattr(self.model, "score"):  # decoders with a classifier need their own prompt
            raise RerankerUnusable(f"{name} is a decoder: this recipe reads encoders")
        reduce_body(self.model, placement.dtype)
        self.model.to(placement.device)
        self.specials = self.core.num_special_tokens_to_add(is_pair=True)
        self.segmented = (
            "token_type_ids" in self.tokenizer.model_input_names and getattr(config, "type_vocab_size", 0) > 1
        )

    def config(self, path: Path) -> Any:
        return load_config(path)

    def model_class(self) -> Any:
        return AutoModelForSequenceClassification

    def rows(self, pairs: Sequence[tuple[str, str]]) -> list[list[Row]]:
        """One row per pair."""
        queries = {query: None for query, _ in pairs}
        cut = dict(zip(queries, self.core.encode_batch(list(queries), add_special_tokens=False), strict=True))
        for encoding in cut.values():
            encoding.truncate(self.max_length * 3 // 4)
        texts = self.core.encode_batch([text for _, text in pairs], add_special_tokens=False)
        rows = []
        for (query, _), text in zip(pairs, texts, strict=True):
            text.truncate(max(self.max_length - self.specials - len(cut[query].ids), 0))
            joined = self.core.post_process(cut[query], text)
            rows.append([Row(joined.ids, joined.type_ids if self.segmented else None)])
        return rows

    def logits(self, rows: Sequence[Row]) -> torch.Tensor:
        return self.outputs(rows)[:, 0]

    def outputs(self, rows: Sequence[Row]) -> torch.Tensor:
        """The head's fp32 outputs, [rows, labels]."""
        device = self.placement.device
        ids, mask = pad([row.ids for row in rows], value=self.tokenizer.pad_token_id or 0, device=device)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if self.segmented:
            inputs["token_type_ids"], _ = pad([row.segments or [] for row in rows], value=0, device=device)
        return self.model(**inputs).logits.float()
