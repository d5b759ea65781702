"""An answer as the API and the terminal show it."""

from chat import notices
from chat.answering import AnswerResult


def as_json(result: AnswerResult) -> dict:
    """{"answer", "refused", "notice", "citations", "passages", "unsupported", "model", "timings_ms"}.

    ``page`` is null where the format has no pages; regions are fractions of the page's size;
    ``notice`` is null or {"code", "message"}; ``unsupported`` are [start, end] ranges of the answer.
    """
    notice = {"code": result.notice, "message": notices.message_for(result.notice)} if result.notice else None
    return {
        "answer": result.answer,
        "refused": result.refused,
        "notice": notice,
        "citations": [
            {
                "number": found.number,
                "document": found.passage.chunk.document.name,
                "document_id": str(found.passage.chunk.document_id),
                "page": found.page,
                "quote": found.passage.chunk.text,
                "regions": found.passage.chunk.regions,
            }
            for found in result.citations
        ],
        "passages": [
            {
                "document": found.passage.chunk.document.name,
                "page": found.page,
                "recall_score": found.passage.recall_score,
                "rerank_score": found.passage.rerank_score,
                "text": found.passage.chunk.text,
            }
            for found in result.passages
        ],
        "unsupported": result.unsupported,
        "model": result.model,
        "timings_ms": result.timings_ms,
    }
