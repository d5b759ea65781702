"""Questions for evaluation that the language model drafts from passages, for a person to accept.

Protocol: LlamaIndex's `generate_question_context_pairs`, two questions for each passage, asked of a
"teacher" that sees nothing but the passage (llama_index/finetuning/embeddings/common.py).
"""

import re
from collections.abc import Sequence
from uuid import UUID

import numpy as np
from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Length
from django.utils import timezone

from chat import llm
from chat.quotes import best_quote
from chat.statements import is_chinese
from ingestion.models import Chunk, KnowledgeBase
from retrieval.models import Question, QuestionSet

MOST_PASSAGES = 20
PER_PASSAGE = 2
LEAST_CHARACTERS = 60
"""A shorter passage is a heading or a page number: there is nothing to ask."""
MOST_TOKENS = 200
PROMPTS = {
    True: (
        "以下是文档中的一段内容。\n---------------------\n{passage}\n---------------------\n"
        "你是一位出题老师。请只根据这段内容、不用其他知识，出 {count} 个彼此不同的问题，答案须在这段内容里。"
        "问题要让没有看到这段内容的人也能读懂。每行一个问题，不要编号，不要写答案。"
    ),
    False: (
        "Context information is below.\n---------------------\n{passage}\n---------------------\n"
        "Given the context information and not prior knowledge, you are a teacher who sets up {count} "
        "different questions for an upcoming examination. The answers must stand in the context, and the "
        "questions must be understood by somebody who does not see it. Write in the language of the "
        "context, one question on each line, without numbers and without answers."
    ),
}
_MARKER = re.compile(r"^\s*(?:\d+\s*[.)、．:：]|[-*•]|(?:Q|Question|问题)\s*\d*\s*[:：.])\s*", re.IGNORECASE)


def start(*, question_set: QuestionSet, passages: int = MOST_PASSAGES) -> int:
    """Sends the task that drafts from up to ``passages`` passages; returns how many there are to draft from.

    Raises `chat.llm.LLMUnavailable` where no language model can be asked.
    """
    from chat.tasks import draft_questions

    llm.resolve(question_set.knowledge_base)
    chunks = [str(pk) for pk in spread_chunks(question_set.knowledge_base, passages)]
    if chunks:
        QuestionSet.objects.filter(pk=question_set.pk).update(
            drafting_since=timezone.now(), drafting_error=""
        )
        transaction.on_commit(lambda: draft_questions.delay(str(question_set.pk), chunks), robust=True)
    return len(chunks)


def spread_chunks(knowledge_base: KnowledgeBase, count: int) -> list[UUID]:
    """At most ``count`` passages at even distances through all documents, always the same ones."""
    chunks = list(
        Chunk.objects.filter(
            document__knowledge_base=knowledge_base,
            document__deleted_at=None,
            version=F("document__live_version"),
        )
        .annotate(length=Length("text"))
        .filter(length__gte=LEAST_CHARACTERS)
        .order_by("document__name", "document_id", "ordinal")
        .values_list("pk", flat=True)
    )
    if len(chunks) <= count:
        return chunks
    return [chunks[place] for place in np.linspace(0, len(chunks) - 1, count).astype(int)]


def draft_next(question_set_id: UUID, chunk_ids: Sequence[UUID]) -> list[UUID]:
    """Drafts from the first passage and returns the rest; empty when done, stopped or refused.

    A language model that cannot answer ends the drafting; its code stays on the set. One passage at a
    time, so that documents in the same queue are not kept waiting.
    """
    question_set = QuestionSet.objects.select_related("knowledge_base").filter(pk=question_set_id).first()
    if question_set is None or question_set.drafting_since is None or not chunk_ids:
        return []
    chunk = Chunk.objects.filter(pk=chunk_ids[0]).select_related("document").first()
    try:
        if chunk is not None:
            _add(question_set, chunk, _ask(llm.resolve(question_set.knowledge_base), chunk.text))
    except llm.LLMUnavailable as error:
        QuestionSet.objects.filter(pk=question_set_id).update(drafting_since=None, drafting_error=error.code)
        return []
    rest = list(chunk_ids[1:])
    QuestionSet.objects.filter(pk=question_set_id).update(drafting_since=timezone.now() if rest else None)
    return rest


def _ask(model: llm.LLM, passage: str) -> list[str]:
    prompt = PROMPTS[is_chinese(passage)].format(passage=passage, count=PER_PASSAGE)

    async def whole() -> str:
        stream = model.stream([{"role": "user", "content": prompt}], max_tokens=MOST_TOKENS)
        return "".join([piece async for piece in stream])

    return questions_in(async_to_sync(whole)())


def questions_in(reply: str) -> list[str]:
    """The first two questions of a reply, without numbers or bullets."""
    lines = [_MARKER.sub("", line).strip(' *"“”') for line in reply.splitlines()]
    return [line for line in lines if line.endswith(("?", "？")) and 5 < len(line) <= 500][:PER_PASSAGE]


def _add(question_set: QuestionSet, chunk: Chunk, texts: Sequence[str]) -> None:
    known = set(question_set.questions.values_list("text", flat=True))
    Question.objects.bulk_create(
        Question(
            question_set=question_set,
            text=text,
            document=chunk.document,
            quote=best_quote(chunk.text, about=text),
            origin=Question.Origin.DRAFTED,
            is_accepted=False,
        )
        for text in dict.fromkeys(texts)
        if text not in known
    )
