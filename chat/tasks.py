"""The queue's side of the chat. Tasks take ids."""

from uuid import UUID

from celery import shared_task

from chat import question_drafts


@shared_task
def draft_questions(question_set_id: str, chunk_ids: list[str]) -> None:
    """Let the model draft questions from the first passage, then send the task on with the others."""
    rest = question_drafts.draft_next(UUID(question_set_id), [UUID(chunk) for chunk in chunk_ids])
    if rest:
        draft_questions.delay(question_set_id, [str(chunk) for chunk in rest])
