"""What all rerankers that run in this process share: batches, the lock, the finite check."""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch

from rerank.base import Platt, RerankerUnavailable, ScoreKind
from rerank.batching import Turns
from rerank.inference import Placement, run_batches

PAIRS_PER_ROUND = {"cpu": 32, "cuda": 256}


@dataclass(slots=True)
class Row:
    """One sequence for the model: token ids, and segment numbers where the model reads them."""

    ids: list[int]
    segments: list[int] | None = None


class LocalReranker(ABC):
    """A cross-encoder in this process. A recipe says how pairs become rows and rows become logits.

    Safe to call from several threads: their pairs are scored together, in fair turns.
    """

    score_kind: ScoreKind = "logit"

    def __init__(
        self,
        *,
        name: str,
        placement: Placement,
        max_length: int,
        calibration: Platt | None = None,
        threshold: float | None = None,
    ):
        self.name = name
        self.placement = placement
        self.max_length = max_length
        self.calibration = calibration
        self.threshold = threshold
        self._computing = threading.Lock()
        self._turns = Turns(self.score_pairs, pairs_per_round=PAIRS_PER_ROUND.get(placement.device.type, 32))

    @abstractmethod
    def rows(self, pairs: Sequence[tuple[str, str]]) -> list[list[Row]]:
        """The rows of each (query, text): one, or several windows of a long text."""

    @abstractmethod
    def logits(self, rows: Sequence[Row]) -> torch.Tensor:
        """One fp32 logit per row, [rows]. Runs in inference mode."""

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Raw fp32 logits in the order of ``texts``."""
        return [score for score in self._turns.score(query, texts) if score is not None]

    def score_within(self, query: str, texts: Sequence[str], *, timeout_s: float) -> list[float | None]:
        """`score`, with None for the texts that were not reached in time: the last of those given."""
        return self._turns.score(query, texts, timeout_s=timeout_s)

    def score_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Raw fp32 logits of pairs of any queries, in one pass. A text in windows has its best one's."""
        if not pairs:
            return []
        windows = self.rows(pairs)
        flat = [row for rows in windows for row in rows]
        with self._computing:
            values = run_batches(
                [len(row.ids) for row in flat],
                lambda numbers: self.logits([flat[number] for number in numbers]),
                token_budget=self.placement.token_budget,
            ).tolist()
        if not all(map(math.isfinite, values)):
            raise RerankerUnavailable(f"{self.name} computed scores that are not numbers")
        edges = pairwise(accumulate(map(len, windows), initial=0))
        return [max(values[start:end]) for start, end in edges]
