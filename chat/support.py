"""Does each statement of an answer stand in the passage it cites?

Two tests, both needed: every number of the statement occurs in the passage (or the question), and
the passage covers the statement, either by its words or by the reranker's judgement.
A statement whose citation fails but which another passage clearly bears out is given that one;
a statement without any citation gets its best passage, if that one bears it out. Where statement and
passage are in different languages the words say nothing: the numbers and the reranker decide, and a
citation stays where the model put it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chat import numerals
from chat.prompts import Source, says_not_found
from chat.statements import Statement, is_chinese, statements
from retrieval.sparse import query_vector

WORDS_COVERED = 0.6
"""Share of a statement's terms in the passage from which its words alone bear it out."""
LEAST_WORDS = 3
FOREIGN_ENOUGH = 0.5
"""Share of the reranker's threshold that is enough where statement and passage differ in language."""

Judge = Callable[[str, Sequence[str]], list[float | None]]
"""Chance, 0..1, that each text bears out the statement; None where it cannot tell."""


@dataclass(slots=True)
class Checked:
    """``text`` with its citations put right; ``unsupported`` are [start, end] ranges of it."""

    text: str
    cited: set[int] = field(default_factory=set)
    unsupported: list[list[int]] = field(default_factory=list)


def check(
    answer: str, sources: Sequence[Source], *, question: str, judge: Judge | None, threshold: float | None
) -> Checked:
    """Compares each statement of ``answer`` with its passage; ``judge`` None leaves it to the words."""
    checked = Checked("")
    position = 0
    for statement in statements(answer):
        checked.text += answer[position : statement.start]
        position = statement.end
        text, cited, supported = _check_one(statement, sources, question, judge, threshold)
        start = len(checked.text)
        checked.text += text
        checked.cited.update(cited)
        if cited and not supported:
            checked.unsupported.append([start, len(checked.text)])
    checked.text += answer[position:]
    return checked


def _check_one(
    statement: Statement,
    sources: Sequence[Source],
    question: str,
    judge: Judge | None,
    threshold: float | None,
) -> tuple[str, tuple[int, ...], bool]:
    bare = statement.bare
    if says_not_found(bare):
        return statement.text, statement.cited, True
    scores = _scores(bare, sources, question, judge, threshold)
    if any(scores.get(number, 0) >= 1 for number in statement.cited):
        return statement.text, statement.cited, True
    foreign = [
        source.number
        for source in sources
        if source.number in statement.cited
        and source.number in scores  # its numbers are there
        and is_chinese(source.text) != is_chinese(bare)
    ]
    if foreign:  # words cannot tell across languages, so a passage that shares some is no better
        is_judged = judge is not None and threshold and not numerals.stated(bare)
        is_borne_out = not is_judged or max(map(scores.__getitem__, foreign)) >= FOREIGN_ENOUGH
        return statement.text, statement.cited, is_borne_out
    best = max(scores, key=lambda number: scores[number], default=None)
    if best is None or scores[best] < 1:
        return statement.text, statement.cited, False
    if statement.cited:
        return _with_citation(_without_citations(statement.text), best), (best,), True
    terms = len(set(query_vector(bare).indices))
    says_little = terms < LEAST_WORDS and not numerals.stated(bare)
    if says_little or bare.endswith((":", "：", "?", "？")):
        return statement.text, (), True
    return _with_citation(statement.text, best), (best,), True


def _scores(
    bare: str, sources: Sequence[Source], question: str, judge: Judge | None, threshold: float | None
) -> dict[int, float]:
    """For each source how well it bears the statement out; 1 and more is enough."""
    numbers = numerals.stated(bare) - numerals.borne_out(question)
    terms = set(query_vector(bare).indices)
    candidates = {
        source.number: source
        for source in sources
        if numbers <= numerals.borne_out(f"{source.label}\n{source.text}")
    }
    scores = {}
    for number, source in candidates.items():
        text_terms = set(query_vector(f"{source.label}\n{source.text}").indices)
        scores[number] = (len(terms & text_terms) / len(terms) if terms else 1.0) / WORDS_COVERED
    if judge is not None and threshold and candidates:
        judged = judge(bare, [source.text for source in candidates.values()])
        for number, chance in zip(candidates, judged, strict=True):
            if chance is not None:
                scores[number] = max(scores[number], chance / threshold)
    return scores


def _without_citations(text: str) -> str:
    return re.sub(r"\s*\[\d{1,3}\]", "", text)


def _with_citation(text: str, number: int) -> str:
    """``text`` with [number] before its full stop, where a reader expects it."""
    match = re.search(r"[\s.。！？!?；]*$", text)
    return f"{text[: match.start()]} [{number}]{text[match.start() :]}" if match else f"{text} [{number}]"
