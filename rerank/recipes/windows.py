"""Youdao's bce-reranker: a long text is read in overlapping windows, the best window counts.

Source: BCEmbedding 0.1.5, ``models/utils.py`` and ``models/reranker.py``. It takes the maximum of
the windows' sigmoids, which is the sigmoid of the maximum logit.
"""

from collections.abc import Sequence

from rerank.local import Row
from rerank.recipes.encoder import Encoder
from rerank.tokens import token_ids

OVERLAP = 80
ROOM = 100
"""The reference refuses a query that leaves no more tokens than this to the text."""


class WindowedEncoder(Encoder):
    """``<s> query </s></s> window </s>`` for each window; the query is whole in each.

    A query too long for the reference is cut to leave a text ``ROOM`` tokens and one.
    """

    def rows(self, pairs: Sequence[tuple[str, str]]) -> list[list[Row]]:
        queries = list({query: None for query, _ in pairs})
        longest = self.max_length - self.specials - min(ROOM + 1, self.max_length // 2)
        cut = {
            query: ids[:longest] for query, ids in zip(queries, token_ids(self.core, queries), strict=True)
        }
        start, end = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        rows = []
        for (query, _), text in zip(pairs, token_ids(self.core, [text for _, text in pairs]), strict=True):
            head = [start, *cut[query], end, end]
            rows.append(
                [Row([*head, *window, end]) for window in windows(text, self.max_length - len(head) - 1)]
            )
        return rows


def windows(ids: list[int], size: int) -> list[list[int]]:
    """``ids`` in windows of ``size`` that overlap by ``min(80, size // 4)`` tokens."""
    step = size - min(OVERLAP, size // 4)
    starts = [0]
    while starts[-1] + size < len(ids):
        starts.append(starts[-1] + step)
    return [ids[start : start + size] for start in starts]
