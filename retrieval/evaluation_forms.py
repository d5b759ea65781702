"""Forms of the evaluation pages."""

from typing import cast

from django import forms
from django.utils.translation import gettext_lazy as _

from ingestion.models import Document, KnowledgeBase
from retrieval.models import QuestionSet
from retrieval.runs import Pipeline

RECALLS = [("bm25", "BM25"), ("dense", _("Vectors")), ("hybrid", _("Hybrid"))]
SEPARATOR = "|"


class QuestionSetForm(forms.ModelForm):
    class Meta:
        model = QuestionSet
        fields = ["knowledge_base", "name"]

    def __init__(self, *args, user, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["knowledge_base"])
        field.queryset = KnowledgeBase.objects.editable_by(user)


class QuestionForm(forms.Form):
    text = forms.CharField(label=_("Question"), max_length=2000)
    document = forms.ModelChoiceField(Document.objects.none(), label=_("Document"), required=False)
    quote = forms.CharField(
        label=_("Words of the passage that answers"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Copied from the document. Empty: any passage of the document counts."),
    )

    def __init__(self, *args, knowledge_base, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["document"])
        field.queryset = knowledge_base.documents.alive().order_by("name")


class DraftForm(forms.Form):
    """A drafted question as a person leaves it."""

    text = forms.CharField(max_length=2000)
    quote = forms.CharField(max_length=2000, required=False)


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File"), help_text=_("JSON lines or CSV with the columns question, document and quote.")
    )


class RunForm(forms.Form):
    """Pipelines to compare: each recall alone, and hybrid recall with each second stage."""

    pipelines = forms.MultipleChoiceField(
        label=_("Pipelines to compare"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args, rerankers: list[tuple[str, str]], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        choices = [(f"{recall}{SEPARATOR}", label) for recall, label in RECALLS]
        choices += [
            (f"hybrid{SEPARATOR}{name}", _("Hybrid + %(reranker)s") % {"reranker": label})
            for name, label in rerankers
        ]
        field = cast(forms.MultipleChoiceField, self.fields["pipelines"])
        field.choices = choices
        field.initial = [value for value, _label in choices[:4]]

    def chosen(self) -> list[Pipeline]:
        return [Pipeline(*value.split(SEPARATOR, 1)) for value in self.cleaned_data["pipelines"]]
