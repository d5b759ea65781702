"""Fits the built-in second stage to pairs of questions and passages. Deterministic; minutes on a CPU.

    python -m retrieval.late_interaction_fit PAIRS.jsonl.gz...

Each file holds lines of {"query", "positive", "group"}; passages of one group are hard negatives.
The pairs must have nothing to do with what is measured later.
"""

import argparse
import gzip
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rerank.base import Platt
from retrieval import embedders
from retrieval.embedders.minilm import MiniLM
from retrieval.late_interaction import PATH, LateInteraction, Weights
from retrieval.metrics import auroc
from retrieval.sparse import document_vector, query_vector
from retrieval.token_match import FEATURES, OTHER_LANGUAGE

SEED = 0
GROUPS, PER_GROUP = 110, 4
"""Of each file: groups drawn, and passages of each."""
NEGATIVES = 7
"""From each recall list."""
IDF_TEXTS = 3000
"""Of each file."""
HIDDEN = 8
HELD_OUT = 0.25
DECAY = 0.12
LOST = 0.05
"""Answerable questions that the threshold may refuse. Few: what it lets through, the language model and
the check of its citations still judge."""
BINARY = 0.5
"""Weight of the loss that makes scores comparable between questions beside the one that ranks."""


@dataclass(frozen=True, slots=True)
class Pair:
    query: str
    positive: str
    group: str


@dataclass(frozen=True, slots=True)
class Example:
    """One question's candidates: features [c, F + 1], the first of which is the right passage's."""

    features: np.ndarray
    held_out: bool


def read_pairs(path: Path) -> tuple[list[Pair], list[str]]:
    """GROUPS groups of up to PER_GROUP pairs each, and IDF_TEXTS passages, drawn with the seed."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            groups[row["group"]].append(Pair(row["query"], row["positive"], row["group"]))
    draw = random.Random(SEED)
    names = sorted(name for name, pairs in groups.items() if len(pairs) >= 2)
    drawn = [pair for name in draw.sample(names, GROUPS) for pair in groups[name][:PER_GROUP]]
    passages = sorted({pair.positive for pairs in groups.values() for pair in pairs})
    return drawn, draw.sample(passages, min(IDF_TEXTS, len(passages)))


def document_frequencies(model: MiniLM, texts: Sequence[str]) -> np.ndarray:
    """IDF of every token [vocabulary], as in BM25; 0.2 for a token that every text has."""
    counts: Counter[int] = Counter()
    for row in model.tokenize(texts, max_length=model.max_length):
        counts.update(set(row))
    seen = np.zeros(len(model.input_vectors))
    seen[list(counts)] = list(counts.values())
    return np.maximum(np.log(1 + (len(texts) - seen + 0.5) / (seen + 0.5)), 0.2).astype(np.float32)


def lexical(texts: Sequence[str], query: str, index: list[dict[int, float]]) -> np.ndarray:
    """Overlap of BM25 weights with each text (no IDF: it only picks negatives)."""
    wanted = query_vector(query).indices
    return np.array([sum(weights.get(term, 0.0) for term in wanted) for weights in index])


def examples(stage: LateInteraction, pairs: Sequence[Pair]) -> Iterator[Example]:
    """Each pair's passage and what both recall lists confuse it with."""
    texts = list(dict.fromkeys(pair.positive for pair in pairs))
    place = {text: number for number, text in enumerate(texts)}
    vectors = np.stack([tokens.pooled.numpy() for tokens in stage.read(texts)])
    index = []
    for text in texts:
        weights = document_vector(text)
        index.append(dict(zip(weights.indices, weights.values, strict=True)))
    draw = random.Random(SEED)
    held = {group: draw.random() < HELD_OUT for group in sorted({pair.group for pair in pairs})}
    for pair, tokens in zip(pairs, stage.read([pair.query for pair in pairs]), strict=True):
        question, right = tokens.pooled.numpy(), place[pair.positive]
        lists = (vectors @ question, lexical(texts, pair.query, index))
        nearest = [row for scores in lists for row in np.argsort(-scores, kind="stable")[: NEGATIVES + 1]]
        wrong = [row for row in dict.fromkeys(map(int, nearest)) if row != right][: 2 * NEGATIVES]
        rows = stage.features(pair.query, [texts[row] for row in (right, *wrong)])
        yield Example(in_one_language(rows), held[pair.group])


def in_one_language(rows: np.ndarray) -> np.ndarray:
    """Candidates in the right passage's language alone.

    Across languages the right passage is by construction in the other one, and "prefer the other
    language" would be learned where it means nothing.
    """
    other = rows[:, OTHER_LANGUAGE]
    return rows[other == other[0]]


def fit(data: Sequence[Example], start: Weights) -> Weights:
    """Rank (softmax over a question's candidates) and separate (logistic), with weight decay, by LBFGS."""
    train = [example.features[:, :-1] for example in data if not example.held_out]
    stacked = np.concatenate(train)
    start = replace(start, mean=stacked.mean(0), scale=stacked.std(0) + 1e-6)
    longest = max(map(len, train))
    x = np.zeros((len(train), longest, len(FEATURES)), dtype=np.float32)
    mask = np.zeros((len(train), longest), dtype=bool)
    for row, features in enumerate(train):
        x[row, : len(features)] = (features - start.mean) / start.scale
        mask[row, : len(features)] = True
    inputs, real = torch.from_numpy(x), torch.from_numpy(mask)
    generator = torch.Generator().manual_seed(SEED)
    shapes = {"direct": (len(FEATURES),), "hidden": (len(FEATURES), HIDDEN), "hidden_bias": (HIDDEN,)}
    shapes |= {"out": (HIDDEN,), "bias": (1,)}
    values = {
        name: (torch.randn(shape, generator=generator) * 0.1).requires_grad_()
        for name, shape in shapes.items()
    }
    optimizer = torch.optim.LBFGS(values.values(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        hidden = torch.tanh(inputs @ values["hidden"] + values["hidden_bias"])
        logits = inputs @ values["direct"] + hidden @ values["out"]
        ranking = (logits.masked_fill(~real, -1e9).logsumexp(1) - logits[:, 0]).mean()
        labels = torch.zeros_like(logits)
        labels[:, 0] = 1
        apart = torch.nn.functional.binary_cross_entropy_with_logits(
            (logits + values["bias"])[real], labels[real]
        )
        total = ranking + BINARY * apart + DECAY * sum(v.square().sum() for v in values.values())
        total.backward()
        return total

    optimizer.step(loss)
    fitted: dict[str, Any] = {
        name: value.detach().numpy() for name, value in values.items() if name != "bias"
    }
    return replace(start, **fitted)


def calibrate(data: Sequence[Example], weights: Weights) -> Weights:
    """Platt's line on questions that were held out: is the best candidate the right one?

    Half of the questions (every second) lose their right passage first, as questions do whose answer the
    documents do not hold. The threshold is what all but LOST of the answerable questions reach.
    """
    held = [weights.logits(example.features) for example in data if example.held_out]
    tops = np.array([logits[1:].max() if n % 2 else logits.max() for n, logits in enumerate(held)])
    right = np.array([not n % 2 and logits.argmax() == 0 for n, logits in enumerate(held)])
    x, y = torch.from_numpy(tops.astype(np.float64)), torch.from_numpy(right.astype(np.float64))
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(line[0] * x + line[1], y)
        value.backward()
        return value

    optimizer.step(loss)
    slope, intercept = line.detach().tolist()
    chances = 1 / (1 + np.exp(-(slope * tops + intercept)))
    answered = np.arange(len(held)) % 2 == 0
    threshold = round(float(np.quantile(chances[answered], LOST)), 3)
    refused = (chances[~answered] < threshold).mean()
    first = np.mean([logits.argmax() == 0 for logits in held])
    print(f"{len(held)} questions held out: right passage first {first:.3f}", file=sys.stderr)
    print(f"refusal: AUROC {auroc(tops[answered], tops[~answered]):.3f},", file=sys.stderr, end=" ")
    print(f"the threshold {threshold:.3f} refuses {refused:.3f} of the others", file=sys.stderr)
    return replace(weights, calibration=Platt(slope, intercept), threshold=threshold)


def blank(idf: np.ndarray) -> Weights:
    """Weights that know the IDF and nothing else."""
    count = len(FEATURES)
    zeros = np.zeros(count, dtype=np.float32)
    nothing = np.zeros((count, HIDDEN), dtype=np.float32)
    ones, hidden = np.ones(count, dtype=np.float32), np.zeros(HIDDEN, dtype=np.float32)
    return Weights(idf, zeros, ones, zeros, nothing, hidden, hidden, Platt(), 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=PATH)
    parser.add_argument("--features", type=Path, help="keep the features here, or take them from here")
    given = parser.parse_args()
    model = embedders.get("minilm-zh")
    if given.features and given.features.exists():
        kept = np.load(given.features, allow_pickle=False)
        ends = np.cumsum(kept["counts"])[:-1]
        data = [Example(f, bool(h)) for f, h in zip(np.split(kept["rows"], ends), kept["held"], strict=True)]
        start = blank(kept["idf"])
    else:
        files = [read_pairs(path) for path in given.pairs]
        start = blank(document_frequencies(model, [text for _, texts in files for text in texts]))
        stage = LateInteraction(model, start, remembered_tokens=2_000_000)
        data = [example for pairs, _ in files for example in examples(stage, pairs)]
        if given.features:
            np.savez(
                given.features,
                rows=np.concatenate([example.features for example in data]),
                counts=[len(example.features) for example in data],
                held=[example.held_out for example in data],
                idf=start.idf,
            )
    calibrate(data, fit(data, start)).save(given.out)


if __name__ == "__main__":
    main()
