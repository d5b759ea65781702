"""Qwen3-Reranker: "yes" against "no" after an empty thought. Source: its model card."""

from collections.abc import Sequence
from typing import Any

import torch

from rerank.recipes.decoder import Decoder
from rerank.tokens import token_ids

BEFORE = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the "
    'Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"


class Qwen3(Decoder):
    """The score is logit("yes") - logit("no"); its sigmoid is the card's ``softmax([no, yes])[1]``.

    The card tokenises query and document as one string; cutting it before the space that follows
    "<Document>:" gives the same ids, because the tokenizer's words begin there.
    """

    model_types = frozenset({"qwen3"})

    def __init__(self, *, instruction: str = INSTRUCTION, **options: Any):
        self.instruction = instruction
        super().__init__(**options)

    def prepare(self) -> None:
        self.before, self.after = token_ids(self.core, [BEFORE, AFTER])
        self.body_extra = -len(self.before) - len(self.after)  # the card's length counts the whole prompt

    def query_part(self, query: str) -> list[int]:
        room = (self.max_length + self.body_extra) * 3 // 4
        start, end = f"<Instruct>: {self.instruction}\n<Query>: ", "\n<Document>:"
        ids = token_ids(self.core, [start + query + end])[0]
        if len(ids) > room:
            first, middle, last = token_ids(self.core, [start.rstrip(), f" {query}", end])
            ids = first + middle[: max(room - len(first) - len(last), 0)] + last
        return self.before + ids

    def text_parts(self, texts: Sequence[str]) -> list[list[int]]:
        return token_ids(self.core, [f" {text}" for text in texts])

    def head_row(self, weight: torch.Tensor) -> torch.Tensor:
        return (weight[self.word("yes")].float() - weight[self.word("no")].float()).detach()
