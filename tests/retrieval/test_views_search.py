import pytest
from django.urls import reverse

from ingestion.models import KnowledgeBase
from rerank.base import RerankerUnavailable
from retrieval import indexing, stores
from retrieval import search as searching
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.stores.base import StoreUnavailable
from teams.models import Membership, Role, Team
from tests.fakes import HashingEmbedder
from tests.ingestion.making import make_document, make_read

URL = reverse("retrieval:search")
LINES = [
    "annual leave is thirty days a year",
    "leave a note when you go",
    "travel costs are paid back",
    "the annual report appears in May",
]


class LastWordsFirst:
    """Scores a passage by its length: an order that recall would not give."""

    name = "by-length"
    score_kind = "probability"
    calibration = None
    threshold = 0.4

    def score(self, query, texts):
        longest = max(map(len, texts))
        return [len(text) / longest for text in texts]


@pytest.fixture(autouse=True)
def models(monkeypatch, settings):
    settings.QDRANT_URL = ""
    embedder = HashingEmbedder()
    for module in (indexing, searching):
        monkeypatch.setattr(module, "embedder_for", lambda knowledge_base: embedder)
    monkeypatch.setattr(searching, "reranker_for", lambda name, **kwargs: LastWordsFirst())
    yield
    stores.close_all()


@pytest.fixture
def document(knowledge_base):
    document = make_document(knowledge_base, name="handbook.txt")
    make_read(document, ["\n".join(LINES)], ready=False)
    indexing.index(document.pk)
    return document


def params(*knowledge_bases, **others):
    return {
        "q": "annual leave",
        "knowledge_base": [each.pk for each in knowledge_bases],
        "recall_limit": 10,
        "top_n": 5,
    } | others


def test_both_stages_side_by_side(client, bob, knowledge_base, document):
    client.force_login(bob)
    response = client.get(URL, params(knowledge_base))
    stages = response.context["stages"]
    assert stages.recalled[0].passage.chunk.text == LINES[0]
    lengths = [len(found.passage.chunk.text) for found in stages.reranked]
    assert lengths == sorted(lengths, reverse=True)
    for found in stages.recalled:
        twin = stages.reranked[found.other_rank - 1]
        assert twin.passage.chunk == found.passage.chunk
        assert twin.other_rank == found.rank
    text = response.content.decode()
    for words in ("First stage: recall", "Second stage: rerank", "handbook.txt", "BM25", "#1"):
        assert words in text
    assert f"?chunk={stages.recalled[0].passage.chunk.pk}" in text


def test_what_is_under_the_threshold_is_shown_as_such(client, alice, knowledge_base, document):
    KnowledgeBase.objects.update(threshold=0.9)
    client.force_login(alice)
    response = client.get(URL, params(knowledge_base))
    kept = [found.is_kept for found in response.context["stages"].reranked]
    assert kept == sorted(kept, reverse=True)
    assert not all(kept)
    assert "Under the threshold" in response.content.decode()


def test_the_second_stage_switched_off(client, alice, knowledge_base, document):
    client.force_login(alice)
    response = client.get(URL, params(knowledge_base, reranker="-"))
    assert response.context["stages"].second is None
    assert "Second stage: rerank</h2>" not in response.content.decode()


def test_a_second_stage_that_cannot_run_is_said(client, alice, knowledge_base, document, monkeypatch):
    def gone(name, **kwargs):
        raise RerankerUnavailable

    monkeypatch.setattr(searching, "reranker_for", gone)
    client.force_login(alice)
    text = client.get(URL, params(knowledge_base)).content.decode()
    assert "The second stage could not run" in text
    assert LINES[0] in text


def test_an_embedder_that_is_down_leaves_words(client, alice, knowledge_base, document, monkeypatch):
    def down(knowledge_base):
        raise EmbedderUnavailable

    monkeypatch.setattr(searching, "embedder_for", down)
    client.force_login(alice)
    text = client.get(URL, params(knowledge_base)).content.decode()
    assert "words alone were searched for" in text
    assert LINES[0] in text


def test_an_index_that_is_down_is_said(client, alice, knowledge_base, monkeypatch):
    def down(embedder):
        raise StoreUnavailable

    monkeypatch.setattr(searching, "get_store", down)
    client.force_login(alice)
    assert "cannot run now" in client.get(URL, params(knowledge_base)).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"q": ""},
        {"q": "x" * 4001},
        {"top_n": 0},
        {"recall_limit": 501},
        {"knowledge_base": []},
        {"reranker": "?"},
    ],
)
def test_wrong_input_is_explained(client, alice, knowledge_base, wrong):
    client.force_login(alice)
    response = client.get(URL, params(knowledge_base) | wrong)
    assert response.status_code == 200
    assert response.context["stages"] is None
    assert 'class="notice error"' in response.content.decode()


def test_nothing_found_is_said(client, alice, knowledge_base):
    client.force_login(alice)
    assert "Nothing was found" in client.get(URL, params(knowledge_base)).content.decode()


def test_cost_does_not_grow_with_what_is_found(client, alice, knowledge_base, django_assert_max_num_queries):
    many = make_document(knowledge_base, name="many.txt")
    make_read(many, ["\n".join(f"annual leave number {n}" for n in range(40))], ready=False)
    indexing.index(many.pk)
    client.force_login(alice)
    with django_assert_max_num_queries(12):
        response = client.get(URL, params(knowledge_base, recall_limit=40, top_n=40))
    assert len(response.context["stages"].recalled) == 40


def test_fragment_is_the_same_template(client, alice, knowledge_base, document):
    client.force_login(alice)
    part = client.get(URL, params(knowledge_base), headers={"HX-Request": "true", "HX-Target": "results"})
    assert part.templates[0].name == "retrieval/_results.html"
    whole = client.get(URL, params(knowledge_base))
    assert "retrieval/_results.html" in [template.name for template in whole.templates]


def test_outsider_searches_ones_own_alone(client, charlie, knowledge_base, document):
    team = Team.objects.create(name="Elsewhere")
    Membership.objects.create(team=team, user=charlie, role=Role.OWNER)
    own = KnowledgeBase.objects.create(team=team, name="Mine")
    client.force_login(charlie)
    text = client.get(URL, params(knowledge_base, own)).content.decode()
    assert "Handbook" not in text
    assert LINES[0] not in text
    assert 'class="notice error"' in text


def test_members_only_is_closed_to_the_others(client, bob, knowledge_base, document):
    KnowledgeBase.objects.update(access="members")
    client.force_login(bob)
    text = client.get(URL, params(knowledge_base)).content.decode()
    assert LINES[0] not in text


def test_without_any_knowledge_base_says_what_to_do(client, charlie):
    client.force_login(charlie)
    assert "Nothing to search yet" in client.get(URL).content.decode()


def test_hostile_text_is_text(client, alice, knowledge_base):
    document = make_document(knowledge_base, name="<script>alert(1)</script>")
    make_read(document, ["annual leave <script>alert(2)</script>"], ready=False)
    indexing.index(document.pk)
    client.force_login(alice)
    text = client.get(URL, params(knowledge_base)).content.decode()
    assert "&lt;script&gt;alert(2)" in text
    assert "<script>alert" not in text


def test_anonymous_is_sent_to_log_in(client, db):
    assert "/accounts/login/" in client.get(URL).url
