"""Small pieces of the chat's markup."""

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chat import notices, rendering, viewer
from chat.models import Citation, Message

register = template.Library()

STAGES = {
    "rewrite": gettext_lazy("Understanding the question"),
    "embed": gettext_lazy("Embedding the question"),
    "recall": gettext_lazy("First stage: recall"),
    "rerank": gettext_lazy("Second stage: rerank"),
    "context": gettext_lazy("Gathering the surroundings"),
    "search": gettext_lazy("Search in all"),
    "llm_first_token": gettext_lazy("Until the first word"),
    "llm_total": gettext_lazy("Writing"),
    "check": gettext_lazy("Checking the statements"),
    "total": gettext_lazy("In all"),
}
"""The parts of the work in the order in which they are done."""


@register.simple_tag
def place_of(citation: Citation, label: str = "") -> str:
    """Where the passage stands: its page, then its headings, outermost first."""
    page = label or (_("Page %(number)d") % {"number": citation.page} if citation.page else "")
    return " · ".join(filter(None, [page, " › ".join(citation.heading_path)]))


@register.filter
def answer_html(message: Message) -> str:
    return rendering.answer_html(message)


@register.filter
def notice_text(message: Message) -> str:
    return notices.message_for(message.notice)


@register.filter
def question_of(answer: Message) -> str:
    """The question that ``answer`` follows."""
    asked = answer.conversation.messages.filter(role=Message.Role.USER, created_at__lte=answer.created_at)
    return asked.order_by("-created_at").values_list("text", flat=True).first() or ""


@register.filter
def sources_in_order(message: Message) -> list[Citation]:
    """Cited sources first; of each part, by number."""
    return viewer.in_order(message.citations.all())


@register.filter
def cited(sources: list[Citation]) -> list[Citation]:
    return [source for source in sources if source.cited]


@register.filter
def uncited(sources: list[Citation]) -> list[Citation]:
    return [source for source in sources if not source.cited]


@register.filter
def stages(message: Message) -> list[tuple[str, float]]:
    """What each part of the work took, in milliseconds, under its name."""
    took = message.timings_ms
    return [(str(name), took[stage]) for stage, name in STAGES.items() if stage in took]
