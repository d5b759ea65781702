"""A knowledge base changes its embedder, and nobody who searches it notices."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError
from django.utils import timezone

from ingestion import preparation, services
from ingestion.models import Chunk, Document, KnowledgeBase
from retrieval import indexing, receivers, reembedding, stores, tasks
from retrieval import search as search_module
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.search import search
from tests.fakes import HashingEmbedder
from tests.retrieval.documents import Overlap
from tests.retrieval.test_indexing import make_document as parsed_document
from tests.retrieval.test_indexing import parse

pytestmark = pytest.mark.django_db
Status = Document.Status
WORDS = ["leave", "travel", "bicycle", "harbour", "winter", "library"]


@pytest.fixture(autouse=True)
def embedders(monkeypatch, settings) -> dict[str, HashingEmbedder]:
    """Two of different size, by the names that knowledge bases give; the store is the real one."""
    settings.QDRANT_URL = ""
    known = {"old": HashingEmbedder("old", 64), "new": HashingEmbedder("new", 96)}
    known["third"] = HashingEmbedder("third", 32)
    for module in (indexing, reembedding, search_module):
        monkeypatch.setattr(module, "embedder_for", lambda knowledge_base: known[knowledge_base.embedder])
    monkeypatch.setattr(
        reembedding, "next_embedder_for", lambda knowledge_base: known[knowledge_base.next_embedder]
    )
    monkeypatch.setattr(search_module, "reranker_for", lambda *args, **kwargs: Overlap())
    yield known
    stores.close_all()


@pytest.fixture
def handbook(knowledge_base) -> KnowledgeBase:
    """Six documents that are ready, by the embedder "old"."""
    KnowledgeBase.objects.update(embedder="old")
    knowledge_base.refresh_from_db()
    for word in WORDS:
        upload(knowledge_base, word)
    return knowledge_base


def upload(knowledge_base, word) -> Document:
    document = parsed_document(knowledge_base, [f"{word} alpha", f"more about {word}"])
    indexing.index(document.pk)
    document.refresh_from_db()
    assert document.status == Status.READY
    return document


def choose(knowledge_base, embedder) -> KnowledgeBase:
    """What the settings page does."""
    return services.update_knowledge_base(knowledge_base=knowledge_base, user=None, embedder=embedder)


def now(knowledge_base) -> KnowledgeBase:
    return KnowledgeBase.objects.get(pk=knowledge_base.pk)


def found(knowledge_base, words=WORDS) -> list[str]:
    """Those of ``words`` that a search by vectors alone finds, as a page that is opened now would."""
    hits = []
    for word in words:
        options = search_module.SearchOptions(recall="dense", rerank=False, recall_limit=2)
        result = search(f"{word} alpha", knowledge_bases=[now(knowledge_base)], options=options)
        assert result.notices == []
        texts = {passage.chunk.text for passage in result.passages}
        if texts >= {f"{word} alpha"}:
            hits.append(word)
    return hits


def points(embedder, knowledge_base) -> int:
    return stores.get_store(embedder).count(knowledge_base_id=knowledge_base.pk)


def run_to_the_end(knowledge_base, since=None) -> None:
    """What the tasks do, one slice after the other."""
    for _slice in range(50):
        since = reembedding.prepare(knowledge_base.pk, since=since)
        if since is None:
            return
    pytest.fail("no end of it")


def grow_old(knowledge_base) -> None:
    """Time passes: turns that nobody keeps are given up."""
    stale = timezone.now() - services.LEASE - timedelta(seconds=1)
    KnowledgeBase.objects.filter(pk=knowledge_base.pk, preparation_heartbeat_at__isnull=False).update(
        preparation_heartbeat_at=stale
    )


@pytest.fixture
def after(monkeypatch):
    """Runs something after so many documents have been prepared."""

    def after(count: int, action) -> None:
        real, seen = preparation.mark_prepared, []

        def mark(knowledge_base, document_id: UUID, *, version: int) -> bool:
            marked = real(knowledge_base, document_id, version=version)
            seen.append(document_id)
            if len(seen) == count:
                action()
            return marked

        monkeypatch.setattr(preparation, "mark_prepared", mark)

    return after


def test_everything_is_found_before_during_and_after(handbook, embedders, after):
    assert found(handbook) == WORDS
    choose(handbook, "new")
    assert now(handbook).embedder == "old"
    assert found(handbook) == WORDS
    during = []

    def look():
        during.append((now(handbook).embedder, preparation.progress(handbook), found(handbook)))
        assert set(Document.objects.values_list("status", flat=True)) == {Status.READY}

    after(3, look)
    run_to_the_end(handbook)
    assert during == [("old", (3, 6), WORDS)]
    assert (now(handbook).embedder, now(handbook).next_embedder) == ("new", "")
    assert found(handbook) == WORDS
    assert points(embedders["new"], handbook) == 12


def test_the_old_points_go_when_no_search_can_be_under_way_with_them(handbook, embedders):
    """A search that had read the row before the exchange is answered all the same."""
    choose(handbook, "new")
    under_way = now(handbook)
    run_to_the_end(handbook)
    options = search_module.SearchOptions(recall="dense", rerank=False)
    assert search("harbour alpha", knowledge_bases=[under_way], options=options).passages
    assert preparation.unattended() == []
    run_to_the_end(handbook)
    assert points(embedders["old"], handbook) == 12
    grow_old(handbook)
    assert preparation.unattended() == [handbook.pk]
    run_to_the_end(handbook)
    assert points(embedders["old"], handbook) == 0
    assert points(embedders["new"], handbook) == 12
    assert now(handbook).preparation_heartbeat_at is None
    assert preparation.unattended() == []
    assert found(handbook) == WORDS


def test_work_is_cut_into_slices_each_of_which_goes_on_where_the_last_one_stood(
    handbook, embedders, monkeypatch
):
    big = parsed_document(handbook, [f"part{n} alpha" for n in range(10)])
    indexing.index(big.pk)
    embed, lengths = embedders["new"].embed_documents, []

    def count(texts):
        lengths.append(len(texts))
        return embed(texts)

    monkeypatch.setattr(embedders["new"], "embed_documents", count)
    monkeypatch.setattr(reembedding, "BATCH", 4)
    monkeypatch.setattr(reembedding, "SLICE_S", -1)  # over as soon as something is done
    choose(handbook, "new")
    turn = reembedding.prepare(handbook.pk)
    assert turn
    assert len(lengths) == 1
    assert reembedding.prepare(handbook.pk) is None, "it is nobody else's turn"
    run_to_the_end(handbook, since=turn)
    assert sum(lengths) == Chunk.objects.count(), "nothing is embedded twice"
    assert now(handbook).embedder == "new"
    assert found(handbook) == WORDS


def test_the_task_sends_itself_until_all_is_done(handbook, monkeypatch):
    monkeypatch.setattr(reembedding, "SLICE_S", -1)
    sent = []
    monkeypatch.setattr(tasks.prepare_embedder, "delay", lambda *args: sent.append(args))
    choose(handbook, "new")
    tasks.resume_preparations()
    assert sent == [(str(handbook.pk),)]
    for args in sent:
        tasks.prepare_embedder(*args)
    assert now(handbook).embedder == "new"


def test_choosing_sends_the_task(handbook, monkeypatch, django_capture_on_commit_callbacks):
    sent = []

    class Signature:
        def __init__(self, name, args):
            self.task = (name, *args)

        def delay(self):
            sent.append(self.task)

    monkeypatch.setattr(receivers, "signature", Signature)
    with django_capture_on_commit_callbacks(execute=True):
        choose(handbook, "new")
        choose(handbook, "new")
    assert sent == [("retrieval.tasks.prepare_embedder", str(handbook.pk))]


def test_an_upload_in_the_middle_is_found_at_once_and_afterwards(handbook, embedders, after):
    words = [*WORDS, "orchard"]
    choose(handbook, "new")

    def act():
        upload(handbook, "orchard")
        assert found(handbook, words) == words

    after(3, act)
    run_to_the_end(handbook)
    assert now(handbook).next_embedder == "new", "not before the new document is prepared too"
    assert found(handbook, words) == words
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new"
    assert found(handbook, words) == words
    assert points(embedders["new"], handbook) == 14


def test_a_document_that_is_read_again_in_the_middle(handbook, embedders, after):
    document = Document.objects.latest("created_at")
    words = [*WORDS[:-1], "orchard"]
    choose(handbook, "new")

    def act():
        parse(document, ["orchard alpha", "more about the orchard"])
        assert found(handbook) == WORDS, "the old version answers until the new one is whole"

    after(6, act)
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new", "the live version was prepared"
    assert found(handbook) == WORDS
    indexing.index(document.pk)
    assert found(handbook, words) == words
    assert points(embedders["new"], handbook) == 12


def test_a_document_that_was_read_again_is_prepared_once_it_is_through(handbook, embedders):
    document = Document.objects.latest("created_at")
    words = [*WORDS[:-1], "orchard"]
    choose(handbook, "new")
    parse(document, ["orchard alpha", "more about the orchard"])
    run_to_the_end(handbook)
    assert now(handbook).embedder == "old"
    assert preparation.progress(now(handbook)) == (5, 6)
    assert preparation.unattended() == [handbook.pk]
    assert found(handbook) == WORDS
    indexing.index(document.pk)
    assert found(handbook, words) == words
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new"
    assert found(handbook, words) == words
    assert points(embedders["new"], handbook) == 12


def test_what_is_indexed_while_the_exchange_happens_answers_by_the_new_embedder(
    handbook, embedders, monkeypatch
):
    """A worker that began with the old embedder does not let a document answer where nobody searches."""
    choose(handbook, "new")
    late = parsed_document(handbook, ["orchard alpha"])
    embed = embedders["old"].embed_documents

    def exchange_meanwhile(texts):
        run_to_the_end(handbook)
        return embed(texts)

    monkeypatch.setattr(embedders["old"], "embed_documents", exchange_meanwhile)
    indexing.index(late.pk)
    late.refresh_from_db()
    assert (late.status, now(handbook).embedder) == (Status.READY, "new")
    words = [*WORDS, "orchard"]
    assert found(handbook, words) == words
    assert list(stores.get_store(embedders["old"]).point_ids(late.pk)) == []


def test_a_deletion_in_the_middle_leaves_nothing_anywhere(handbook, embedders, after):
    choose(handbook, "new")
    gone = Document.objects.filter(chunks__text="leave alpha").get()
    prepared_already = Document.objects.latest("created_at")

    def act():
        for document in (gone, prepared_already):
            services.delete_document(document=document, user=None)
            indexing.remove_document(document.pk)

    after(3, act)
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new"
    assert found(handbook) == WORDS[1:-1]
    assert points(embedders["new"], handbook) == 8
    assert points(embedders["old"], handbook) == 8
    assert gone.pk not in stores.get_store(embedders["new"]).documents()


@pytest.fixture
def just_before_the_exchange(monkeypatch):
    """Runs something once, when all has been looked at and nothing but the exchange is left."""

    def register(action) -> None:
        real, actions = preparation.exchange, [action]

        def exchange(knowledge_base) -> bool:
            while actions:
                actions.pop()()
            return real(knowledge_base)

        monkeypatch.setattr(preparation, "exchange", exchange)

    return register


def test_a_document_that_becomes_ready_at_the_last_moment_is_waited_for(handbook, just_before_the_exchange):
    words = [*WORDS, "orchard"]
    choose(handbook, "new")
    just_before_the_exchange(lambda: upload(handbook, "orchard"))
    run_to_the_end(handbook)
    assert now(handbook).embedder == "old"
    assert found(handbook, words) == words
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new"
    assert found(handbook, words) == words


def test_a_document_that_is_indexed_again_keeps_what_is_prepared(handbook, just_before_the_exchange):
    document = Document.objects.first()
    choose(handbook, "new")

    def repair():
        assert services.index_again(document.pk)
        indexing.index(document.pk)

    just_before_the_exchange(repair)
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new"
    assert found(handbook) == WORDS


@pytest.mark.parametrize("all_of_it", [False, True])
def test_what_is_deleted_while_it_is_embedded_leaves_nothing(handbook, embedders, monkeypatch, all_of_it):
    """Its removal from the index came before these points did."""
    choose(handbook, "new")
    gone = Document.objects.get(chunks__text="leave alpha")
    embed = embedders["new"].embed_documents

    def delete_meanwhile(texts):
        if any("leave alpha" in text for text in texts):
            if all_of_it:
                services.delete_knowledge_base(knowledge_base=handbook, user=None)
                indexing.remove_knowledge_base(handbook.pk)
            else:
                services.delete_document(document=gone, user=None)
                indexing.remove_document(gone.pk)
        return embed(texts)

    monkeypatch.setattr(embedders["new"], "embed_documents", delete_meanwhile)
    run_to_the_end(handbook)
    assert gone.pk not in stores.get_store(embedders["new"]).documents()
    assert points(embedders["new"], handbook) == (0 if all_of_it else 10)


@pytest.mark.parametrize("batches", [0, 3, 5])
def test_a_crash_in_the_middle_is_mended(handbook, embedders, monkeypatch, batches):
    """The turn of a worker that died grows old, and the next one goes on with what is left."""
    choose(handbook, "new")
    embed, done = embedders["new"].embed_documents, []

    def die_at_last(texts):
        if len(done) == batches:
            raise DatabaseError("killed")
        done.append(len(texts))
        return embed(texts)

    with monkeypatch.context() as patch:
        patch.setattr(embedders["new"], "embed_documents", die_at_last)
        with pytest.raises(DatabaseError):
            reembedding.prepare(handbook.pk)
    assert found(handbook) == WORDS
    assert preparation.unattended() == []
    grow_old(handbook)
    assert preparation.unattended() == [handbook.pk]
    monkeypatch.setattr(
        embedders["new"], "embed_documents", lambda texts: done.append(len(texts)) or embed(texts)
    )
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new"
    assert sum(done) == 12, "nothing is embedded twice"
    assert found(handbook) == WORDS


def test_a_crash_after_the_points_and_before_the_row(handbook, embedders, monkeypatch):
    choose(handbook, "new")

    def die(*args, **kwargs):
        raise DatabaseError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(preparation, "mark_prepared", die)
        with pytest.raises(DatabaseError):
            reembedding.prepare(handbook.pk)
    grow_old(handbook)
    with monkeypatch.context() as patch:
        patch.setattr(preparation, "exchange", die)
        with pytest.raises(DatabaseError):
            reembedding.prepare(handbook.pk)
    assert found(handbook) == WORDS
    grow_old(handbook)
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new"
    assert found(handbook) == WORDS


def test_a_choice_that_is_taken_back(handbook, embedders, after):
    choose(handbook, "new")
    after(3, lambda: choose(handbook, "old"))
    run_to_the_end(handbook)
    assert (now(handbook).embedder, now(handbook).next_embedder) == ("old", "")
    assert found(handbook) == WORDS
    grow_old(handbook)
    assert preparation.unattended() == [handbook.pk]
    run_to_the_end(handbook)
    assert points(embedders["new"], handbook) == 0
    assert points(embedders["old"], handbook) == 12
    assert found(handbook) == WORDS
    assert preparation.unattended() == []


def test_another_choice_in_the_middle(handbook, embedders, after):
    choose(handbook, "new")
    after(3, lambda: choose(handbook, "third"))
    run_to_the_end(handbook)
    assert preparation.progress(now(handbook)) == (0, 6), "what was prepared was for another"
    run_to_the_end(handbook)
    assert now(handbook).embedder == "third"
    assert found(handbook) == WORDS
    grow_old(handbook)
    run_to_the_end(handbook)
    assert [points(embedders[name], handbook) for name in ("old", "new", "third")] == [0, 0, 12]


def test_there_and_back_needs_no_work_twice(handbook, embedders, monkeypatch):
    """Until the old points are cleared up."""
    choose(handbook, "new")
    run_to_the_end(handbook)
    monkeypatch.setattr(embedders["old"], "embed_documents", lambda texts: pytest.fail("embedded again"))
    choose(handbook, "old")
    run_to_the_end(handbook)
    assert now(handbook).embedder == "old"
    assert found(handbook) == WORDS


def test_another_knowledge_base_in_the_same_collection_is_untouched(handbook, embedders, team):
    other = KnowledgeBase.objects.create(team=team, name="Laws", embedder="old")
    theirs = ["statute", "verdict"]
    for word in theirs:
        upload(other, word)
    choose(handbook, "new")
    run_to_the_end(handbook)
    grow_old(handbook)
    run_to_the_end(handbook)
    assert points(embedders["old"], handbook) == 0
    assert points(embedders["old"], other) == 4
    assert points(embedders["new"], other) == 0
    assert found(other, theirs) == theirs
    assert (now(other).embedder, now(other).preparation_heartbeat_at) == ("old", None)


def test_an_embedder_that_does_not_answer_is_told_and_tried_again(handbook, embedders, monkeypatch):
    choose(handbook, "new")
    with monkeypatch.context() as patch:
        patch.setattr(embedders["new"], "embed_documents", _unavailable)
        run_to_the_end(handbook)
    assert now(handbook).preparation_error == "no answer"
    assert found(handbook) == WORDS
    assert upload(handbook, "orchard"), "the embedder that answers is all that an upload needs"
    assert preparation.unattended() == [], "not at once"
    grow_old(handbook)
    assert preparation.unattended() == [handbook.pk]
    run_to_the_end(handbook)
    assert (now(handbook).embedder, now(handbook).preparation_error) == ("new", "")
    assert found(handbook, [*WORDS, "orchard"]) == [*WORDS, "orchard"]


def _unavailable(texts):
    raise EmbedderUnavailable("no answer")


def test_words_alone_find_each_chunk_once_while_it_is_in_two_collections(
    handbook, embedders, after, monkeypatch
):
    choose(handbook, "new")
    results = []

    def look():
        with monkeypatch.context() as patch:
            patch.setattr(search_module, "embedder_for", _unavailable)
            options = search_module.SearchOptions(rerank=False, recall_limit=6)
            results.append(search("alpha", knowledge_bases=[now(handbook)], options=options))

    after(6, look)
    run_to_the_end(handbook)
    assert results[0].notices == ["dense_unavailable"]
    assert len(results[0].passages) == 5
    assert {passage.bm25_rank for passage in results[0].passages} <= set(range(1, 7))


def test_what_the_store_lost_is_prepared_again_before_the_exchange(handbook, embedders, after):
    choose(handbook, "new")
    document = Document.objects.first()
    after(6, lambda: stores.get_store(embedders["new"]).delete_document(document.pk))
    run_to_the_end(handbook)
    assert now(handbook).embedder == "old"
    assert preparation.progress(now(handbook)) == (5, 6)
    run_to_the_end(handbook)
    assert now(handbook).embedder == "new"
    assert found(handbook) == WORDS


def test_without_documents_the_choice_holds_at_once(knowledge_base):
    assert choose(knowledge_base, "new").embedder == "new"
    assert now(knowledge_base).next_embedder == ""


def test_a_page_that_was_opened_before_the_exchange_does_not_undo_it(handbook):
    """Saving a description writes that, not the rest of a row that was read long ago."""
    opened = now(handbook)
    choose(handbook, "new")
    run_to_the_end(handbook)
    services.update_knowledge_base(knowledge_base=opened, user=None, description="All rules")
    assert (now(handbook).embedder, now(handbook).description) == ("new", "All rules")
    assert found(handbook) == WORDS


def test_a_knowledge_base_that_is_deleted_in_the_middle(handbook, embedders, after):
    choose(handbook, "new")

    def act():
        services.delete_knowledge_base(knowledge_base=handbook, user=None)
        indexing.remove_knowledge_base(handbook.pk)

    after(3, act)
    run_to_the_end(handbook)
    assert not KnowledgeBase.objects.filter(pk=handbook.pk).exists()
    assert points(embedders["new"], handbook) == points(embedders["old"], handbook) == 0
