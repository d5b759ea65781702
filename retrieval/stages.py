"""Both stages of one search, side by side, for people who want to see what the second one changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import F
from django.utils.translation import gettext as _

from ingestion.models import DocumentPage, KnowledgeBase
from retrieval.passages import Passage, SearchOptions, SearchResult
from retrieval.search import search


@dataclass(frozen=True, slots=True)
class Found:
    """A passage in one stage's list.

    ``other_rank`` is its rank in the other stage, None where absent; ``place`` its page, slide or
    sheet, empty where the format has none.
    """

    rank: int
    passage: Passage
    other_rank: int | None
    place: str = ""
    is_kept: bool = True

    @property
    def moved(self) -> int:
        """Places won (above 0) or lost by the second stage."""
        return (self.other_rank or self.rank) - self.rank

    @property
    def lost(self) -> int:
        return -self.moved


@dataclass(frozen=True, slots=True)
class Stages:
    """What recall found, and what the second stage made of it; ``second`` is None where it did not run."""

    first: SearchResult
    second: SearchResult | None
    places: Mapping[tuple[UUID, int], str]

    @property
    def recalled(self) -> list[Found]:
        ranks = {found.passage.chunk.pk: found.rank for found in self.reranked}
        return [
            Found(rank, passage, ranks.get(passage.chunk.pk), self._place(passage))
            for rank, passage in enumerate(self.first.passages, start=1)
        ]

    @property
    def reranked(self) -> list[Found]:
        """Best first; those under the threshold, which do not answer, come last."""
        if self.second is None:
            return []
        kept = len(self.second.passages)
        passages = [*self.second.passages, *self.second.closest][: max(kept, len(self.first.passages))]
        return [
            Found(rank, passage, passage.recall_rank, self._place(passage), is_kept=rank <= kept)
            for rank, passage in enumerate(passages, start=1)
        ]

    def _place(self, passage: Passage) -> str:
        return self.places.get((passage.chunk.document_id, passage.chunk.page), "")


def both_stages(query: str, knowledge_bases: list[KnowledgeBase], options: SearchOptions) -> Stages:
    """The same search without and with the second stage."""
    first = search(query, knowledge_bases=knowledge_bases, options=replace(options, rerank=False))
    second = search(query, knowledge_bases=knowledge_bases, options=options) if options.rerank else None
    passages = [*first.passages, *(second.passages + second.closest if second else [])]
    return Stages(first, second, places_of(passages))


def places_of(passages: Sequence[Passage]) -> dict[tuple[UUID, int], str]:
    """(document, page number) -> its name, for formats that have pages; one query."""
    pages = DocumentPage.objects.filter(
        document__in={passage.chunk.document_id for passage in passages},
        number__in={passage.chunk.page for passage in passages},
        version=F("document__live_version"),
        paged=True,
    )
    return {
        (document, number): label or _("page %(number)d") % {"number": number}
        for document, number, label in pages.values_list("document", "number", "label")
    }
