"""What a browser sees when something is not possible."""

import pytest
from django.http import HttpResponseServerError
from django.test import Client, RequestFactory
from django.views.defaults import bad_request, server_error


def test_an_unknown_address(client, db):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "There is nothing here" in response.text


def test_what_a_viewer_may_not_do(bob, knowledge_base):
    client = Client()
    client.force_login(bob)
    response = client.get(f"/knowledge-bases/{knowledge_base.pk}/settings/")
    assert response.status_code == 403
    assert "Ask an owner of the team" in response.text


def test_a_form_without_its_token(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post("/profile/", {"name": "x"})
    assert response.status_code == 403
    assert "reload the page" in response.text


@pytest.mark.parametrize("view", [server_error, lambda request: bad_request(request, Exception("secret"))])
def test_pages_that_get_no_context(view, db):
    response = view(RequestFactory().get("/"))
    assert b"To the start page" in response.content
    assert b"secret" not in response.content


def test_a_failure_shows_no_trace(alice, monkeypatch, settings):
    def broken(request):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("teams.forms.ProfileForm.__init__", broken)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    response = client.get("/profile/")
    assert isinstance(response, HttpResponseServerError)
    assert "Something went wrong on our side" in response.text
    assert "secret" not in response.text
