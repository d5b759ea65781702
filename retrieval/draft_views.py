"""A person's word on questions that the model drafted: accept, perhaps after an edit. Rejecting deletes."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from retrieval import question_sets
from retrieval.evaluation_forms import DraftForm
from retrieval.models import Question, QuestionSet
from retrieval.open_one import open_one
from teams.requests import MemberRequest


@login_required
@require_POST
def accept(request: MemberRequest, pk: int) -> HttpResponse:
    question = get_object_or_404(Question.objects.select_related("question_set"), pk=pk)
    found = open_one(QuestionSet.objects, question.question_set_id, request.user, editing=True)
    form = DraftForm(request.POST)
    if form.is_valid():
        question_sets.accept_draft(question=question, **form.cleaned_data)
    else:
        messages.error(request, _("A question needs its words, at most 2000 characters."))
    return redirect("evaluation:question_set", found.pk)


@login_required
@require_POST
def accept_all(request: MemberRequest, pk: UUID) -> HttpResponse:
    found = open_one(QuestionSet.objects, pk, request.user, editing=True)
    found.questions.filter(is_accepted=False).update(is_accepted=True)
    return redirect("evaluation:question_set", pk)
