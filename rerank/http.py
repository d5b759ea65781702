"""Rerankers behind a server: Jina's way (vLLM, Xinference, SiliconFlow), Infinity, Cohere, Voyage, TEI,
and vLLM's /score.

Each protocol differs in path, field names, order and meaning of the scores; the table below holds all
that. Any failure is RerankerUnavailable with a sentence for people: the recall order stands.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx

from rerank.base import Platt, RerankerUnavailable, ScoreKind
from rerank.parts import TooLate, score_in_parts

Scores = list[tuple[int, float]]
BUSY = frozenset({429, 502, 503, 504})
LONGEST_PAUSE_S = 2.0
CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one kind of server is asked and answers. ``batch`` is the most texts it takes in a call."""

    path: str
    body: Callable[[str, str, list[str]], dict[str, Any]]
    scores: Callable[[Any], list[tuple[Any, Any]]]
    score_kind: ScoreKind
    batch: int = 1000


def _results(key: str, score: str = "relevance_score") -> Callable[[Any], list[tuple[Any, Any]]]:
    return lambda answer: [(row["index"], row[score]) for row in answer[key]]


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "jina": Protocol(
            "/v1/rerank",
            lambda model, query, texts: {
                "model": model,
                "query": query,
                "documents": texts,
                "top_n": len(texts),
                "return_documents": False,
            },
            _results("results"),
            "probability",
        ),
        "infinity": Protocol(
            "/rerank",
            lambda model, query, texts: {
                "model": model,
                "query": query,
                "documents": texts,
                "raw_scores": True,
                "return_documents": False,
            },
            _results("results"),
            "logit",
        ),
        "cohere": Protocol(
            "/v2/rerank",
            lambda model, query, texts: {
                "model": model,
                "query": query,
                "documents": texts,
                "top_n": len(texts),
            },
            _results("results"),
            "probability",
            batch=10_000,
        ),
        "voyage": Protocol(
            "/v1/rerank",
            lambda model, query, texts: {
                "model": model,
                "query": query,
                "documents": texts,
                "top_k": len(texts),
            },
            _results("data"),
            "probability",
        ),
        "tei": Protocol(
            "/rerank",
            lambda model, query, texts: {
                "query": query,
                "texts": texts,
                "truncate": True,
                "raw_scores": True,
            },
            lambda answer: [(row["index"], row["score"]) for row in answer],
            "logit",
            batch=32,
        ),
        "vllm-score": Protocol(
            "/score",
            lambda model, query, texts: {"model": model, "queries": query, "documents": texts},
            _results("data", "score"),
            "probability",
        ),
    }
)


class HttpReranker:
    """Scores by asking a server. ``base_url`` may be the server, its ``/v1`` or the very endpoint.

    ``score_kind`` overrides what the protocol's servers usually return. ``timeout_s`` bounds each
    connection and each read. Redirects are not followed: they could lead to an address that was not
    allowed.
    """

    def __init__(
        self,
        *,
        protocol: str,
        base_url: str,
        model: str = "",
        api_key: str = "",
        name: str = "",
        timeout_s: float = 30.0,
        score_kind: ScoreKind | None = None,
        calibration: Platt | None = None,
        threshold: float | None = None,
        batch: int | None = None,
        transport: httpx.BaseTransport | None = None,
    ):
        self.protocol = PROTOCOLS[protocol]
        self.name = name or model or base_url
        self.score_kind = score_kind or self.protocol.score_kind
        self.calibration = calibration
        self.threshold = threshold
        self.model = model
        self.batch = batch or self.protocol.batch
        self.url = endpoint(base_url, self.protocol.path)
        self._timeout_s = timeout_s
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            follow_redirects=False,
            transport=transport,
        )

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Scores in the order of ``texts``, asked for in as many calls as the server needs."""
        return [score for score in self._score(query, texts, None) if score is not None]

    def score_within(self, query: str, texts: Sequence[str], *, timeout_s: float) -> list[float | None]:
        """`score`, with None for the texts of the calls that were not answered in time."""
        return self._score(query, texts, timeout_s)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _score(self, query: str, texts: Sequence[str], timeout_s: float | None) -> list[float | None]:
        def ask(part: Sequence[str], left: float | None) -> list[float]:
            answer = self._post(self.protocol.body(self.model, query, list(part)), left)
            return self._checked(answer, len(part))

        return score_in_parts(texts, ask, size=self.batch, timeout_s=timeout_s)

    def _post(self, body: dict[str, Any], left: float | None, *, retry: bool = True) -> Any:
        """The answer as JSON. Raises TooLate where ``left`` seconds were less than the server needs."""
        patience = self._timeout_s if left is None else min(self._timeout_s, left)
        try:
            response = self._client.post(
                self.url, json=body, timeout=httpx.Timeout(patience, connect=min(patience, CONNECT_S))
            )
        except httpx.TimeoutException as error:
            if patience == left and not isinstance(error, httpx.ConnectTimeout):
                raise TooLate from error
            raise RerankerUnavailable(f"{self.name} did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RerankerUnavailable(f"{self.name} could not be reached") from error
        if response.status_code in BUSY and retry:
            wait = pause(response.headers.get("Retry-After"))
            if left is not None and wait >= left:
                raise TooLate
            time.sleep(wait)
            return self._post(body, None if left is None else left - wait, retry=False)
        if response.status_code in {401, 403}:
            raise RerankerUnavailable(f"{self.name} refused the API key")
        if not response.is_success:
            raise RerankerUnavailable(f"{self.name} answered with an error ({response.status_code})")
        try:
            return response.json()
        except ValueError as error:
            raise RerankerUnavailable(f"{self.name} answered with something that is not JSON") from error

    def _checked(self, answer: Any, count: int) -> list[float]:
        """One finite score for each text, by the indices in the answer and not by its order."""
        try:
            pairs = self.protocol.scores(answer)
        except (KeyError, TypeError, IndexError) as error:
            raise RerankerUnavailable(f"{self.name} answered in another form than expected") from error
        scores: dict[int, float] = {}
        for index, score in pairs:
            if type(index) is not int or not 0 <= index < count or index in scores:
                raise RerankerUnavailable(f"{self.name} scored a text that it was not given, or one twice")
            if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
                raise RerankerUnavailable(f"{self.name} gave a score that is not a number")
            scores[index] = float(score)
        if len(scores) != count:
            raise RerankerUnavailable(f"{self.name} scored {len(scores)} of {count} texts")
        return [scores[index] for index in range(count)]


def endpoint(base_url: str, path: str) -> str:
    """The address to post to: ``base_url`` with as much of ``path`` as it does not already end with."""
    base = base_url.rstrip("/")
    *version, action = path.strip("/").split("/")
    if base.endswith("/" + action):
        return base
    if version and base.endswith("/" + version[0]):
        return f"{base}/{action}"
    return base + path


def pause(retry_after: str | None) -> float:
    """Seconds before the one retry: what a busy server asks for, within bounds."""
    try:
        return min(max(float(retry_after or 0.3), 0.0), LONGEST_PAUSE_S)
    except ValueError:
        return LONGEST_PAUSE_S  # a date
