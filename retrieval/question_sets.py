"""Services for question sets: write, import, and say which chunks answer a question."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from ingestion.models import Chunk, Document, KnowledgeBase
from retrieval.models import Question, QuestionSet

MAX_IMPORT = 5000
LEAST_PART = 6
"""Characters of a quote that a chunk must hold where a border cuts it."""


class QuestionRefused(Exception):
    """A question or a file of them cannot be used; the message says why, for a person."""


@dataclass(slots=True)
class ImportReport:
    """``skipped`` holds (line number from 1, reason) of what was left out."""

    added: int = 0
    skipped: list[tuple[int, str]] = field(default_factory=list)


def create_question_set(*, knowledge_base: KnowledgeBase, user, name: str) -> QuestionSet:
    question_set = QuestionSet(knowledge_base=knowledge_base, name=name.strip(), created_by=user)
    question_set.full_clean()
    question_set.save()
    return question_set


def add_question(
    *,
    question_set: QuestionSet,
    text: str,
    document: Document | None = None,
    quote: str = "",
    origin: str = Question.Origin.WRITTEN,
) -> Question:
    """Raises QuestionRefused where neither document nor quote says what would be right."""
    question = Question(
        question_set=question_set, text=text.strip(), document=document, quote=quote.strip(), origin=origin
    )
    question.full_clean()
    if document is None and not question.quote:
        raise QuestionRefused(_("Name the document, or words of the passage that answers."))
    question.save()
    return question


def accept_draft(*, question: Question, text: str, quote: str) -> None:
    """A draft becomes a question of its set, in the words that a person left it with."""
    question.text, question.is_accepted = text.strip(), True
    question.quote = quote.strip() if quote.strip() or question.document_id else question.quote
    question.full_clean()
    question.save(update_fields=["text", "quote", "is_accepted"])


def import_questions(*, question_set: QuestionSet, name: str, content: bytes) -> ImportReport:
    """Reads jsonl or csv with the columns question, document and quote; at least one of the last two.

    A line that cannot be used is reported and left out; the others are added in one transaction.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuestionRefused(_("The file is not UTF-8 text.")) from error
    rows = _csv_rows(text) if name.lower().endswith((".csv", ".tsv")) else _jsonl_rows(text)
    documents = {
        document.name: document
        for document in Document.objects.alive().filter(knowledge_base=question_set.knowledge_base)
    }
    report = ImportReport()
    questions: list[Question] = []
    for number, row in rows:
        if len(questions) == MAX_IMPORT:
            raise QuestionRefused(_("A file may hold at most %(count)s questions.") % {"count": MAX_IMPORT})
        if isinstance(row, str):
            report.skipped.append((number, row))
            continue
        question, document, quote = (
            str(row.get(key) or "").strip() for key in ("question", "document", "quote")
        )
        if not question:
            report.skipped.append((number, _("There is no question.")))
        elif document and document not in documents:
            report.skipped.append(
                (number, _("No document here is called “%(name)s”.") % {"name": document[:80]})
            )
        elif not document and not quote:
            report.skipped.append((number, _("Name the document, or words of the passage that answers.")))
        else:
            questions.append(
                Question(
                    question_set=question_set,
                    text=question,
                    document=documents.get(document),
                    quote=quote,
                    origin=Question.Origin.IMPORTED,
                )
            )
    if not questions and not report.skipped:
        raise QuestionRefused(_("The file holds no questions."))
    with transaction.atomic():
        Question.objects.bulk_create(questions, batch_size=500)
    report.added = len(questions)
    return report


def _jsonl_rows(text: str) -> Iterable[tuple[int, dict | str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            yield number, _("This line is not JSON.")
            continue
        yield number, row if isinstance(row, dict) else _("This line is not a JSON object.")


def _csv_rows(text: str) -> Iterable[tuple[int, dict | str]]:
    first = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=first.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    if "question" not in (reader.fieldnames or []):
        raise QuestionRefused(_("The first line must name the columns: question, document, quote."))
    for row in reader:
        yield reader.line_num, row


def normalised(text: str) -> str:
    """Compatibility forms folded (ligatures, full width), lower case, without white space."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).lower()


def relevant_chunks(questions: Sequence[Question], knowledge_base: KnowledgeBase) -> dict[int, set[UUID]]:
    """Question id -> ids of the live chunks that answer it.

    A quote that a chunk border cuts in two belongs to the chunk that holds the longer part.
    """
    chunks = list(
        Chunk.objects.filter(
            document__knowledge_base=knowledge_base,
            document__deleted_at=None,
            version=F("document__live_version"),
        ).values_list("id", "document_id", "text")
    )
    texts = [(chunk, document, normalised(text)) for chunk, document, text in chunks]
    return {question.pk: _answering(question, texts) for question in questions}


def _answering(question: Question, texts: list[tuple[UUID, UUID, str]]) -> set[UUID]:
    own = [row for row in texts if question.document_id in (None, row[1])]
    quote = normalised(question.quote)
    if not quote:
        return {chunk for chunk, _document, _text in own}
    if whole := {chunk for chunk, _document, text in own if quote in text}:
        return whole
    for length in range(len(quote) - 1, LEAST_PART - 1, -1):
        head, tail = quote[:length], quote[-length:]
        if parts := {chunk for chunk, _document, text in own if text.endswith(head) or text.startswith(tail)}:
            return parts
    return set()
