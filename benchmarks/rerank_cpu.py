"""Reranking 50 passages on this CPU: ours against sentence-transformers and FlagEmbedding, one run.

    python -m benchmarks.rerank_cpu [--repeat 5] [--threads N] [--size L6] [--passages 50]

Random weights of the true sizes (speed does not depend on their values); passages of 40 to 400 tokens.
All three read the same checkpoint from disk and start from text. Prints pairs per second, the ratio to
each peer's default, and Kendall's tau of our ranking against fp32. On a busy machine trust the ratios.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from scipy.stats import kendalltau
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

import rerank
from rerank.inference import available_cores, cpu_has_bf16

SIZES = {
    "L6-H384 (MiniLM-L6)": (BertConfig, BertForSequenceClassification, 6, 384, 12),
    "L12-H768 (bge-reranker-base)": (XLMRobertaConfig, XLMRobertaForSequenceClassification, 12, 768, 12),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--passages", type=int, default=50)
    parser.add_argument("--size", default="", help="only the sizes whose name begins so")
    options = parser.parse_args()
    chooser = random.Random(3)
    words = ["".join(chooser.choices("abcdefghijklmnoprstuvw", k=chooser.randint(2, 9))) for _ in range(4000)]
    query = " ".join(chooser.choices(words, k=12))
    texts = [" ".join(chooser.choices(words, k=chooser.randint(40, 400))) for _ in range(options.passages)]
    tokenizer = train_tokenizer(words)
    texts = [cut(tokenizer, text, chooser.randint(40, 400)) for text in texts]
    print(f"{available_cores()} cores, bf16: {cpu_has_bf16()}, torch {torch.__version__}")
    for title, shape in SIZES.items():
        if not title.startswith(options.size):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = write_checkpoint(Path(folder) / "model", tokenizer, *shape)
            compare(title, path, query, texts, options)


def compare(title: str, path: Path, query: str, texts: list[str], options: argparse.Namespace) -> None:
    """Time all of them in turns, so that a busy moment hits each."""
    ours = rerank.get(str(path), threads=options.threads)
    exact = rerank.get(str(path), threads=options.threads, dtype=torch.float32)
    runs: dict[str, Callable[[], list[float]]] = {
        "ours": lambda: ours.score(query, texts),
        "ours, fp32": lambda: exact.score(query, texts),
        **peers(path, query, texts),
    }
    scores = {name: run() for name, run in runs.items()}  # also the warm-up
    times: dict[str, list[float]] = {name: [] for name in runs}
    work: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.repeat):
        for name, run in runs.items():
            start, used = time.perf_counter(), time.process_time()
            run()
            times[name].append(time.perf_counter() - start)
            work[name].append(time.process_time() - used)
    print(f"\n{title}, {len(texts)} passages")
    wall = {name: statistics.median(values) for name, values in times.items()}
    cpu = {name: statistics.median(values) for name, values in work.items()}
    for name in runs:
        tau = kendalltau(scores[name], scores["ours, fp32"]).statistic
        print(
            f"  {name:32} {len(texts) / wall[name]:7.1f} pairs/s  wall {wall[name] * 1000:7.0f} ms "
            f"= {wall[name] / wall['ours']:5.2f} x ours  cpu {cpu[name] * 1000:7.0f} ms "
            f"= {cpu[name] / cpu['ours']:5.2f} x ours  tau to fp32 {tau:.4f}",
            flush=True,
        )
    rerank.release_all()


def peers(path: Path, query: str, texts: list[str]) -> dict[str, Callable[[], list[float]]]:
    """Those that are installed, each with its defaults."""
    pairs = [(query, text) for text in texts]
    found: dict[str, Callable[[], list[float]]] = {}
    try:
        from sentence_transformers import CrossEncoder

        cross_encoder = CrossEncoder(str(path), device="cpu", activation_fn=torch.nn.Identity())
        found["sentence-transformers, default"] = lambda: cross_encoder.predict(
            pairs, show_progress_bar=False
        ).tolist()
    except ImportError:
        print("sentence-transformers is not installed")
    try:
        from FlagEmbedding import FlagReranker

        flag = FlagReranker(str(path), devices="cpu")
        found["FlagEmbedding, default"] = lambda: flag.compute_score(pairs)
    except ImportError:
        print("FlagEmbedding is not installed")
    return found


def train_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    """Subwords of the made-up words, framed as XLM-R frames a pair."""
    core = Tokenizer(models.BPE(unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    core.train_from_iterator(words, trainers.BpeTrainer(vocab_size=3000, special_tokens=special))
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=512,
    )


def cut(tokenizer: PreTrainedTokenizerFast, text: str, tokens: int) -> str:
    """The beginning of ``text``, ``tokens`` long."""
    encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    return text[: encoding.offsets[min(tokens, len(encoding.ids)) - 1][1]]


def write_checkpoint(
    folder: Path, tokenizer: PreTrainedTokenizerFast, config_class, model_class, layers, hidden, heads
) -> Path:
    torch.manual_seed(5)
    config = config_class(
        vocab_size=len(tokenizer),
        num_hidden_layers=layers,
        hidden_size=hidden,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=514,
        pad_token_id=1,
        num_labels=1,
        initializer_range=0.06,
    )
    model_class(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
