"""Thumbs up and down, and questions for evaluation made of them or drafted by the model."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from chat import feedback, question_drafts
from chat.llm import LLMUnavailable
from chat.views.answers import own_answer
from retrieval.models import QuestionSet
from teams.requests import MemberRequest


@login_required
@require_POST
def judge(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Keeps what the reader thinks of an answer; htmx gets the buttons in their new state."""
    answer = own_answer(request.user, pk)
    try:
        feedback.give_feedback(
            message=answer, value=request.POST.get("feedback", ""), reason=request.POST.get("reason", "")
        )
    except feedback.FeedbackRefused as refusal:
        raise Http404 from refusal
    if request.htmx:
        context = {"message": answer, "just_judged": True, "reason_sent": "reason" in request.POST}
        return render(request, "chat/_feedback.html", context)
    return redirect(reverse("chat:conversation", args=[answer.conversation_id]) + f"#message-{answer.pk}")


@login_required
@require_POST
def collect(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Adds the questions of the answers this person liked to a question set."""
    question_set = editable_set(request.user, pk)
    added = feedback.collect_liked(question_set=question_set, user=request.user)
    if added:
        said = ngettext("%(count)s question was added.", "%(count)s questions were added.", added)
        messages.success(request, said % {"count": added})
    else:
        messages.info(
            request,
            _("There is no further answer with a thumbs-up from you and a source in these documents."),
        )
    return redirect("evaluation:question_set", pk)


@login_required
@require_POST
def draft(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Lets the model draft questions from passages spread over the knowledge base."""
    question_set = editable_set(request.user, pk)
    try:
        count = question_drafts.start(question_set=question_set)
    except LLMUnavailable as error:
        QuestionSet.objects.filter(pk=pk).update(drafting_error=error.code)
    else:
        if not count:
            messages.info(request, _("No document is ready yet: there is nothing to draft from."))
    return redirect("evaluation:question_set", pk)


def editable_set(user, pk: UUID) -> QuestionSet:
    """404 for what ``user`` may not see, 403 for what they may only read."""
    found = get_object_or_404(QuestionSet.objects.visible_to(user).select_related("knowledge_base"), pk=pk)
    if not QuestionSet.objects.editable_by(user).filter(pk=pk).exists():
        raise PermissionDenied
    return found
