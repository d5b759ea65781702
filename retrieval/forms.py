"""Forms of the search room's own pages."""

import copy
from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ingestion.models import KnowledgeBase
from rerank.catalogue import CATALOGUE, on_this_machine
from retrieval import embedders
from retrieval.passages import SearchOptions
from teams.models import ModelConnection

NO_RERANKER = "-"
BUILT_IN_RERANKERS = ("late-interaction",)
Choices = list[tuple[str, Any]]
"""Values with their labels, which may be translated late."""


class SearchSettingsForm(forms.ModelForm):
    """Which models a knowledge base uses, and how many passages go through each stage."""

    class Meta:
        model = KnowledgeBase
        fields = ["embedder", "chunk_tokens", "reranker", "recall_limit", "top_n", "threshold", "llm"]
        help_texts = {
            "embedder": _(
                "Finds candidates by meaning. Another one takes over once it has indexed all documents."
            ),
            "chunk_tokens": _("64 to 2048. Another size reads all documents again."),
            "reranker": _("Reads question and passage together and puts the candidates in order."),
            "recall_limit": _("Candidates that the second stage reads; 1 to 500."),
            "top_n": _("Best passages that the answer is written from; 1 to 50."),
            "threshold": _("0 to 1: a passage under it does not answer. Empty: the reranker's own."),
        }

    def __init__(self, data=None, *, instance: KnowledgeBase):
        # A copy: a form that is refused must not have changed what the page around it shows.
        super().__init__(data, instance=copy.copy(instance))
        connections = list(instance.team.model_connections.all())
        for name, choices in (
            ("embedder", embedder_choices(connections)),
            ("reranker", reranker_choices(connections)),
            ("llm", llm_choices(connections)),
        ):
            if name == "reranker":
                choices.append(("", _("None: the order of recall stands")))
            chosen = {getattr(instance, name): None}
            if name == "embedder" and instance.next_embedder:
                chosen[instance.next_embedder] = None
            for current in chosen:
                if current not in dict(choices):
                    choices.append((current, _("%(name)s (not on this machine)") % {"name": current}))
            self.fields[name] = forms.ChoiceField(
                label=self.fields[name].label,
                help_text=self.Meta.help_texts.get(name, ""),
                choices=choices,
                required=name == "embedder",
            )
        self.initial["embedder"] = instance.next_embedder or instance.embedder
        limits = {"chunk_tokens": (64, 2048), "recall_limit": (1, 500), "top_n": (1, 50), "threshold": (0, 1)}
        for name, (low, high) in limits.items():
            self.fields[name].widget.attrs |= {"min": low, "max": high}
        self.fields["threshold"].widget.attrs["step"] = "0.01"

    def clean_threshold(self) -> float | None:
        threshold = self.cleaned_data["threshold"]
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValidationError(_("It lies between 0 and 1."))
        return threshold

    def clean(self) -> dict:
        data = super().clean() or {}
        if (data.get("top_n") or 0) > (data.get("recall_limit") or 500):
            self.add_error("top_n", _("No more passages can be given on than are recalled."))
        if "reranker" in self.changed_data and "threshold" not in self.changed_data:
            data["threshold"] = None  # it was another reranker's
        return data


class SearchForm(forms.Form):
    """A query for the page that shows both stages. Sent by GET: a search can be linked to."""

    q = forms.CharField(label=_("Query"), max_length=4000)
    knowledge_base = forms.ModelMultipleChoiceField(
        KnowledgeBase.objects.none(), label=_("Knowledge bases"), widget=forms.CheckboxSelectMultiple
    )
    recall_limit = forms.IntegerField(label=_("Passages recalled"), min_value=1, max_value=500, initial=50)
    top_n = forms.IntegerField(label=_("Passages kept"), min_value=1, max_value=50, initial=10)
    reranker = forms.ChoiceField(label=_("Second stage"), required=False)

    def __init__(self, data=None, *, knowledge_bases: list[KnowledgeBase], rerankers: Choices):
        super().__init__(data, auto_id="search_%s")
        pks = [each.pk for each in knowledge_bases]
        asked = cast(forms.ModelMultipleChoiceField, self.fields["knowledge_base"])
        asked.queryset = KnowledgeBase.objects.filter(pk__in=pks)
        asked.initial = pks
        cast(forms.ChoiceField, self.fields["reranker"]).choices = [
            ("", _("The knowledge base's own")),
            (NO_RERANKER, _("Switched off")),
            *rerankers,
        ]

    def options(self) -> SearchOptions:
        """What the form asks of `retrieval.search.search`; no threshold, so that all is seen."""
        data = self.cleaned_data
        return SearchOptions(
            top_n=data["top_n"],
            recall_limit=data["recall_limit"],
            rerank=data["reranker"] != NO_RERANKER,
            reranker=data["reranker"] or None if data["reranker"] != NO_RERANKER else None,
        )


def embedder_choices(connections: list[ModelConnection]) -> Choices:
    """Built-in embedders, then the team's own."""
    return [(name, name) for name in embedders.BUILT_IN] + _own(connections, ModelConnection.Kind.EMBEDDER)


def reranker_choices(connections: list[ModelConnection]) -> Choices:
    """The built-in second stage, those of the catalogue that lie on this machine, the team's own."""
    local = [
        name for name, spec in CATALOGUE.items() if on_this_machine(spec, models_dir=settings.MODELS_DIR)
    ]
    return [(name, name) for name in (*BUILT_IN_RERANKERS, *local)] + _own(
        connections, ModelConnection.Kind.RERANKER
    )


def llm_choices(connections: list[ModelConnection]) -> Choices:
    """The installation's own language model, then the team's."""
    return [("", _("The installation's own")), *_own(connections, ModelConnection.Kind.LLM)]


def _own(connections: list[ModelConnection], kind: str) -> Choices:
    return [
        (connection.ref, f"{connection.name} ({connection.get_protocol_display()})")
        for connection in connections
        if connection.kind == kind
    ]
