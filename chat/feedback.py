"""What readers think of answers, and questions for evaluation made of the answers they liked."""

from django.db import transaction

from chat.models import Citation, Conversation, Message
from chat.quotes import best_quote
from ingestion.models import Document
from retrieval import question_sets
from retrieval.models import Question, QuestionSet

LONGEST_REASON = 500


class FeedbackRefused(Exception):
    """Only a finished answer can be judged, and only as one of `Message.Feedback`."""


def give_feedback(*, message: Message, value: str, reason: str = "") -> None:
    """Keeps the reader's word on an answer; an empty ``value`` takes it back. Raises FeedbackRefused."""
    is_answer = message.role == Message.Role.ASSISTANT and message.status == Message.Status.DONE
    if not is_answer or value not in ("", *Message.Feedback.values):
        raise FeedbackRefused
    message.feedback = value
    message.feedback_reason = reason.strip()[:LONGEST_REASON] if value == Message.Feedback.DOWN else ""
    message.save(update_fields=["feedback", "feedback_reason"])


def collect_liked(*, question_set: QuestionSet, user) -> int:
    """Adds the questions whose answers ``user`` liked and whose source is of the set's knowledge base.

    Only ``user``'s own conversations are read: those of others stay theirs. A question that the set
    holds already is not added again. Returns how many were added.
    """
    known = {text.casefold() for text in question_set.questions.values_list("text", flat=True)}
    added = 0
    liked = Message.objects.filter(
        conversation__in=Conversation.objects.visible_to(user), feedback=Message.Feedback.UP, refused=False
    ).select_related("conversation")
    documents = Document.objects.alive().filter(knowledge_base=question_set.knowledge_base)
    with transaction.atomic():
        for answer in liked:
            text = question_before(answer)
            source = _first_cited(answer, documents)
            if source is None or not text or text.casefold() in known:
                continue
            known.add(text.casefold())
            question_sets.add_question(
                question_set=question_set,
                text=text,
                document=source.document,
                quote=best_quote(source.quote, about=f"{text} {answer.text}"),
                origin=Question.Origin.FEEDBACK,
            )
            added += 1
    return added


def question_before(answer: Message) -> str:
    """What was asked; of a follow-up, the question that stands alone."""
    if answer.query:
        return answer.query.strip()
    asked = answer.conversation.messages.filter(role=Message.Role.USER, created_at__lte=answer.created_at)
    return (asked.order_by("-created_at").values_list("text", flat=True).first() or "").strip()


def _first_cited(answer: Message, documents) -> Citation | None:
    found = answer.citations.filter(cited=True, document__in=documents).select_related("document")
    return found.order_by("number").first()
