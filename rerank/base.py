"""What every reranker does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

ScoreKind = Literal["logit", "probability", "similarity"]


@dataclass(frozen=True, slots=True)
class Platt:
    """p = 1 / (1 + exp(-(slope * score + intercept))): a score as the chance of being relevant.

    Source: Platt 1999. The identity (1, 0) is right for a logit trained with cross-entropy.
    """

    slope: float = 1.0
    intercept: float = 0.0


class Reranker(Protocol):
    """Reads question and passage together.

    ``score`` returns raw fp32 scores, higher is better, in the order of ``texts``; ``score_kind``
    says what they are. `rerank.ranking` alone turns them into probabilities, last and once.
    ``threshold`` is the probability under which a passage does not answer, None where unknown;
    thresholds are per reranker and never carried over.
    """

    name: str
    score_kind: ScoreKind
    calibration: Platt | None
    threshold: float | None

    def score(self, query: str, texts: Sequence[str]) -> list[float]: ...


@runtime_checkable
class TimedReranker(Reranker, Protocol):
    """A reranker that can stop at a deadline and keep what it has."""

    def score_within(self, query: str, texts: Sequence[str], *, timeout_s: float) -> list[float | None]:
        """Like ``score``; None for the texts that were not reached in time."""


class RerankerUnavailable(Exception):
    """The reranker cannot answer now (not on this machine, server down). The recall order stands."""


class RerankerMissing(RerankerUnavailable):
    """Its files are not on this machine. Download them, or point to a folder that has them."""


class HubUnreachable(RerankerUnavailable):
    """No model hub answers: there is no network here, or no hub at HF_ENDPOINT."""


class RerankerUnusable(RerankerUnavailable):
    """Its files do not fit the recipe (no head, other labels, own code). Choose another model."""
