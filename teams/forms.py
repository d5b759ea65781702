"""Forms of the team's own pages. They check and tidy; services write."""

from typing import cast

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.utils.translation import gettext_lazy as _

from teams import connections
from teams.models import Invitation, ModelConnection, Role, Team, User
from teams.outbound import AddressRefused, check_url


class TeamForm(forms.ModelForm):
    class Meta:
        model = Team
        fields = ["name"]


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=Invitation._meta.get_field("email").max_length,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.VIEWER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class NewAccountForm(forms.Form):
    """What an invited person gives; the address is the invitation's."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=User._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = " ".join(password_validators_help_texts())


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["name"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        label=_("What is it for?"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class ConnectionForm(forms.ModelForm):
    """A model connection of one kind. The stored key is never sent back to the browser."""

    new_key = forms.CharField(
        label=_("API key"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    forget_key = forms.BooleanField(label=_("Forget the stored key"), required=False)

    class Meta:
        model = ModelConnection
        fields = ["name", "protocol", "base_url", "model"]
        help_texts = {
            "base_url": _("The part before /chat/completions, /embeddings or /rerank."),
            "model": _("As the server calls it. A server with one model may leave it out."),
        }

    field_order = ["name", "protocol", "base_url", "model", "new_key", "forget_key"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        choices = [
            (protocol.value, protocol.label)
            for protocol in map(ModelConnection.Protocol, connections.PROTOCOLS[self.instance.kind])
        ]
        protocol = cast(forms.ChoiceField, self.fields["protocol"])
        protocol.choices, protocol.initial = choices, choices[0][0]
        if self.instance.kind == ModelConnection.Kind.RERANKER:
            protocol.help_text = _(
                "Behind an OpenAI-compatible address a language model grades the passages: slow, and without "
                "a threshold."
            )
        if self.instance.api_key:
            self.fields["new_key"].help_text = _("A key is stored. Leave this empty to keep it.")
        else:
            del self.fields["forget_key"]
            self.fields["new_key"].help_text = _("Stored encrypted. Leave it empty if the server wants none.")

    def clean_base_url(self):
        url = self.cleaned_data["base_url"].rstrip("/")
        try:
            check_url(url)
        except AddressRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return url

    def clean_name(self):
        name = self.cleaned_data["name"].strip()
        same = ModelConnection.objects.filter(team=self.instance.team, kind=self.instance.kind, name=name)
        if same.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("The team has a connection of that name."))
        return name

    def clean(self):
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("new_key"):
            self.instance.api_key = cleaned["new_key"]
        elif cleaned.get("forget_key"):
            self.instance.api_key = ""
        elif self.instance.api_key and "base_url" in self.changed_data:
            # Otherwise a new address would be a way to have the stored key sent there and read.
            self.add_error("new_key", _("The address is another one: type its key again, or forget the key."))
        return cleaned
