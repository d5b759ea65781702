"""Questions that arrive together are scored together, in fair turns, each until its own deadline.

Every waiting request gives an equal share of its pairs to each round, so one of a thousand passages
does not hold up one of ten; a round is short, so a newcomer or a deadline waits for little.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Pair = tuple[str, str]
GATHER_S = 0.002
"""How long the first request of a quiet moment waits for company."""


@dataclass(slots=True, eq=False)
class Request:
    """Pairs to score, in recall order; ``scores`` fill from the front."""

    pairs: list[Pair]
    deadline: float | None
    scores: list[float] = field(default_factory=list)
    error: Exception | None = None
    finished: threading.Event = field(default_factory=threading.Event)

    def is_over(self) -> bool:
        """Whether nothing more is to be scored: all done, failed, or out of time."""
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return late or self.error is not None or len(self.scores) == len(self.pairs)


class Turns:
    """Collects requests and scores them round by round with ``score_pairs``, in one thread at a time.

    The thread lives as long as there is work. An error in a shared round is put down to the request
    that causes it: the others go on.
    """

    def __init__(self, score_pairs: Callable[[Sequence[Pair]], list[float]], *, pairs_per_round: int):
        self._score_pairs = score_pairs
        self._round = pairs_per_round
        self._waiting: list[Request] = []
        self._lock = threading.Lock()
        self._running = False

    def score(
        self, query: str, texts: Sequence[str], *, timeout_s: float | None = None
    ) -> list[float | None]:
        """Scores in the order of ``texts``; None for those that ``timeout_s`` left no time for.

        Texts are scored in the order given, so what is cut is the end of the recall order.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        request = Request([(query, text) for text in texts], deadline)
        with self._lock:
            self._waiting.append(request)
            start = not self._running
            self._running = True
        if start:
            threading.Thread(target=self._run, name="rerank", daemon=True).start()
        request.finished.wait()
        if request.error is not None:
            raise request.error
        return [*request.scores, *[None] * (len(texts) - len(request.scores))]

    def _run(self) -> None:
        time.sleep(GATHER_S)
        while True:
            with self._lock:
                for request in [request for request in self._waiting if request.is_over()]:
                    self._waiting.remove(request)
                    request.finished.set()
                requests = list(self._waiting)
                if not requests:
                    self._running = False
                    return
            self._score_round(requests)

    def _score_round(self, requests: list[Request]) -> None:
        parts = shares([len(request.pairs) - len(request.scores) for request in requests], self._round)
        taken = [
            (request, request.pairs[len(request.scores) :][:count])
            for request, count in zip(requests, parts, strict=True)
            if count
        ]
        try:
            scores = self._score_pairs([pair for _, pairs in taken for pair in pairs])
        except Exception as error:
            if len(taken) == 1:
                taken[0][0].error = error
                return
            for request, _ in taken:
                self._score_round([request])
            return
        for request, pairs in taken:
            request.scores += scores[: len(pairs)]
            scores = scores[len(pairs) :]


def shares(waiting: Sequence[int], places: int) -> list[int]:
    """``places`` dealt out evenly, none beyond what each has waiting; each gets one even when places are few.

    >>> shares([1000, 10, 3], 32)
    [19, 10, 3]
    """
    dealt = [0] * len(waiting)
    left = max(places, len(waiting))
    while left and (hungry := [place for place, count in enumerate(waiting) if count > dealt[place]]):
        each = max(left // len(hungry), 1)
        for place in hungry[:left]:
            more = min(each, waiting[place] - dealt[place])
            dealt[place] += more
            left -= more
    return dealt
