"""Fusion: scores weighed, ranks and scores kept with their candidate."""

from uuid import UUID

import pytest

from retrieval.fusion import DENSE_WEIGHT, fuse
from retrieval.stores.base import Hit

A, B, C, D = (UUID(int=number) for number in range(1, 5))
QUERY = "annual leave policy"


def ids(fused):
    return [candidate.id for candidate in fused]


def test_both_lists_count_and_each_candidate_keeps_its_own_numbers():
    fused = fuse(QUERY, dense=[Hit(A, 0.9), Hit(B, 0.5)], sparse=[Hit(B, 9.0), Hit(C, 3.0)], limit=2)
    found = {candidate.id: candidate for candidate in fused}
    assert (found[A].dense_score, found[A].dense_rank) == (0.9, 1)
    assert (found[A].bm25_score, found[A].bm25_rank) == (None, None)
    assert (found[B].dense_rank, found[B].bm25_rank, found[B].bm25_score) == (2, 1, 9.0)
    assert found[B].score == pytest.approx(DENSE_WEIGHT * 0.5 + 9.0 / 3)
    assert found[C].score == pytest.approx(DENSE_WEIGHT * 0.5 + 3.0 / 3)  # the dense list's lowest


def test_what_a_full_list_lacks_gets_its_lowest_and_what_a_whole_list_lacks_gets_nothing():
    dense, sparse = [Hit(A, 0.5), Hit(B, 0.5)], [Hit(B, 6.0)]
    whole = {row.id: row.score for row in fuse(QUERY, dense=dense, sparse=sparse, limit=50)}
    full = {row.id: row.score for row in fuse(QUERY, dense=dense, sparse=sparse, limit=1)}
    assert whole[B] - whole[A] == pytest.approx(2.0)
    assert full[B] == pytest.approx(full[A])


def test_one_list_alone_keeps_its_order():
    hits = [Hit(C, 8.0), Hit(A, 5.0), Hit(B, 1.0)]
    assert ids(fuse(QUERY, dense=[], sparse=hits, limit=50)) == [C, A, B]
    assert ids(fuse(QUERY, dense=hits, sparse=[], limit=50)) == [C, A, B]


def test_a_sure_match_of_words_beats_a_slightly_nearer_vector():
    dense = [Hit(A, 0.62), Hit(B, 0.55)]
    assert ids(fuse(QUERY, dense=dense, sparse=[Hit(B, 20.0), Hit(A, 4.0)], limit=50))[0] == B


def test_ties_go_by_id_and_nothing_gives_nothing():
    assert ids(fuse(QUERY, dense=[Hit(D, 0.5), Hit(A, 0.5)], sparse=[], limit=50)) == [A, D]
    assert fuse("", dense=[], sparse=[], limit=50) == []
