"""mxbai-rerank-base-v2 and -large-v2: "1" against "0". Source: mxbai-rerank 0.1.6, ``mxbai_rerank_v2.py``."""

from collections.abc import Sequence

import torch

from rerank.recipes.decoder import Decoder
from rerank.tokens import token_ids

BEFORE = (
    "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n"
)
TASK = (
    "You are a search relevance expert who evaluates how well documents match search queries. For each "
    "query-document pair, carefully analyze the semantic relationship between them, then provide your binary "
    "relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:"
)
AFTER = "<|im_end|>\n<|im_start|>assistant\n"


class MxbaiV2(Decoder):
    """The score is logit("1") - logit("0")."""

    model_types = frozenset({"qwen2"})

    def prepare(self) -> None:
        self.before, self.separator, task, after = token_ids(self.core, [BEFORE, "\n", TASK, AFTER])
        self.after = self.separator + task + after

    def query_part(self, query: str) -> list[int]:
        return self.before + token_ids(self.core, [f"query: {query}"])[0][: self.max_length * 3 // 4]

    def text_parts(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.separator + ids for ids in token_ids(self.core, [f"document: {text}" for text in texts])]

    def head_row(self, weight: torch.Tensor) -> torch.Tensor:
        return (weight[self.word("1")].float() - weight[self.word("0")].float()).detach()
