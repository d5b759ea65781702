"""What a person sends with a question."""

from typing import cast

from django import forms

from chat.models import Conversation
from ingestion.models import KnowledgeBase


class AskForm(forms.Form):
    """``conversation`` is empty for a new one. Only what the person may open can be named.

    The question itself is judged by `chat.services`, which the API shares.
    """

    conversation = forms.ModelChoiceField(Conversation.objects.none(), required=False)
    knowledge_bases = forms.ModelMultipleChoiceField(KnowledgeBase.objects.none(), required=False)
    question = forms.CharField(required=False, strip=False)
    example = forms.CharField(required=False)
    """The question of an example that was pressed while the question box was empty."""

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        conversation = cast(forms.ModelChoiceField, self.fields["conversation"])
        conversation.queryset = Conversation.objects.visible_to(user)
        knowledge_bases = cast(forms.ModelMultipleChoiceField, self.fields["knowledge_bases"])
        knowledge_bases.queryset = KnowledgeBase.objects.visible_to(user)

    def clean_example(self) -> str:
        if not self.cleaned_data.get("question", "").strip():
            self.cleaned_data["question"] = self.cleaned_data["example"]
        return self.cleaned_data["example"]
