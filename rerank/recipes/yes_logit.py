"""BAAI/bge-reranker-v2-gemma: the logit of "Yes" after the prompt.

Source: FlagEmbedding 1.4.2, ``inference/reranker/decoder_only/base.py``.
"""

from collections.abc import Sequence

import torch

from rerank.recipes.decoder import Decoder
from rerank.tokens import token_ids

PROMPT = (
    "Given a query A and a passage B, determine whether the passage contains an answer to the query "
    "by providing a prediction of either 'Yes' or 'No'."
)


class YesLogit(Decoder):
    """``[bos] A: query \\n B: text \\n PROMPT``; the score is the logit of Yes alone, not Yes minus No."""

    model_types = frozenset({"gemma"})

    def prepare(self) -> None:
        bos = self.tokenizer.bos_token_id
        self.separator, prompt = token_ids(self.core, ["\n", PROMPT])
        self.before = [] if bos is None or bos == self.tokenizer.pad_token_id else [bos]
        self.after = self.separator + prompt
        # the reference counts the first token within the length and adds separator and prompt to it
        self.body_extra = len(self.after) - len(self.before)

    def query_part(self, query: str) -> list[int]:
        return self.before + token_ids(self.core, [f"A: {query}"])[0][: self.max_length * 3 // 4]

    def text_parts(self, texts: Sequence[str]) -> list[list[int]]:
        parts = token_ids(self.core, [f"B: {text}" for text in texts])
        return [self.separator + part[: self.max_length] for part in parts]

    def head_row(self, weight: torch.Tensor) -> torch.Tensor:
        return weight[self.word("Yes")].detach().float().clone()
