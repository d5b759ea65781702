"""Scoring part by part until a deadline, for rerankers that are asked and not interrupted."""

import time
from collections.abc import Callable, Sequence


class TooLate(Exception):
    """The deadline passed while a part was waited for."""


def score_in_parts(
    texts: Sequence[str],
    score_part: Callable[[Sequence[str], float | None], list[float]],
    *,
    size: int,
    timeout_s: float | None = None,
) -> list[float | None]:
    """``score_part`` (texts, seconds left) over ``size`` texts at a time, in the order of ``texts``.

    None for the texts that ``timeout_s`` left no time for: the last of those given.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    scores: list[float | None] = []
    for start in range(0, len(texts), size):
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            break
        try:
            scores += score_part(texts[start : start + size], left)
        except TooLate:
            break
    return [*scores, *[None] * (len(texts) - len(scores))]
