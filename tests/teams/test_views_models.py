"""The models page: connections are added, changed, tried and deleted by owners."""

import pytest
from django.urls import reverse

from teams import connections
from teams.models import AuditEvent, ModelConnection

FORM = {"name": "vLLM", "protocol": "openai", "base_url": "http://127.0.0.1:8001/v1/", "model": "qwen3"}


def new(kind, team):
    return f"{reverse('teams:create_connection', args=[kind])}?team={team.pk}"


@pytest.fixture
def connection(team):
    return ModelConnection.objects.create(
        team=team,
        kind="llm",
        protocol="openai",
        name="Big one",
        base_url="http://127.0.0.1:8001/v1",
        api_key="sk-very-secret",
    )


class TestPage:
    def test_members_see_them_and_nobody_the_key(self, connection, as_alice, as_bob, as_charlie):
        url = reverse("teams:models")
        for browser in (as_alice, as_bob):
            page = browser.get(url).text
            assert "Big one" in page
            assert "sk-very" not in page
        assert reverse("teams:test_connection", args=[connection.pk]) in as_alice.get(url).text
        assert reverse("teams:test_connection", args=[connection.pk]) not in as_bob.get(url).text
        assert "Big one" not in as_charlie.get(url).text
        assert as_charlie.get(url, {"team": connection.team_id}).status_code == 404

    def test_the_key_is_not_readable_in_the_database(self, connection, django_db_blocker):
        from django.db import connection as database

        with database.cursor() as cursor:
            cursor.execute("SELECT api_key FROM teams_modelconnection")
            assert "secret" not in cursor.fetchone()[0]
        connection.refresh_from_db()
        assert connection.api_key == "sk-very-secret"


class TestCreate:
    def test_owners_add(self, team, as_alice, alice):
        response = as_alice.post(new("llm", team), {**FORM, "new_key": "sk-1"})
        assert response.status_code == 302
        made = ModelConnection.objects.get()
        assert (made.team, made.kind, made.base_url) == (team, "llm", "http://127.0.0.1:8001/v1")
        assert made.api_key == "sk-1"
        event = AuditEvent.objects.get(action="connection.created")
        assert (event.actor, event.target) == (alice, "vLLM")
        assert "sk-1" not in str(event.data)

    def test_a_container_is_named_by_one_word(self, team, as_alice):
        response = as_alice.post(
            new("reranker", team), {**FORM, "protocol": "tei", "base_url": "http://tei:80"}
        )
        assert response.status_code == 302
        assert ModelConnection.objects.get().base_url == "http://tei:80"

    def test_others_may_not(self, team, as_bob, as_charlie, client):
        assert as_bob.get(new("llm", team)).status_code == 403
        assert as_bob.post(new("llm", team), FORM).status_code == 403
        assert as_charlie.post(new("llm", team), FORM).status_code == 404
        assert client.post(new("llm", team), FORM).status_code == 302
        assert not ModelConnection.objects.exists()

    def test_each_kind_offers_what_it_can_speak(self, team, as_alice):
        for kind, protocols in connections.PROTOCOLS.items():
            form = as_alice.get(new(kind, team)).context["form"]
            assert tuple(value for value, _label in form.fields["protocol"].choices) == protocols
        assert as_alice.post(new("llm", team), {**FORM, "protocol": "cohere"}).status_code == 422
        assert as_alice.get(new("oracle", team)).status_code == 404

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "nonsense",
            "ftp://example.com/",
            "file:///etc/passwd",
            "http://169.254.169.254/latest/meta-data/",
            "http://[fe80::1]/",
            "http://0.0.0.0:8000/",
            "http://user:key@127.0.0.1/v1",
            "javascript:alert(1)",
        ],
    )
    def test_addresses_that_are_not_called(self, team, as_alice, url):
        response = as_alice.post(new("llm", team), {**FORM, "base_url": url})
        assert response.status_code == 422
        assert response.context["form"].errors["base_url"]
        assert not ModelConnection.objects.exists()

    def test_a_name_is_used_once_per_kind(self, connection, team, as_alice):
        response = as_alice.post(new("llm", team), {**FORM, "name": "Big one"})
        assert response.status_code == 422
        assert response.context["form"].errors["name"]
        response = as_alice.post(new("embedder", team), {**FORM, "name": "Big one"})
        assert response.status_code == 302


class TestEdit:
    def post(self, browser, connection, **changes):
        body = {**FORM, "name": connection.name, "base_url": connection.base_url, **changes}
        return browser.post(reverse("teams:connection", args=[connection.pk]), body)

    def test_the_stored_key_is_kept_and_never_sent(self, connection, as_alice):
        page = as_alice.get(reverse("teams:connection", args=[connection.pk]))
        assert "sk-very-secret" not in page.text
        assert self.post(as_alice, connection, model="other").status_code == 302
        connection.refresh_from_db()
        assert (connection.model, connection.api_key) == ("other", "sk-very-secret")

    def test_it_does_not_follow_to_another_address(self, connection, as_alice):
        response = self.post(as_alice, connection, base_url="http://127.0.0.1:6666/v1")
        assert response.status_code == 422
        connection.refresh_from_db()
        assert connection.base_url == "http://127.0.0.1:8001/v1"
        self.post(as_alice, connection, base_url="http://127.0.0.1:6666/v1", forget_key="on")
        connection.refresh_from_db()
        assert (connection.base_url, connection.api_key) == ("http://127.0.0.1:6666/v1", "")

    def test_a_change_makes_the_old_test_worthless(self, connection, as_alice, monkeypatch):
        monkeypatch.setitem(connections.testers, "llm", lambda connection: None)
        connections.test(connection)
        self.post(as_alice, connection, model="other")
        connection.refresh_from_db()
        assert connection.last_test_at is None

    def test_others_may_not(self, connection, as_bob, as_charlie):
        assert self.post(as_bob, connection).status_code == 403
        assert as_bob.get(reverse("teams:connection", args=[connection.pk])).status_code == 403
        assert self.post(as_charlie, connection).status_code == 404


class TestDelete:
    def test_it_asks_and_names_what_uses_it(self, connection, knowledge_base, as_alice):
        knowledge_base.llm = connection.ref
        knowledge_base.save()
        url = reverse("teams:delete_connection", args=[connection.pk])
        assert "Handbook" in as_alice.get(url).text
        assert ModelConnection.objects.exists()
        as_alice.post(url)
        assert not ModelConnection.objects.exists()

    def test_others_may_not(self, connection, as_bob, as_charlie):
        url = reverse("teams:delete_connection", args=[connection.pk])
        assert as_bob.post(url).status_code == 403
        assert as_charlie.post(url).status_code == 404
        assert ModelConnection.objects.exists()


class TestTest:
    def url(self, connection):
        return reverse("teams:test_connection", args=[connection.pk])

    def test_a_server_that_is_not_there(self, connection, as_alice):
        ModelConnection.objects.update(base_url="http://127.0.0.1:9/v1")
        page = as_alice.post(self.url(connection), follow=True).text
        assert "does not work" in page
        connection.refresh_from_db()
        assert connection.last_test_at
        assert "127.0.0.1:9" in connection.last_test_error

    def test_one_that_answers_in_its_row(self, connection, as_alice, monkeypatch):
        monkeypatch.setitem(connections.testers, "llm", lambda connection: None)
        response = as_alice.post(self.url(connection), headers={"HX-Request": "true"})
        assert response.text.strip().startswith(f'<tr id="connection-{connection.pk}"')
        assert "Answers" in response.text

    def test_a_tester_that_breaks_is_a_sentence(self, connection, as_alice, monkeypatch):
        def broken(connection):
            raise RuntimeError("sk-very-secret")

        monkeypatch.setitem(connections.testers, "llm", broken)
        page = as_alice.post(self.url(connection), follow=True).text
        assert "The test broke down" in page
        assert "sk-very-secret" not in page

    def test_an_address_that_became_unfit_is_not_called(self, connection, as_alice, monkeypatch, settings):
        called = []
        monkeypatch.setitem(connections.testers, "llm", called.append)
        settings.ALLOW_PRIVATE_MODEL_HOSTS = False
        assert "may not be called" in as_alice.post(self.url(connection), follow=True).text
        assert called == []

    def test_others_may_not(self, connection, as_bob, as_charlie):
        assert as_bob.post(self.url(connection)).status_code == 403
        assert as_charlie.post(self.url(connection)).status_code == 404


def test_every_kind_can_be_tested():
    assert set(connections.testers) == set(ModelConnection.Kind.values)
