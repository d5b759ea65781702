import pytest
from django.urls import reverse

from ingestion.models import Document, KnowledgeBase
from teams.models import ModelConnection, Team
from tests.ingestion.making import Status, make_many

UNCHANGED = {
    "embedder": "minilm-zh",
    "chunk_tokens": 256,
    "reranker": "late-interaction",
    "recall_limit": 50,
    "top_n": 5,
    "threshold": "",
    "llm": "",
}


@pytest.fixture
def address(knowledge_base):
    return reverse("retrieval:settings", args=[knowledge_base.pk])


def connect(team, kind, name):
    return ModelConnection.objects.create(
        team=team, kind=kind, protocol="openai", name=name, base_url="https://models.example.com"
    )


def test_limits_and_threshold_change(client, alice, knowledge_base, address):
    client.force_login(alice)
    changes = {"recall_limit": 80, "top_n": 8, "threshold": "0.35"}
    assert client.post(address, UNCHANGED | changes).url == address
    knowledge_base.refresh_from_db()
    assert (knowledge_base.recall_limit, knowledge_base.top_n, knowledge_base.threshold) == (80, 8, 0.35)


def test_without_a_second_stage(client, alice, knowledge_base, address):
    client.force_login(alice)
    assert client.post(address, UNCHANGED | {"reranker": ""}).url == address
    knowledge_base.refresh_from_db()
    assert knowledge_base.reranker == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"chunk_tokens": 63},
        {"chunk_tokens": 2049},
        {"recall_limit": 0},
        {"recall_limit": 501},
        {"top_n": 51},
        {"top_n": 20, "recall_limit": 10},
        {"threshold": "1.5"},
        {"threshold": "nan"},
        {"embedder": "another"},
        {"embedder": ""},
        {"reranker": "/etc/passwd"},
    ],
)
def test_unfit_values_are_explained(client, alice, knowledge_base, address, wrong):
    client.force_login(alice)
    response = client.post(address, UNCHANGED | wrong)
    assert response.status_code == 200
    assert response.context["form"].errors
    before = {name: getattr(knowledge_base, name) for name in UNCHANGED}
    knowledge_base.refresh_from_db()
    assert {name: getattr(knowledge_base, name) for name in UNCHANGED} == before


@pytest.mark.parametrize(
    ("change", "status"),
    [({"chunk_tokens": 512}, Status.QUEUED), ({"top_n": 3}, Status.READY)],
)
def test_another_chunk_size_reads_documents_again(client, alice, knowledge_base, address, change, status):
    make_many(knowledge_base, 3, status=Status.READY)
    client.force_login(alice)
    text = client.post(address, UNCHANGED | change, follow=True).content.decode()
    assert ("3 documents are indexed again" in text) == (status == Status.QUEUED)
    assert set(Document.objects.values_list("status", flat=True)) == {status}


def test_another_embedder_is_prepared_while_the_present_one_answers(
    client, alice, team, knowledge_base, address
):
    own = connect(team, "embedder", "bge-m3 on our server")
    documents = make_many(knowledge_base, 2, status=Status.READY, version=1, live_version=1)
    client.force_login(alice)
    assert "bge-m3 on our server" in client.get(address).content.decode()
    text = client.post(address, UNCHANGED | {"embedder": own.ref}, follow=True).content.decode()
    assert set(Document.objects.values_list("status", flat=True)) == {Status.READY}
    assert "bge-m3 on our server (OpenAI-compatible): 0 of 2." in text
    assert "answered with minilm-zh;" in text
    assert "every few minutes" not in text
    Document.objects.filter(pk=documents[0].pk).update(prepared_version=1)
    KnowledgeBase.objects.update(preparation_error="models.example.com cannot be reached")
    page = client.get(address)
    text = page.content.decode()
    assert "bge-m3 on our server (OpenAI-compatible): 1 of 2." in text
    assert "It is tried again every few minutes. <small>models.example.com cannot be reached" in text
    assert page.context["form"]["embedder"].value() == own.ref
    client.post(address, UNCHANGED | {"embedder": own.ref, "top_n": 4})
    knowledge_base.refresh_from_db()
    assert (knowledge_base.embedder, knowledge_base.next_embedder) == ("minilm-zh", own.ref)
    text = client.post(address, UNCHANGED, follow=True).content.decode()
    knowledge_base.refresh_from_db()
    assert (knowledge_base.embedder, knowledge_base.next_embedder) == ("minilm-zh", "")
    assert "being prepared" not in text


def test_another_teams_connections_are_not_offered(client, alice, knowledge_base, address):
    theirs = connect(Team.objects.create(name="Elsewhere"), "llm", "their model")
    client.force_login(alice)
    assert "their model" not in client.get(address).content.decode()
    response = client.post(address, UNCHANGED | {"llm": theirs.ref})
    assert response.context["form"].errors


def test_a_model_that_is_gone_stays_chosen_and_says_so(client, alice, knowledge_base, address):
    KnowledgeBase.objects.update(reranker="BAAI/bge-reranker-large")
    client.force_login(alice)
    text = client.get(address).content.decode()
    assert "BAAI/bge-reranker-large (not on this machine)" in text


def test_viewer_403_outsider_404(client, bob, charlie, knowledge_base, address):
    for person, status in ((bob, 403), (charlie, 404)):
        client.force_login(person)
        assert client.get(address).status_code == status
        assert client.post(address, UNCHANGED | {"top_n": 9}).status_code == status
    knowledge_base.refresh_from_db()
    assert knowledge_base.top_n == 5


def test_anonymous_is_sent_to_log_in(client, address):
    assert "/accounts/login/" in client.get(address).url
