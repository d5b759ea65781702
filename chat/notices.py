"""Codes kept with messages and raised by services, and the sentence a person reads for each."""

from django.utils.translation import gettext_lazy as _

_MESSAGES = {
    "llm_missing": _(
        "No language model is available, so these are the best sentences of your documents, word for word."
    ),
    "llm_slow": _(
        "The language model did not answer in time, "
        "so these are the best sentences of your documents, word for word."
    ),
    "llm_failed": _(
        "The language model failed, so these are the best sentences of your documents, word for word."
    ),
    "llm_interrupted": _("The language model broke off in the middle of this answer."),
    "stopped": _("You stopped this answer."),
    "interrupted": _("The server stopped while this answer was being made. Ask again to get a whole one."),
    "no_knowledge_base": _("There is no knowledge base here that you may read. Choose one, then ask."),
    "search_unavailable": _("The search index does not answer at the moment. Try again in a minute."),
    "answer_failed": _(
        "Something went wrong while making this answer. The administrator finds it in the log."
    ),
    "dense_unavailable": _(
        "The embedding model is not available, so the sources were found by their words alone."
    ),
    "rerank_unavailable": _(
        "The second retrieval stage is not available, so the sources are in the order of the first."
    ),
    "rerank_cut": _(
        "The second retrieval stage ran out of time, so some sources are in the order of the first."
    ),
    "not_found": _("The documents do not hold an answer to this question. These passages come closest."),
    "nothing_found": _("The documents hold nothing about this question."),
    "question_empty": _("Write a question first."),
    "question_too_long": _(
        "The question is too long: at most %(limit)d characters, this one has %(length)d."
    ),
    "too_many_questions": _("Too many questions in a minute. Wait a moment, then ask again."),
}
_UNKNOWN = _("Something unexpected happened (%(code)s).")


def message_for(code: str, params: dict | None = None) -> str:
    """The sentence for ``code`` in the active language; empty for the empty code."""
    if not code:
        return ""
    if code not in _MESSAGES:
        return str(_UNKNOWN) % {"code": code}
    return str(_MESSAGES[code]) % (params or {})
