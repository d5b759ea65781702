"""Placement, batches and memory errors."""

import logging

import pytest
import torch

from rerank import inference
from rerank.inference import Placement, choose_placement, limit_threads, pad, plan_batches, run_batches

LENGTHS = [40, 400, 41, 399, 120, 8, 130, 42, 2000]


@pytest.mark.parametrize("budget", [1, 64, 500, 4096])
def test_every_row_is_in_one_batch_and_within_the_budget(budget):
    batches = plan_batches(LENGTHS, token_budget=budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(LENGTHS)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(LENGTHS[row] for row in batch) <= budget


def test_batches_are_of_like_length():
    lengths = [400] * 4 + [40] * 30
    batches = plan_batches(lengths, token_budget=10_000)
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    assert padded == sum(lengths)


def test_no_rows_no_batches():
    assert plan_batches([], token_budget=100) == []
    assert run_batches([], lambda rows: pytest.fail("called"), token_budget=100).tolist() == []


def test_results_come_back_in_the_order_given():
    result = run_batches(LENGTHS, lambda rows: torch.tensor([LENGTHS[row] for row in rows]), token_budget=500)
    assert result.tolist() == LENGTHS
    assert result.dtype == torch.float32


def test_rows_may_have_several_values():
    result = run_batches([3, 1, 2], lambda rows: torch.tensor([[row, -row] for row in rows]), token_budget=4)
    assert result.tolist() == [[0, 0], [1, -1], [2, -2]]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_halves_that_batch_alone_and_says_so(error, caplog):
    sizes = []

    def forward(rows):
        sizes.append(len(rows))
        if len(rows) > 2:
            raise error
        return torch.tensor([float(row) for row in rows])

    with caplog.at_level(logging.WARNING):
        result = run_batches([10] * 8, forward, token_budget=80)
    assert result.tolist() == list(range(8))
    assert sizes == [8, 4, 2, 2, 4, 2, 2]
    assert "Out of memory with 8 rows" in caplog.text


def test_one_row_too_large_is_an_error():
    def forward(rows):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        run_batches([10], forward, token_budget=80)


def test_other_errors_are_not_tried_again():
    calls = []

    def forward(rows):
        calls.append(rows)
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        run_batches([10] * 4, forward, token_budget=80)
    assert len(calls) == 1


def test_no_gradients_are_kept():
    weight = torch.ones(2, requires_grad=True)
    assert not run_batches([1], lambda rows: (weight * 2)[None], token_budget=10).requires_grad


@pytest.mark.parametrize(("able", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_cpu_computes_in_bf16_only_where_it_has_it(monkeypatch, able, dtype):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able, "amx_bf16": False})
    assert choose_placement().dtype == dtype


@pytest.mark.parametrize(("decoder", "dtype"), [(False, torch.float16), (True, torch.bfloat16)])
def test_a_gpu_computes_encoders_in_fp16_and_decoders_in_bf16(monkeypatch, decoder, dtype):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    placement = choose_placement(decoder=decoder)
    assert (placement.device.type, placement.dtype) == ("cuda", dtype)


def test_what_the_caller_names_is_kept():
    assert choose_placement(device="cpu", dtype=torch.float32) == Placement(
        torch.device("cpu"), torch.float32, inference.CPU_TOKENS
    )


def test_threads_are_bounded_by_the_container(monkeypatch):
    monkeypatch.setattr(inference.os, "sched_getaffinity", lambda pid: set(range(64)))
    monkeypatch.setattr(inference.Path, "read_text", lambda self: "200000 100000")
    assert inference.available_cores() == 2


def test_threads_follow_the_environment(monkeypatch):
    set_to = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert limit_threads() == 3
    assert set_to == [3]


def test_threads_are_set():
    before = torch.get_num_threads()
    try:
        assert limit_threads(1) == 1
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_padding_on_either_side():
    ids, mask = pad([[5, 6, 7], [8]], value=1)
    assert ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    ids, mask = pad([[5, 6, 7], [8]], value=1, left=True)
    assert ids.tolist() == [[5, 6, 7], [1, 1, 8]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
