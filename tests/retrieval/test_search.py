"""Search from end to end on the embedded store: what is found, what must not be, and what may fail."""

import time

import pytest
from django.utils import timezone

from ingestion.models import Document, KnowledgeBase
from rerank.base import RerankerUnavailable
from retrieval import search as search_module
from retrieval import stores
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.passages import SearchOptions
from retrieval.search import search
from tests.fakes import HashingEmbedder
from tests.retrieval.documents import Overlap, add

pytestmark = pytest.mark.django_db


class Broken(Overlap):
    def score(self, query, texts):
        raise RerankerUnavailable("down")


@pytest.fixture(autouse=True)
def models(monkeypatch, settings):
    """Quick models in place of the real ones; the store is the real one."""
    settings.QDRANT_URL = ""
    found = {"embedder": HashingEmbedder(), "reranker": Overlap()}
    monkeypatch.setattr(search_module, "embedder_for", lambda knowledge_base: give(found["embedder"]))
    monkeypatch.setattr(search_module, "reranker_for", lambda *args, **kwargs: give(found["reranker"]))
    yield found
    stores.close_all()


def give(model):
    if isinstance(model, Exception):
        raise model
    return model


def texts(result) -> list[str]:
    return [passage.chunk.text for passage in result.passages]


LEAVE, TRAVEL, PAY = "annual leave is thirty days", "travel costs are paid back", "salaries come monthly"


def test_the_second_stage_orders_and_the_threshold_cuts(knowledge_base):
    add(knowledge_base, LEAVE, TRAVEL, PAY)
    result = search("how many days of annual leave", knowledge_bases=[knowledge_base])
    assert texts(result) == [LEAVE]
    assert result.passages[0].rerank_score == pytest.approx(0.8176, abs=1e-3)  # sigmoid(3 - 1.5)
    assert result.threshold == 0.5
    assert {passage.chunk.text for passage in result.closest} == {TRAVEL, PAY}
    assert {"recall", "embed", "rerank", "context", "search"} <= result.timings_ms.keys()
    assert result.notices == []


def test_the_stages_add_up_to_the_search(knowledge_base, models):
    add(knowledge_base, LEAVE, TRAVEL)

    class Slow(HashingEmbedder):
        def embed_query(self, text):
            time.sleep(0.05)
            return super().embed_query(text)

    models["embedder"] = Slow()
    took = search("annual leave", knowledge_bases=[knowledge_base]).timings_ms
    parts = sum(spent for stage, spent in took.items() if stage != "search")
    assert took["embed"] >= 50
    assert took["search"] - 20 < parts <= took["search"]


def test_scores_stay_with_their_passage_when_copies_are_dropped(knowledge_base):
    add(knowledge_base, LEAVE, TRAVEL, name="a.txt")
    add(knowledge_base, LEAVE.replace(" ", "  "), "annual report", name="b.txt")
    result = search(
        "annual leave days", knowledge_bases=[knowledge_base], options=SearchOptions(threshold=0.0)
    )
    found = texts(result)
    assert len([text for text in found if "thirty" in text]) == 1
    expected = Overlap().score("annual leave days", [p.chunk.embedded_text for p in result.passages])
    chances = [1 / (1 + 2.718281828 ** -(score - 1.5)) for score in expected]
    assert [p.rerank_score for p in result.passages] == pytest.approx(chances, abs=1e-6)
    assert sorted(p.recall_rank for p in result.passages) == list(range(1, len(found) + 1))


def test_only_the_given_knowledge_bases_answer(knowledge_base, team):
    other = KnowledgeBase.objects.create(team=team, name="Other")
    add(other, LEAVE)
    add(knowledge_base, TRAVEL)
    options = SearchOptions(threshold=0.0)
    assert texts(search("annual leave", knowledge_bases=[knowledge_base], options=options)) == [TRAVEL]
    both = search("annual leave", knowledge_bases=[knowledge_base, other], options=options)
    assert texts(both) == [LEAVE, TRAVEL]
    assert texts(search("annual leave", knowledge_bases=[], options=options)) == []


def test_what_the_database_does_not_confirm_is_not_found(knowledge_base):
    deleted, old = add(knowledge_base, LEAVE, name="deleted"), add(knowledge_base, LEAVE + " old", name="old")
    add(knowledge_base, TRAVEL)
    Document.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    Document.objects.filter(pk=old.pk).update(live_version=2)
    options = SearchOptions(threshold=0.0)
    assert texts(search("annual leave", knowledge_bases=[knowledge_base], options=options)) == [TRAVEL]
    KnowledgeBase.objects.filter(pk=knowledge_base.pk).update(deleted_at=timezone.now())
    assert texts(search("annual leave", knowledge_bases=[knowledge_base], options=options)) == []


def test_some_documents_only(knowledge_base):
    first = add(knowledge_base, LEAVE, name="a")
    add(knowledge_base, "annual leave is forty days", name="b")
    options = SearchOptions(threshold=0.0, document_ids=(first.pk,))
    assert texts(search("annual leave", knowledge_bases=[knowledge_base], options=options)) == [LEAVE]


def test_without_a_second_stage_the_recall_order_stands(knowledge_base, models):
    add(knowledge_base, LEAVE, TRAVEL)
    models["reranker"] = Broken()
    result = search("annual leave", knowledge_bases=[knowledge_base])
    assert texts(result)[0] == LEAVE
    assert result.notices == ["rerank_unavailable"]
    assert result.threshold is None
    assert result.passages[0].rerank_score is None
    models["reranker"] = RerankerUnavailable("not on this machine")
    assert search("leave", knowledge_bases=[knowledge_base]).notices == ["rerank_unavailable"]
    calm = search("annual leave", knowledge_bases=[knowledge_base], options=SearchOptions(rerank=False))
    assert calm.notices == []


def test_past_the_deadline_the_rest_is_in_recall_order(knowledge_base, models, settings):
    add(knowledge_base, LEAVE, TRAVEL, PAY, "annual leave of apprentices")

    class Cut(Overlap):
        def score_within(self, query, texts, *, timeout_s):
            assert timeout_s == 3
            return [0.0, *self.score(query, texts[1:2]), *[None] * (len(texts) - 2)]

    settings.RERANK_TIMEOUT_S = 3
    models["reranker"] = Cut()
    recalled = search(
        "annual leave", knowledge_bases=[knowledge_base], options=SearchOptions(rerank=False)
    ).passages
    result = search("annual leave", knowledge_bases=[knowledge_base], options=SearchOptions(threshold=0.0))
    assert result.notices == ["rerank_cut"]
    expected = [recalled[1], recalled[0], *recalled[2:]]
    assert texts(result) == [passage.chunk.text for passage in expected]
    assert [passage.rerank_score is None for passage in result.passages] == [False, False, True, True]
    settings.RERANK_TIMEOUT_S = 0
    assert search("annual leave", knowledge_bases=[knowledge_base]).notices == []


def test_grades_that_are_no_probability_know_no_threshold(knowledge_base, models):
    add(knowledge_base, LEAVE, TRAVEL)

    class Grades(Overlap):
        score_kind, calibration, threshold = "similarity", None, None

    models["reranker"] = Grades()
    knowledge_base.threshold = 0.5
    result = search("annual leave", knowledge_bases=[knowledge_base])
    assert texts(result) == [LEAVE, TRAVEL]
    assert result.threshold is None


def test_without_the_embedder_words_alone_recall(knowledge_base, models):
    add(knowledge_base, LEAVE, TRAVEL)
    models["embedder"] = EmbedderUnavailable("server down")
    result = search("annual leave", knowledge_bases=[knowledge_base], options=SearchOptions(threshold=0.0))
    assert texts(result) == [LEAVE]
    assert result.notices == ["dense_unavailable"]
    assert result.passages[0].dense_rank is None


def test_a_language_that_the_embedder_does_not_know_leaves_the_vote_to_words(knowledge_base, models):
    add(knowledge_base, "годовой отпуск тридцать дней", TRAVEL)
    options = SearchOptions(threshold=0.0)
    models["embedder"].languages = frozenset({"en"})
    result = search("отпуск", knowledge_bases=[knowledge_base], options=options)
    assert [(passage.dense_rank, passage.bm25_rank) for passage in result.passages] == [(None, 1)]
    assert result.notices == []
    models["embedder"].languages = None
    assert search("отпуск", knowledge_bases=[knowledge_base], options=options).passages[0].dense_rank


def test_one_list_alone_for_comparisons(knowledge_base):
    add(knowledge_base, LEAVE, TRAVEL)
    for recall, dense in (("bm25", False), ("dense", True)):
        options = SearchOptions(recall=recall, rerank=False)
        found = search("annual leave", knowledge_bases=[knowledge_base], options=options).passages
        assert found[0].chunk.text == LEAVE
        assert (found[0].dense_rank is not None, found[0].bm25_rank is not None) == (dense, not dense)


def test_a_knowledge_bases_threshold_is_not_carried_to_another_reranker(knowledge_base):
    add(knowledge_base, LEAVE, TRAVEL)
    knowledge_base.threshold = 0.99
    assert texts(search("annual leave", knowledge_bases=[knowledge_base])) == []
    result = search("annual leave", knowledge_bases=[knowledge_base], options=SearchOptions(reranker="other"))
    assert texts(result) == [LEAVE]


def test_neighbours_are_read_within_the_budget_and_none_twice(knowledge_base):
    add(knowledge_base, "before it", LEAVE, "after it", "far away")
    result = search("annual leave days", knowledge_bases=[knowledge_base])
    assert result.passages[0].context == f"before it\n\n{LEAVE}\n\nafter it"
    search_module.add_context(result.passages, budget=2)
    assert result.passages[0].context == f"{LEAVE}\n\nafter it"


def test_a_question_of_nothing_or_of_far_too_much_is_harmless(knowledge_base):
    add(knowledge_base, LEAVE)
    assert search("  ", knowledge_bases=[knowledge_base]).passages == []
    assert search("？！", knowledge_bases=[knowledge_base]).notices == []
    long = search("annual leave " * 1500, knowledge_bases=[knowledge_base])
    assert len(long.passages) + len(long.closest) == 1


def test_top_n_and_recall_limit_bound_what_comes_back(knowledge_base):
    add(knowledge_base, *(f"annual leave rule number {number}" for number in range(12)))
    options = SearchOptions(top_n=3, recall_limit=5, threshold=0.0)
    result = search("annual leave", knowledge_bases=[knowledge_base], options=options)
    assert len(result.passages) == 3
    assert max(passage.recall_rank for passage in result.passages) <= 5
