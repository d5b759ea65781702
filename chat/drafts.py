"""An answer in the making: from a question and some knowledge bases to text with checked citations."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from chat import extractive, followups, llm, prompts, support
from chat.citations import CitationFilter
from chat.prompts import Source
from chat.threads import in_thread, unless_stopped
from ingestion.models import DocumentPage, KnowledgeBase
from rerank.base import RerankerUnavailable
from rerank.ranking import probabilities
from retrieval import connections
from retrieval.passages import Passage, SearchOptions
from retrieval.search import search

logger = logging.getLogger(__name__)

SMALL_MAX_TOKENS = 320
MAX_TOKENS = 1200
LEAST_KEPT = 40
"""Characters from which a text that the model broke off is kept."""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage with its number, and the page a reader knows it by (None in flowing formats)."""

    number: int
    passage: Passage
    page: int | None

    @property
    def source(self) -> Source:
        """As the language model sees it."""
        chunk = self.passage.chunk
        page = f", page {self.page}" if self.page is not None else ""
        headings = "".join(f" > {heading}" for heading in chunk.heading_path)
        return Source(self.number, f"{chunk.document.name}{page}{headings}"[:160], chunk.text)


@dataclass(slots=True)
class Draft:
    """What is known of an answer so far. ``history`` holds (question, answer) pairs, oldest first."""

    question: str
    knowledge_bases: Sequence[KnowledgeBase]
    history: Sequence[tuple[str, str]] = ()
    options: SearchOptions = field(default_factory=SearchOptions)
    query: str = ""
    found: list[Found] = field(default_factory=list)
    text: str = ""
    refused: bool = False
    notice: str = ""
    cited: set[int] = field(default_factory=set)
    unsupported: list[list[int]] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)
    model: str = ""

    @contextmanager
    def timed(self, stage: str):
        """Adds the milliseconds spent inside to ``timings_ms[stage]``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - start) * 1000
            self.timings_ms[stage] = round(self.timings_ms.get(stage, 0) + spent, 1)


class SourcesReady:
    """Said once, when ``Draft.found`` is complete."""


async def compose(draft: Draft, *, stop: asyncio.Event) -> AsyncGenerator[str | SourcesReady]:
    """Fills ``draft``; yields SourcesReady once, then the text piece by piece as it is written.

    The text yielded and ``draft.text`` may differ at the end: citations are put right once the
    whole is there. Raises Stopped, EmbedderUnavailable and StoreUnavailable.
    """
    with draft.timed("total"):
        model = await unless_stopped(stop, in_thread(partial(_language_model, draft)))
        preparing = asyncio.ensure_future(model.prepare()) if model else None
        with draft.timed("rewrite"):
            draft.query = await unless_stopped(
                stop,
                followups.standalone(draft.question, history=draft.history, llm=model),
            )
        answerable = await unless_stopped(stop, in_thread(partial(_search, draft)))
        yield SourcesReady()
        if not answerable:
            draft.refused, draft.notice = True, "not_found" if draft.found else "nothing_found"
            draft.text = prompts.not_found(draft.question)
            yield draft.text
            return
        if model is not None:
            async with aclosing(_written(draft, model, stop)) as pieces:
                async for piece in pieces:
                    yield piece
        if preparing is not None:
            preparing.cancel()
        if draft.text:
            with draft.timed("check"):
                await unless_stopped(stop, in_thread(partial(finish, draft)))
        else:
            draft.model = ""
            draft.text = extractive.extract(draft.query, [found.source for found in draft.found])
            draft.cited = {found.number for found in draft.found if f"[{found.number}]" in draft.text}
            yield draft.text


async def _written(draft: Draft, model: llm.LLM, stop: asyncio.Event) -> AsyncGenerator[str]:
    """The language model's text. When it fails, ``draft.notice`` says how; nothing is raised."""
    sources = prompts.fit([found.source for found in draft.found], budget=model.passage_tokens)
    messages = prompts.build_messages(
        draft.question, sources, budget=model.passage_tokens, history=draft.history
    )
    citations = CitationFilter({source.number for source in sources})
    draft.model = model.name
    start = time.perf_counter()
    try:
        async with aclosing(
            model.stream(messages, max_tokens=SMALL_MAX_TOKENS if model.small else MAX_TOKENS)
        ) as pieces:
            while (piece := await unless_stopped(stop, anext(pieces, None))) is not None:
                if "llm_first_token" not in draft.timings_ms:
                    draft.timings_ms["llm_first_token"] = round((time.perf_counter() - start) * 1000, 1)
                if shown := citations.feed(piece):
                    draft.text += shown
                    yield shown
        if shown := citations.flush():
            draft.text += shown
            yield shown
        if not draft.text.strip():
            raise llm.LLMBroken(f"{model.name} said nothing")
    except llm.LLMUnavailable as error:
        logger.warning("The language model %s failed: %s", model.name, error)
        if len(draft.text) >= LEAST_KEPT:
            draft.notice = "llm_interrupted"
        else:
            draft.notice, draft.text = error.code, ""
    finally:
        draft.timings_ms["llm_total"] = round((time.perf_counter() - start) * 1000, 1)


def finish(draft: Draft, *, with_reranker: bool = True) -> None:
    """Puts the citations of ``draft.text`` right and marks what its passages do not bear out."""
    draft.text = draft.text.strip()
    judge, threshold = _judge(draft) if with_reranker else (None, None)
    sources = [found.source for found in draft.found]
    checked = support.check(draft.text, sources, question=draft.question, judge=judge, threshold=threshold)
    draft.text, draft.cited, draft.unsupported = checked.text, checked.cited, checked.unsupported
    draft.refused = prompts.says_not_found(draft.text) and not draft.cited
    if draft.refused and not draft.notice:
        draft.notice = "not_found"


def _language_model(draft: Draft) -> llm.LLM | None:
    """The model to ask; None, with ``draft.notice`` saying why, when there is none."""
    try:
        return llm.resolve(draft.knowledge_bases[0])
    except llm.LLMUnavailable as error:
        logger.info("%s", error)
        draft.notice = error.code
        return None


def _search(draft: Draft) -> bool:
    """Fills ``draft.found``; False when no passage reached the threshold, and these come closest."""
    result = search(draft.query, knowledge_bases=draft.knowledge_bases, options=draft.options)
    passages = result.passages or result.closest
    draft.timings_ms.update({stage: round(spent, 1) for stage, spent in result.timings_ms.items()})
    draft.notice = draft.notice or next(iter(result.notices), "")
    paged = _paged(passages)
    draft.found = [
        Found(number, passage, passage.chunk.page if passage.chunk.document_id in paged else None)
        for number, passage in enumerate(passages, start=1)
    ]
    return bool(result.passages)


def _paged(passages: Sequence[Passage]) -> set[UUID]:
    """Documents whose page numbers mean something to a reader."""
    ids = {passage.chunk.document_id for passage in passages}
    return set(DocumentPage.objects.filter(document__in=ids, paged=True).values_list("document", flat=True))


def _judge(draft: Draft) -> tuple[support.Judge | None, float | None]:
    """The knowledge base's reranker as a judge of statements, with its threshold."""
    try:
        reranker = connections.reranker_for(draft.options.reranker or draft.knowledge_bases[0])
    except RerankerUnavailable:
        return None, None

    def judge(statement: str, texts: Sequence[str]) -> list[float | None]:
        try:
            scores = reranker.score(statement, texts)
        except RerankerUnavailable:
            return [None] * len(texts)
        return probabilities(scores, score_kind=reranker.score_kind, calibration=reranker.calibration)

    return judge, reranker.threshold
