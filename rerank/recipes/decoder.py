"""Decoders that are asked for one word: the score is read at the last token of a fixed prompt."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from rerank.base import Platt, RerankerUnusable
from rerank.checkpoints import load_config, load_model
from rerank.inference import Placement, pad
from rerank.local import LocalReranker, Row
from rerank.tokens import load_tokenizer, token_ids


class Decoder(LocalReranker):
    """ids = before + query part + text part + after; logit = (last token's state) . (one row of the head).

    The parts are tokenised apart and their ids concatenated: a joined string can give other ids.
    Only the text part is cut, to ``body_length`` tokens for query and text together; the query part
    alone keeps at most 3/4 of ``max_length``.

    Rows are padded on the right, where a causal model cannot see the padding, so no mask is needed;
    the published recipes pad on the left only because they read position -1.
    """

    model_types: frozenset[str] = frozenset()
    body_extra = 0
    """Tokens that a recipe allows query and text beyond ``max_length``."""

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
        super().__init__(
            name=name,
            placement=placement,
            max_length=max_length or 8192,
            calibration=calibration,
            threshold=threshold,
        )
        self.tokenizer, self.core = load_tokenizer(path)
        self.prepare()
        self.body, self.head = self.load(path)
        self.body.to(placement.device)
        self.head = self.head.to(placement.device)

    @abstractmethod
    def prepare(self) -> None:
        """Tokenise the fixed parts, once."""

    @abstractmethod
    def query_part(self, query: str) -> list[int]:
        """Ids that come before the text, the fixed beginning among them."""

    @abstractmethod
    def text_parts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text with its separator, whole."""

    before: list[int]
    after: list[int]

    def load(self, path: Path) -> tuple[Any, torch.Tensor]:
        """The model without its vocabulary head, and the one head row that scores, fp32 [hidden]."""
        config = load_config(path)
        if config.model_type not in self.model_types:
            raise RerankerUnusable(f"{self.name} is a {config.model_type}, not {sorted(self.model_types)}")
        if getattr(config, "final_logit_softcapping", None):
            raise RerankerUnusable(f"{self.name} caps its logits, which this recipe does not")
        model = load_model(AutoModelForCausalLM, path, dtype=self.placement.dtype, config=config)
        return model.base_model, self.head_row(model.get_output_embeddings().weight)

    @abstractmethod
    def head_row(self, weight: torch.Tensor) -> torch.Tensor:
        """The row, or difference of rows, of the vocabulary head [vocabulary, hidden] that scores."""

    def word(self, text: str) -> int:
        """The id of a word's first token; the word must be in the vocabulary."""
        ids = token_ids(self.core, [text])[0]
        if not ids or ids[0] == self.tokenizer.unk_token_id:
            raise RerankerUnusable(f"{self.name} has no token for {text!r}")
        return ids[0]

    def rows(self, pairs: Sequence[tuple[str, str]]) -> list[list[Row]]:
        heads = {query: self.query_part(query) for query in {query for query, _ in pairs}}
        texts = self.text_parts([text for _, text in pairs])
        limit = len(self.before) + self.max_length + self.body_extra
        return [
            [Row(heads[query] + text[: max(limit - len(heads[query]), 0)] + self.after)]
            for (query, _), text in zip(pairs, texts, strict=True)
        ]

    def logits(self, rows: Sequence[Row]) -> torch.Tensor:
        ids, mask = pad([row.ids for row in rows], value=0, device=self.placement.device)
        states = self.states(ids)
        last = mask.sum(dim=1) - 1
        return states[torch.arange(len(rows), device=last.device), last].float() @ self.head

    def states(self, ids: torch.Tensor) -> torch.Tensor:
        """Normalised states after the last layer, [rows, tokens, hidden]."""
        return self.body(input_ids=ids, use_cache=False).last_hidden_state
