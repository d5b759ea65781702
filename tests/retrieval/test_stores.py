"""The contract of a vector store, held by both engines, and the congruence of the two."""

import threading
from uuid import UUID, uuid5

import numpy as np
import pytest

from retrieval import stores
from retrieval.sparse import SparseVector, document_vector, query_vector
from retrieval.stores.base import Hit, Point, StoreUnavailable
from tests.fakes import HashingEmbedder

# The test server is older than the client likes; a server that is down cannot say its version.
pytestmark = pytest.mark.filterwarnings("ignore:Qdrant client version", "ignore:Failed to obtain server")

SPACE = UUID("5c5d2b0e-6a7c-4f7e-9d2e-0d9a3a1b7a11")
RESEARCH, LEGAL = uuid5(SPACE, "research"), uuid5(SPACE, "legal")
REPORT, STATUTE = uuid5(SPACE, "report"), uuid5(SPACE, "statute")
TEXTS = [
    "annual leave is twenty five days a year",
    "the annual report is due in april",
    "travel costs are paid back within a month",
    "年假为每年二十五天",
    "年度报告应当在四月前提交",
]


def point(
    document: UUID, ordinal: int, text: str, *, knowledge_base=RESEARCH, version=1, embedder=None
) -> Point:
    embedder = embedder or HashingEmbedder()
    return Point(
        id=uuid5(document, f"{version}/{ordinal}"),
        knowledge_base_id=knowledge_base,
        document_id=document,
        version=version,
        dense=embedder.embed_query(text),
        sparse=document_vector(text),
    )


@pytest.fixture(params=["edge", pytest.param("server", marks=pytest.mark.services)])
def store(request, settings):
    """A fresh store of each engine, opened the way the product does."""
    if request.param == "server":
        settings.QDRANT_URL = request.getfixturevalue("qdrant_url")
    else:
        settings.QDRANT_URL = ""
    name = f"contract-{request.node.name}"
    yield stores.get_store(HashingEmbedder(name))
    stores.close_all()


@pytest.fixture
def filled(store):
    store.upsert([point(REPORT, ordinal, text) for ordinal, text in enumerate(TEXTS)])
    store.upsert([point(STATUTE, 0, "annual leave for lawyers", knowledge_base=LEGAL)])
    return store


def test_dense_search_finds_the_text_itself_first(filled):
    vector = HashingEmbedder().embed_query(TEXTS[2])
    hits = filled.search_dense(vector, knowledge_base_ids=[RESEARCH], limit=3)
    assert hits[0].id == uuid5(REPORT, "1/2")
    assert hits[0].score == pytest.approx(1.0, abs=1e-3)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len(hits) == 3


@pytest.mark.parametrize(
    ("query", "ordinals"),
    [("annual reports", [1, 0]), ("年度报告什么时候提交", [4]), ("paid travel cost", [2])],
)
def test_sparse_search_finds_words_in_both_languages(filled, query, ordinals):
    hits = filled.search_sparse(query_vector(query), knowledge_base_ids=[RESEARCH], limit=5)
    assert [hit.id for hit in hits] == [uuid5(REPORT, f"1/{ordinal}") for ordinal in ordinals]


def test_rarer_words_weigh_more(filled):
    hits = filled.search_sparse(query_vector("annual april"), knowledge_base_ids=[RESEARCH], limit=5)
    assert hits[0].id == uuid5(REPORT, "1/1")
    assert hits[0].score > 2 * hits[1].score


def test_a_search_sees_the_knowledge_bases_that_are_named_and_no_other(filled):
    def found(*knowledge_bases: UUID) -> set[UUID]:
        dense = HashingEmbedder().embed_query("annual leave")
        sparse = query_vector("annual leave")
        by_dense = filled.search_dense(dense, knowledge_base_ids=knowledge_bases, limit=10)
        by_sparse = filled.search_sparse(sparse, knowledge_base_ids=knowledge_bases, limit=10)
        return {hit.id for hit in by_dense + by_sparse}

    lawyers = uuid5(STATUTE, "1/0")
    assert found(LEGAL) == {lawyers}
    assert lawyers not in found(RESEARCH)
    assert found(RESEARCH, LEGAL) == found(RESEARCH) | {lawyers}
    assert found(uuid5(SPACE, "nobody's")) == set()
    assert found() == set()


def test_a_search_without_a_tenant_is_a_type_error(store):
    with pytest.raises(TypeError):
        store.search_dense(HashingEmbedder().embed_query("x"), limit=1)
    with pytest.raises(TypeError):
        store.search_sparse(query_vector("x"), limit=1)


def test_a_query_of_stop_words_finds_nothing(filled):
    vector = query_vector("the of 的")
    assert vector.indices == []
    assert filled.search_sparse(vector, knowledge_base_ids=[RESEARCH], limit=5) == []


def test_a_text_without_words_is_kept_and_found_by_its_dense_vector(store):
    store.upsert([point(REPORT, 0, "!!!")])
    assert store.count() == 1
    hits = store.search_dense(HashingEmbedder().embed_query("!!!"), knowledge_base_ids=[RESEARCH], limit=1)
    assert len(hits) == 1


def test_writing_twice_is_writing_once(filled):
    before = filled.count()
    filled.upsert([point(REPORT, ordinal, text) for ordinal, text in enumerate(TEXTS)])
    assert filled.count() == before == 6


def test_an_update_replaces_the_vectors(filled):
    filled.upsert([point(REPORT, 0, "submarines and periscopes")])
    hits = filled.search_sparse(query_vector("periscopes"), knowledge_base_ids=[RESEARCH], limit=5)
    assert [hit.id for hit in hits] == [uuid5(REPORT, "1/0")]


def test_ties_are_broken_by_id_also_at_the_cut(store):
    store.upsert([point(REPORT, ordinal, "the same words") for ordinal in range(12)])
    ids = sorted(uuid5(REPORT, f"1/{ordinal}") for ordinal in range(12))
    dense = store.search_dense(
        HashingEmbedder().embed_query("same words"), knowledge_base_ids=[RESEARCH], limit=5
    )
    sparse = store.search_sparse(query_vector("same words"), knowledge_base_ids=[RESEARCH], limit=5)
    assert [hit.id for hit in dense] == ids[:5]
    assert [hit.id for hit in sparse] == ids[:5]


def test_a_document_is_deleted_but_for_one_version(filled):
    filled.upsert([point(REPORT, ordinal, text, version=2) for ordinal, text in enumerate(TEXTS[:3])])
    assert filled.count(document_id=REPORT) == 8
    filled.delete_document(REPORT, keep_version=2)
    assert set(filled.point_ids(REPORT)) == {uuid5(REPORT, f"2/{ordinal}") for ordinal in range(3)}
    filled.delete_document(REPORT)
    assert filled.count(document_id=REPORT) == 0
    assert filled.count() == 1
    filled.delete_document(REPORT)  # what is gone may be deleted again


def test_a_knowledge_base_is_deleted_with_all_its_points(filled):
    filled.delete_knowledge_base(RESEARCH)
    assert filled.count(knowledge_base_id=RESEARCH) == 0
    assert filled.count(knowledge_base_id=LEGAL) == 1


def test_point_ids_come_all_of_them(store):
    many = [point(REPORT, ordinal, f"word{ordinal}") for ordinal in range(2300)]
    for start in range(0, len(many), 500):
        store.upsert(many[start : start + 500])
    assert set(store.point_ids(REPORT)) == {row.id for row in many}
    assert store.documents() == {REPORT: 2300}


def test_documents_are_listed_with_their_points(filled):
    assert filled.documents() == {REPORT: 5, STATUTE: 1}
    filled.delete_document(STATUTE)
    assert filled.documents() == {REPORT: 5}


def test_an_empty_store_answers(store):
    assert store.count() == 0
    assert store.documents() == {}
    assert list(store.point_ids(REPORT)) == []
    vector = HashingEmbedder().embed_query("x")
    assert store.search_dense(vector, knowledge_base_ids=[RESEARCH], limit=5) == []


def test_one_store_for_each_embedder(store, request):
    name = f"contract-{request.node.name}"
    assert stores.get_store(HashingEmbedder(name)) is store
    other = stores.get_store(HashingEmbedder(f"{name}-other"))
    assert other is not store
    other.upsert([point(REPORT, 0, TEXTS[0])])
    assert store.count() == 0
    assert {store, other} <= set(stores.all_stores())


def test_many_threads_get_one_store(settings, request):
    settings.QDRANT_URL = ""
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(stores.get_store(HashingEmbedder("shared"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1
    stores.close_all()


def test_a_name_is_no_path(settings):
    settings.QDRANT_URL = ""
    store = stores.get_store(HashingEmbedder("connection:../../x y"))
    store.upsert([point(REPORT, 0, TEXTS[0])])
    assert [path.name for path in (settings.DATA_DIR / "vectors").iterdir()] == ["connection_.._.._x_y-64"]
    stores.close_all()


@pytest.mark.services
def test_both_engines_agree(settings, qdrant_url):
    """The same 600 points and 60 queries: the same ids in the same order, and scores within 1e-3."""
    rng = np.random.default_rng(7)
    words = np.array([f"word{n}" for n in range(400)] + list("年度报告公司股东员工假期差旅费用审计"))
    embedder = HashingEmbedder("congruence", dimension=128)
    texts = [" ".join(rng.choice(words, rng.integers(3, 60))) for _ in range(600)]
    knowledge_bases = [RESEARCH, LEGAL]
    points = [
        point(REPORT, n, text, knowledge_base=knowledge_bases[n % 2], embedder=embedder)
        for n, text in enumerate(texts)
    ]
    queries = [" ".join(rng.choice(words, rng.integers(1, 8))) for _ in range(60)]

    def answers(url: str) -> list[list[Hit]]:
        settings.QDRANT_URL = url
        store = stores.get_store(embedder)
        store.upsert(points)
        found = []
        for query in queries:
            for asked in ([RESEARCH], knowledge_bases):
                dense = embedder.embed_query(query)
                found.append(store.search_dense(dense, knowledge_base_ids=asked, limit=20))
                found.append(store.search_sparse(query_vector(query), knowledge_base_ids=asked, limit=20))
        return found

    edge, server = answers(""), answers(qdrant_url)
    assert len(edge) == 240
    assert all(edge)
    for ours, theirs in zip(edge, server, strict=True):
        assert [hit.id for hit in ours] == [hit.id for hit in theirs]
        assert [hit.score for hit in ours] == pytest.approx([hit.score for hit in theirs], abs=1e-3)
    stores.close_all()


def test_a_server_that_is_down_is_unavailable(settings):
    settings.QDRANT_URL = "http://127.0.0.1:9"
    store = stores.get_store(HashingEmbedder())
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9 does not answer"):
        store.search_sparse(SparseVector([1], [1.0]), knowledge_base_ids=[RESEARCH], limit=1)
    with pytest.raises(StoreUnavailable):
        stores.all_stores()
    stores.close_all()
