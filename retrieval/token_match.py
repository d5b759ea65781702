"""How well a passage matches a question, token by token: the features of the built-in second stage."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

FEATURES = (
    "maxsim",
    "maxsim_idf",
    "weakest",
    "rarest",
    "static_idf",
    "overlap",
    "saturated",
    "pairs",
    "nearby",
    "first_line",
    "cosine",
    "window",
    "length",
    "other_language",
    "maxsim_idf_other",
    "static_other",
    "cosine_other",
)
OTHER_LANGUAGE = FEATURES.index("other_language")
WINDOW = 40
STRIDE = 20
K, B, USUAL_LENGTH = 1.2, 0.75, 120.0
"""BM25's saturation and length normalisation, in tokens."""
SPECIAL = 2


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text as the embedder reads it, special tokens left out.

    ``ids`` [t]; ``states`` [t, dimension] contextual vectors of length 1, float16; ``pooled`` [dimension] of
    length 1; ``first_line`` how many tokens the first line has; ``chinese`` whether most are Chinese.
    """

    ids: np.ndarray
    states: torch.Tensor
    pooled: torch.Tensor
    first_line: int
    chinese: bool


class Matcher:
    """Compares one question with passages. ``idf`` [vocabulary] weighs tokens, ``static`` [vocabulary,
    dimension] are the input vectors, before any context."""

    def __init__(self, *, idf: np.ndarray, static: torch.Tensor):
        self._idf = torch.from_numpy(idf.astype(np.float32))
        self._static = static

    def features(self, query: Tokens, texts: Sequence[Tokens]) -> np.ndarray:
        """[texts, FEATURES] float32."""
        if not len(query.ids):
            return np.zeros((len(texts), len(FEATURES)), dtype=np.float32)
        weights = self._idf[query.ids]
        weights = weights / weights.sum().clamp(min=1e-6)
        static = self._unit(query.ids)
        return np.stack([self._row(query, weights, static, text) for text in texts])

    def _unit(self, ids: np.ndarray) -> torch.Tensor:
        return torch.nn.functional.normalize(self._static[ids], dim=1)

    def _row(self, query: Tokens, weights: torch.Tensor, static: torch.Tensor, text: Tokens) -> np.ndarray:
        if not len(text.ids):
            return np.zeros(len(FEATURES), dtype=np.float32)
        similar = (query.states.float() @ text.states.float().T).max(dim=1).values
        same = torch.from_numpy(query.ids[:, None] == text.ids[None, :])
        counts = same.sum(1).float()
        held = (counts > 0).float()
        norm = K * (1 - B + B * len(text.ids) / USUAL_LENGTH)
        adjacent = (same[:-1, :-1] & same[1:, 1:]).any(1).float() if len(text.ids) > 1 else torch.zeros(1)
        pair_weights = torch.minimum(weights[:-1], weights[1:])
        heavy = weights >= weights.median()
        other = float(query.chinese != text.chinese)
        maxsim_idf = float(weights @ similar)
        static_idf = float(weights @ (static @ self._unit(text.ids).T).max(dim=1).values)
        cosine = float(query.pooled @ text.pooled)
        return np.array(
            [
                float(similar.mean()),
                maxsim_idf,
                float(similar[heavy].min()),
                float(similar[weights.argmax()]),
                static_idf,
                float(weights @ held),
                float(weights @ (counts * (K + 1) / (counts + norm))),
                float(pair_weights @ adjacent) if len(query.ids) > 1 and len(text.ids) > 1 else 0.0,
                self._nearby(weights, same),
                float(weights @ same[:, : text.first_line].any(1).float()),
                cosine,
                self._window(query.pooled, text.states),
                float(np.log1p(len(text.ids))) / 5,
                other,
                other * maxsim_idf,
                other * static_idf,
                other * cosine,
            ],
            dtype=np.float32,
        )

    @staticmethod
    def _nearby(weights: torch.Tensor, same: torch.Tensor) -> float:
        """The largest share of the question that one window of the text holds."""
        starts = range(0, max(1, same.shape[1] - STRIDE), STRIDE)
        return max(float(weights @ same[:, start : start + WINDOW].any(1).float()) for start in starts)

    @staticmethod
    def _window(pooled: torch.Tensor, states: torch.Tensor) -> float:
        """The best cosine of the question with one window of the text."""
        starts = range(0, max(1, len(states) - STRIDE), STRIDE)
        windows = torch.stack([states[start : start + WINDOW].float().mean(0) for start in starts])
        return float((torch.nn.functional.normalize(windows, dim=1) @ pooled).max())
