"""Forms of the documents room. They check; services write."""

import copy
from typing import cast

from django import forms
from django.utils.translation import gettext_lazy as _

from ingestion.models import KnowledgeBase
from teams.models import Team, User


class KnowledgeBaseForm(forms.ModelForm):
    """Name, description and who may open it; the team is chosen once, when it is made."""

    class Meta:
        model = KnowledgeBase
        fields = ["team", "name", "description", "access", "readers"]
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "access": forms.RadioSelect,
            "readers": forms.CheckboxSelectMultiple,
        }
        help_texts = {
            "description": _("What it holds; people see it when they choose what to ask."),
            "readers": _("Owners of the team can always open it."),
        }

    def __init__(self, data=None, *, user, teams: list[Team], chosen: str | None = None, instance=None):
        """``teams`` are those that ``user`` may edit; ``chosen`` is the id of the one shown first."""
        # A copy: a form that is refused must not have renamed what the page around it shows.
        super().__init__(data, instance=copy.copy(instance))
        self.user = user
        team = self._team(teams, (data or {}).get("team") or chosen)
        team_field = cast(forms.ModelChoiceField, self.fields["team"])
        team_field.queryset = Team.objects.filter(pk__in=[each.pk for each in teams])
        team_field.initial = team.pk
        team_field.empty_label = None
        if instance is not None or len(teams) == 1:
            del self.fields["team"]
            self.instance.team = team
        readers_field = cast(forms.ModelMultipleChoiceField, self.fields["readers"])
        readers_field.queryset = User.objects.filter(memberships__team=team, is_active=True).order_by(
            "name", "email"
        )
        if instance is None:
            self.fields["access"].initial = KnowledgeBase.Access.TEAM

    @staticmethod
    def _team(teams: list[Team], chosen: str | None) -> Team:
        return next((team for team in teams if str(team.pk) == str(chosen)), teams[0])

    def clean_readers(self):
        """Whoever limits a new knowledge base to named members is one of them."""
        readers = list(self.cleaned_data["readers"])
        if self.instance._state.adding and self.user not in readers:
            readers.append(self.user)
        return readers

    def values(self) -> dict:
        """What `services.create_knowledge_base` takes."""
        return {"team": self.instance.team, **self.changes()}

    def changes(self) -> dict:
        """What `services.update_knowledge_base` takes: everything but the team."""
        data = {name: self.cleaned_data[name] for name in ("name", "description", "access", "readers")}
        if data["access"] == KnowledgeBase.Access.TEAM:
            data["readers"] = []
        return data


class DeleteKnowledgeBaseForm(forms.Form):
    """The name, typed again: nobody deletes a thousand documents by one wrong click."""

    name = forms.CharField(label=_("Type its name to confirm"), max_length=120)

    def __init__(self, knowledge_base: KnowledgeBase, data=None):
        super().__init__(data, auto_id="delete_%s", prefix=None)
        self.knowledge_base = knowledge_base
        self.fields["name"].widget.attrs["autocomplete"] = "off"

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if name.strip() != self.knowledge_base.name.strip():
            raise forms.ValidationError(_("That is not its name. Nothing was deleted."))
        return name
