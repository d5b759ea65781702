"""Where and how a model runs: device, number type, threads, batches.

Shared by the rerankers and by the built-in embedder. Nothing here knows what a model scores.
"""

import logging
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

logger = logging.getLogger(__name__)

CPU_TOKENS = 4096
GPU_TOKENS = 32768
"""Padded tokens in one batch: enough to fill the arithmetic units, little enough to stay small."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The device and number type that a model's body computes in, and padded tokens per batch."""

    device: torch.device
    dtype: torch.dtype
    token_budget: int


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 itself (AVX512-BF16 or AMX).

    Without it bfloat16 is emulated and far slower than float32.
    """
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def choose_placement(
    *, device: str | None = None, dtype: torch.dtype | None = None, decoder: bool = False
) -> Placement:
    """The fastest honest placement on this machine; what the caller names is kept.

    CUDA: fp16 for encoders, bf16 for decoders (their activations overflow fp16). CPU: bf16 where
    the processor has it. Else fp32.
    """
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    where = torch.device(device)
    if dtype is None:
        if where.type == "cuda":
            dtype = torch.bfloat16 if decoder and torch.cuda.is_bf16_supported() else torch.float16
        elif where.type == "cpu" and cpu_has_bf16():
            dtype = torch.bfloat16
        else:
            dtype = torch.float32
    return Placement(where, dtype, GPU_TOKENS if where.type == "cuda" else CPU_TOKENS)


def available_cores() -> int:
    """Cores this process may use: its affinity mask, and the quota of its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        pass  # no control group that limits us
    return cores


def limit_threads(threads: int = 0) -> int:
    """Bound the threads of one model call; 0 takes OMP_NUM_THREADS, else the cores that are really ours.

    PyTorch counts the cores of the machine, not those of the container: more threads than cores
    make every call slower.
    """
    threads = threads or int(os.environ.get("OMP_NUM_THREADS", 0)) or available_cores()
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return threads


def plan_batches(lengths: Sequence[int], *, token_budget: int, full_enough: int = 1024) -> list[list[int]]:
    """Row numbers in batches, longest rows first, each batch at most ``token_budget`` padded tokens.

    A batch that already holds ``full_enough`` tokens also ends where the next row is under 7/8 of
    its longest one: past that size a bigger batch gains less than its padding costs.
    A row longer than the budget goes alone.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    batches: list[list[int]] = []
    longest = 0
    for row in order:
        tokens = longest * len(batches[-1]) if batches else 0
        if (
            not batches
            or tokens + longest > token_budget
            or (tokens >= full_enough and lengths[row] * 8 < longest * 7)
        ):
            batches.append([])
            longest = lengths[row]
        batches[-1].append(row)
    return batches


def run_batches(
    lengths: Sequence[int], forward: Callable[[list[int]], torch.Tensor], *, token_budget: int
) -> torch.Tensor:
    """``forward`` over length-sorted batches; results as fp32 on the CPU, in the order of ``lengths``.

    ``forward`` gets row numbers and returns [rows, ...]. Out of memory halves that batch and says
    so in the log; any other error is the caller's. Returns [len(lengths), ...].
    """
    results: list[torch.Tensor | None] = [None] * len(lengths)
    waiting = plan_batches(lengths, token_budget=token_budget)[::-1]
    with torch.inference_mode():
        while waiting:
            batch = waiting.pop()
            try:
                output = forward(batch).float().cpu()
            except RuntimeError as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
                output = None
            if output is None:  # outside the handler, where the failed batch's tensors are released
                half = len(batch) // 2
                logger.warning("Out of memory with %d rows in a batch: going on with %d", len(batch), half)
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
                waiting += [batch[half:], batch[:half]]
                continue
            for row, result in zip(batch, output, strict=True):
                results[row] = result
    return torch.stack([result for result in results if result is not None]) if results else torch.empty(0)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the device, or the CPU's allocator (which has no error type of its own), ran out."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def pad(
    rows: Sequence[Sequence[int]], *, value: int, left: bool = False, device: torch.device | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and their attention mask, int64 [rows, longest], padded on the right unless ``left``."""
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), value, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for number, row in enumerate(rows):
        place = slice(longest - len(row), None) if left else slice(len(row))
        ids[number, place] = torch.tensor(row, dtype=torch.long)
        mask[number, place] = 1
    return ids.to(device), mask.to(device)
