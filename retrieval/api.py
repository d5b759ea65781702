"""Search over REST: both stages, without a language model."""

from typing import Annotated
from uuid import UUID

from django.db.models import Q
from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema
from pydantic import AfterValidator

from ingestion.models import DocumentPage, KnowledgeBase
from retrieval.passages import Passage, SearchOptions
from retrieval.search import search
from retrieval.stores.base import StoreUnavailable
from teams.api_errors import ApiError, ErrorOut
from teams.requests import MemberRequest
from teams.text import storable

router = Router(tags=["Search"])
MAX_QUERY_CHARACTERS = 4000


def _fit_query(query: str) -> str:
    query = storable(query).strip()
    if not query:
        raise ValueError(_("The query is empty."))
    if len(query) > MAX_QUERY_CHARACTERS:
        raise ValueError(
            _("The query has %(length)d characters; %(limit)d are allowed.")
            % {"length": len(query), "limit": MAX_QUERY_CHARACTERS}
        )
    return query


class SearchIn(Schema):
    knowledge_base_ids: list[UUID] = Field(min_length=1, max_length=50)
    query: Annotated[str, AfterValidator(_fit_query)]
    top_n: int | None = Field(None, ge=1, le=50, description="default: the first knowledge base's own")
    rerank: bool = Field(True, description="false: only the first stage, recall")


class Region(Schema):
    """A rectangle on a page, in 0..1 of its width and height."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


class Hit(Schema):
    document_id: UUID
    document: str
    page: int | None = Field(description="null where the format has no pages")
    text: str
    regions: list[Region]
    recall_score: float
    rerank_score: float | None


class SearchOut(Schema):
    hits: list[Hit]
    timings_ms: dict[str, float]
    notices: list[str] = Field(description='codes such as "rerank_unavailable"')


@router.post(
    "/search",
    response={200: SearchOut, 401: ErrorOut, 404: ErrorOut, 422: ErrorOut, 503: ErrorOut},
    url_name="search",
)
def search_passages(request: MemberRequest, body: SearchIn):
    """The passages that answer best, best first; 404 if one of the knowledge bases is not yours to read."""
    wanted = dict.fromkeys(body.knowledge_base_ids)
    found = KnowledgeBase.objects.visible_to(request.auth).in_bulk(list(wanted))
    if len(found) < len(wanted):
        raise Http404
    try:
        result = search(
            body.query,
            knowledge_bases=[found[id] for id in wanted],
            options=SearchOptions(top_n=body.top_n, rerank=body.rerank),
        )
    except StoreUnavailable as error:
        message = _("The search index cannot be reached. Try again later.")
        raise ApiError(503, "search_unavailable", message) from error
    return {
        "hits": hits(result.passages),
        "timings_ms": result.timings_ms,
        "notices": result.notices,
    }


def hits(passages: list[Passage]) -> list[dict]:
    """The passages as the API shows them."""
    paged = _paged([passage.chunk for passage in passages])
    return [
        {
            "document_id": chunk.document_id,
            "document": chunk.document.name,
            "page": chunk.page if (chunk.document_id, chunk.version, chunk.page) in paged else None,
            "text": chunk.text,
            "regions": chunk.regions,
            "recall_score": passage.recall_score,
            "rerank_score": passage.rerank_score,
        }
        for passage in passages
        for chunk in [passage.chunk]
    ]


def _paged(chunks: list) -> set[tuple]:
    """(document, version, number) of those chunks' pages that are pages to a reader's eye."""
    places = Q(pk=None)
    for chunk in chunks:
        places |= Q(document=chunk.document_id, version=chunk.version, number=chunk.page)
    rows = DocumentPage.objects.filter(places, paged=True)
    return set(rows.values_list("document", "version", "number"))
