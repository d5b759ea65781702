"""Who gets in where: every address x every method x owner, viewer, outsider, anonymous.

The addresses come from the URL configuration. One without a row here fails the test, so that nobody
adds a page and forgets to say who may see it. A row reads, for each method, what alice (owner), bob
(viewer), charlie (outsider) and a stranger get:

- in: the view did its work, or complained about the form it was sent
- login: to the login page, or 401
- 403, 404: as they say
"""

import json
import re
from dataclasses import dataclass, field
from operator import attrgetter

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from chat.answering import AnswerResult
from retrieval.passages import SearchResult
from teams import services

from .routes import admin_routes, all_routes
from .world import World, build

METHODS = ("GET", "POST", "DELETE")
REFUSED = {"login", "403", "404", "405"}

EVERYONE = "in in in in"
MEMBERS_OF_ANYTHING = "in in in login"  # the page shows each person their own
TEAM = "in in 404 login"
OWNER = "in 403 404 login"
OWNING_ANYTHING = "in 403 403 login"
ALICE_ALONE = "in 404 404 login"
HIDDEN = "404 404 404 404"

# What only the team may read; no answer to charlie or a stranger holds any of it.
SECRETS = (
    "Research",
    "Handbook",
    "hours.txt",
    "Alice asks",
    "opens at nine",
    "Nobody answers",
    "bob@example",
)


@dataclass(frozen=True)
class Row:
    GET: str = ""
    POST: str = ""
    DELETE: str = ""
    args: dict = field(default_factory=dict)
    """{argument of the address: path of attributes from the world, or a literal after "="}"""
    data: dict = field(default_factory=dict)
    by_key: bool = False
    """Asked with an API key: sessions do not count there."""
    names_the_team: bool = False
    """An invitation's page tells whoever holds the link which team it is."""


ROWS = {
    "healthz": Row(GET=EVERYONE),
    "i18n/setlang/": Row(GET=EVERYONE, POST=EVERYONE, data={"language": "en"}),
    "accounts/login/": Row(GET=EVERYONE, POST=EVERYONE),
    "accounts/logout/": Row(GET=EVERYONE, POST=EVERYONE),
    "accounts/signup/": Row(GET=EVERYONE, POST=EVERYONE),
    "accounts/inactive/": Row(GET=EVERYONE),
    "accounts/reauthenticate/": Row(GET=MEMBERS_OF_ANYTHING, POST=MEMBERS_OF_ANYTHING),
    "accounts/password/change/": Row(GET=MEMBERS_OF_ANYTHING, POST=MEMBERS_OF_ANYTHING),
    "accounts/password/reset/": Row(GET=EVERYONE, POST=EVERYONE),
    "accounts/password/reset/done/": Row(GET=EVERYONE),
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": Row(
        GET=EVERYONE, POST=EVERYONE, args={"uidb36": "=1", "key": "=wrong"}
    ),
    "accounts/password/reset/key/done/": Row(GET=EVERYONE),
    # teams
    "team/": Row(GET=MEMBERS_OF_ANYTHING),
    "team/new/": Row(POST=MEMBERS_OF_ANYTHING, data={"name": "Another"}),
    "team/<uuid:pk>/rename/": Row(POST=OWNER, args={"pk": "team.pk"}, data={"name": "New name"}),
    "team/<uuid:pk>/invite/": Row(
        POST=OWNER, args={"pk": "team.pk"}, data={"email": "x@example.com", "role": "viewer"}
    ),
    "team/<uuid:pk>/leave/": Row(POST=TEAM, args={"pk": "team.pk"}),
    "team/members/<int:pk>/role/": Row(
        POST=OWNER, args={"pk": "bobs_membership.pk"}, data={"role": "editor"}
    ),
    "team/members/<int:pk>/remove/": Row(POST=OWNER, args={"pk": "bobs_membership.pk"}),
    "team/invitations/<int:pk>/revoke/": Row(POST=OWNER, args={"pk": "invitation.pk"}),
    "invitations/<str:token>/": Row(
        GET="403 403 403 in", POST="403 403 403 in", args={"token": "token"}, names_the_team=True
    ),
    "profile/": Row(GET=MEMBERS_OF_ANYTHING, POST=MEMBERS_OF_ANYTHING, data={"name": "New"}),
    "api-keys/": Row(GET=MEMBERS_OF_ANYTHING, POST=MEMBERS_OF_ANYTHING, data={"name": "laptop"}),
    "api-keys/<int:pk>/revoke/": Row(POST=ALICE_ALONE, args={"pk": "api_key.pk"}),
    "models/": Row(GET=MEMBERS_OF_ANYTHING),
    "models/new/<str:kind>/": Row(GET=OWNER, POST=OWNER, args={"kind": "=llm"}),
    "models/<uuid:pk>/": Row(GET=OWNER, POST=OWNER, args={"pk": "connection.pk"}),
    "models/<uuid:pk>/delete/": Row(GET=OWNER, POST=OWNER, args={"pk": "connection.pk"}),
    "models/<uuid:pk>/test/": Row(POST=OWNER, args={"pk": "connection.pk"}),
    "models/rerankers/": Row(GET=MEMBERS_OF_ANYTHING),
    "models/rerankers/download/": Row(POST=OWNING_ANYTHING, data={"model": "BAAI/bge-reranker-base"}),
    "models/rerankers/cancel/": Row(POST=OWNING_ANYTHING, data={"model": "BAAI/bge-reranker-base"}),
    # knowledge bases and documents
    "knowledge-bases/": Row(GET=MEMBERS_OF_ANYTHING),
    "knowledge-bases/new/": Row(GET="in 403 403 login", POST="in 403 403 login", data={"name": "New"}),
    "knowledge-bases/<uuid:pk>/": Row(GET=TEAM, args={"pk": "knowledge_base.pk"}),
    "knowledge-bases/<uuid:pk>/settings/": Row(GET=OWNER, POST=OWNER, args={"pk": "knowledge_base.pk"}),
    "knowledge-bases/<uuid:pk>/settings/search/": Row(
        GET=OWNER, POST=OWNER, args={"pk": "knowledge_base.pk"}
    ),
    "knowledge-bases/<uuid:pk>/upload/": Row(POST=OWNER, args={"pk": "knowledge_base.pk"}),
    "knowledge-bases/<uuid:pk>/delete/": Row(POST=OWNER, args={"pk": "knowledge_base.pk"}),
    "documents/progress/": Row(GET=MEMBERS_OF_ANYTHING),
    "documents/<uuid:pk>/": Row(GET=TEAM, args={"pk": "document.pk"}),
    "documents/<uuid:pk>/pages/<int:number>.png": Row(
        GET="404 404 404 login", args={"pk": "document.pk", "number": "=1"}
    ),
    "documents/<uuid:pk>/file/": Row(GET=TEAM, args={"pk": "document.pk"}),
    "documents/<uuid:pk>/delete/": Row(GET=OWNER, POST=OWNER, args={"pk": "document.pk"}),
    "documents/<uuid:pk>/retry/": Row(POST=OWNER, args={"pk": "document.pk"}),
    "jobs/": Row(GET=MEMBERS_OF_ANYTHING),
    "jobs/retry/": Row(POST=MEMBERS_OF_ANYTHING),
    # measuring
    "search/": Row(GET=MEMBERS_OF_ANYTHING),
    "evaluation/": Row(GET=MEMBERS_OF_ANYTHING),
    "evaluation/sets/new/": Row(GET=MEMBERS_OF_ANYTHING, POST=MEMBERS_OF_ANYTHING),
    "evaluation/sets/<uuid:pk>/": Row(GET=TEAM, args={"pk": "question_set.pk"}),
    "evaluation/sets/<uuid:pk>/questions/": Row(POST=OWNER, args={"pk": "question_set.pk"}),
    "evaluation/sets/<uuid:pk>/import/": Row(POST=OWNER, args={"pk": "question_set.pk"}),
    "evaluation/sets/<uuid:pk>/delete/": Row(POST=OWNER, args={"pk": "question_set.pk"}),
    "evaluation/sets/<uuid:pk>/runs/": Row(POST=OWNER, args={"pk": "question_set.pk"}),
    "evaluation/sets/<uuid:pk>/accept/": Row(POST=OWNER, args={"pk": "question_set.pk"}),
    "evaluation/questions/<int:pk>/accept/": Row(POST=OWNER, args={"pk": "question.pk"}),
    "evaluation/questions/<int:pk>/delete/": Row(POST=OWNER, args={"pk": "question.pk"}),
    "evaluation/runs/<uuid:pk>/": Row(GET=TEAM, args={"pk": "run.pk"}),
    "evaluation/runs/<uuid:pk>/questions/": Row(GET=TEAM, args={"pk": "run.pk"}),
    "evaluation/runs/<uuid:pk>/export.<str:form>": Row(GET=TEAM, args={"pk": "run.pk", "form": "=csv"}),
    "evaluation/runs/<uuid:pk>/cancel/": Row(POST=OWNER, args={"pk": "run.pk"}),
    "evaluation/pipelines/<int:pk>/use/": Row(POST=OWNER, args={"pk": "pipeline.pk"}),
    "evaluation/pipelines/<int:pk>/calibrate/": Row(POST="404 403 404 login", args={"pk": "pipeline.pk"}),
    # chat: a conversation is its owner's alone, colleagues included
    "": Row(GET=MEMBERS_OF_ANYTHING),
    "ask/": Row(POST=MEMBERS_OF_ANYTHING),
    "c/<uuid:pk>/": Row(GET=ALICE_ALONE, args={"pk": "conversation.pk"}),
    "c/<uuid:pk>/rename/": Row(POST=ALICE_ALONE, args={"pk": "conversation.pk"}, data={"title": "New"}),
    "c/<uuid:pk>/delete/": Row(POST=ALICE_ALONE, args={"pk": "conversation.pk"}),
    "messages/<uuid:pk>/": Row(GET="in 404 404 404", args={"pk": "message.pk"}),
    "messages/<uuid:pk>/stream/": Row(GET="in 404 404 404", args={"pk": "message.pk"}),
    "messages/<uuid:pk>/stop/": Row(POST=ALICE_ALONE, args={"pk": "message.pk"}),
    "messages/<uuid:pk>/feedback/": Row(POST=ALICE_ALONE, args={"pk": "message.pk"}, data={"feedback": "up"}),
    "question-sets/<uuid:pk>/draft/": Row(POST=OWNER, args={"pk": "question_set.pk"}),
    "question-sets/<uuid:pk>/collect/": Row(POST=OWNER, args={"pk": "question_set.pk"}),
    "citations/<uuid:pk>/": Row(GET=ALICE_ALONE, args={"pk": "citation.pk"}),
    # the API
    "api/v1/": Row(GET=HIDDEN),
    "api/v1/docs": Row(GET=EVERYONE),
    "api/v1/openapi.json": Row(GET=EVERYONE),
    "api/v1/knowledge-bases": Row(
        GET=MEMBERS_OF_ANYTHING, POST="in 403 403 login", data={"json": {"name": "New"}}
    ),
    "api/v1/knowledge-bases/<uuidstr:id>/documents": Row(
        GET=TEAM, POST=OWNER, args={"id": "knowledge_base.pk"}, data={"files": "=file"}
    ),
    "api/v1/documents/<uuidstr:id>": Row(GET=TEAM, DELETE=OWNER, args={"id": "document.pk"}),
    "api/v1/search": Row(
        POST=TEAM, data={"json": {"knowledge_base_ids": ["knowledge_base.pk"], "query": "hours"}}
    ),
    "api/v1/ask": Row(
        POST=TEAM, data={"json": {"knowledge_base_ids": ["knowledge_base.pk"], "question": "When?"}}
    ),
    "v1/models": Row(GET=MEMBERS_OF_ANYTHING, by_key=True),
    "v1/models/<str:name>": Row(GET=TEAM, args={"name": "knowledge_base.pk"}, by_key=True),
    "v1/chat/completions": Row(
        POST=TEAM,
        data={"json": {"model": "knowledge_base.pk", "messages": [{"role": "user", "content": "When?"}]}},
        by_key=True,
    ),
}

PATTERNS = list(dict.fromkeys(route.pattern for route in all_routes()))


@pytest.fixture
def world(team, alice, bob, knowledge_base):
    return build(team=team, alice=alice, bob=bob, knowledge_base=knowledge_base)


@pytest.fixture
def people(alice, bob, charlie):
    """From the least to the most powerful."""
    return {"nobody": None, "charlie": charlie, "bob": bob, "alice": alice}


@pytest.fixture(autouse=True)
def _no_models(monkeypatch):
    """Behind the gates nothing is searched and no model is called."""

    async def nothing_found(question, **kwargs):
        return AnswerResult(question, True, "", [], [], [], {}, "")

    monkeypatch.setattr("retrieval.api.search", lambda *args, **kwargs: SearchResult([], []))
    monkeypatch.setattr("chat.api.answer_once", nothing_found)
    monkeypatch.setattr("chat.openai_api.answer_once", nothing_found)

    async def in_this_transaction(work):
        return await sync_to_async(work)()

    # The answers' own threads have their own connections, which do not see this test's rows.
    for module in ("chat.api", "chat.openai_api"):
        monkeypatch.setattr(f"{module}.in_thread", in_this_transaction)


def test_every_address_has_a_row_and_every_row_an_address():
    assert set(PATTERNS) == set(ROWS)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern or "/")
def test_who_gets_in(pattern, world, people):
    row = ROWS[pattern]
    url = address(pattern, row, world)
    for method in METHODS:
        expected = getattr(row, method)
        for who, user in people.items():
            # What one person may do is undone before the next one tries.
            with transaction.atomic():
                got = visit(user, method, url, row, world)
                transaction.set_rollback(True)
            outcome = verdict(got)
            if expected:
                wanted = dict(zip(("alice", "bob", "charlie", "nobody"), expected.split(), strict=True))[who]
                assert outcome == wanted, f"{method} /{pattern} as {who}: {got.status_code}"
            elif row.GET != EVERYONE:  # allauth's open pages take any method
                assert outcome in REFUSED, f"{method} /{pattern} as {who}: the row has no {method}"
            if who in ("charlie", "nobody") and not row.names_the_team:
                leaked = [secret for secret in SECRETS if secret in text_of(got)]
                assert not leaked, f"{method} /{pattern} tells {who} {leaked}"
            if got.headers.get("Content-Type", "").startswith("text/html"):
                check_page(got)


def test_the_administration_is_for_staff(people):
    for route in admin_routes():
        if route.name.endswith(("login", "logout", "jsi18n")):
            continue
        url = "/" + re.sub(r"<[^>]+>|\(\?P<\w+>.*\)", "1", route.pattern).replace("$", "")
        for user in (people["nobody"], people["alice"]):
            client = Client()
            if user:
                client.force_login(user)
            assert verdict(client.get(url)) in {"login", "403", "404"}, route.pattern


def address(pattern: str, row: Row, world: World) -> str:
    filled = pattern.replace("^", "").replace("$", "")
    for name, source in row.args.items():
        value = source[1:] if source.startswith("=") else look_up(world, source)
        filled = re.sub(rf"<\w+:{name}>|\(\?P<{name}>[^)]*\)", value, filled)
    assert "<" not in filled, f"the row of {pattern} lacks an argument"
    return "/" + filled


def look_up(world: World, path: str) -> str:
    return str(attrgetter(path)(world))


def visit(user, method: str, url: str, row: Row, world: World):
    cache.clear()
    client = Client()
    if user and row.by_key:
        _row, key = services.create_api_key(user=user)
        client = Client(headers={"Authorization": f"Bearer {key}"})
    elif user:
        client.force_login(user)
    if "json" in row.data:
        body = json.dumps(row.data["json"])
        body = body.replace("knowledge_base.pk", look_up(world, "knowledge_base.pk"))
        return client.generic(method, url, body, content_type="application/json")
    if method == "POST":
        data = {
            name: SimpleUploadedFile("new.txt", b"The canteen opens at noon.") if value == "=file" else value
            for name, value in row.data.items()
        }
        return client.post(url, data)
    return getattr(client, method.lower())(url)


def verdict(response) -> str:
    status = response.status_code
    if status == 401 or (status == 302 and "/login/" in response["Location"]):
        return "login"
    if status in (403, 404, 405):
        return str(status)
    assert status < 500, f"{response.wsgi_request.path}: {status}"
    return "in"


def text_of(response) -> str:
    return "" if response.streaming else response.content.decode(errors="replace")


def check_page(response) -> None:
    """No page may run or style anything inline, nor be framed or load from elsewhere."""
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = text_of(response)
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page)
    for script in re.findall(r"<script\b([^>]*)>", page):
        assert "src=" in script or "nonce=" in script or 'type="application/json"' in script
    assert "<style" not in page
    assert not re.search(r'(\ssrc=|<link\b[^>]*\shref=)"(https?:)?//', page)
