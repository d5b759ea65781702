"""The rerankers that this product knows by name, with what a person needs to choose one.

Figures are their publishers' or the named study's, each on its own data: compare within one source
only. Nothing here was measured by this product; its evaluation page does that on your questions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from rerank.recipes import Recipe
from rerank.storage import Progress, find
from rerank.storage import download as download_files

FP32, HALF = 4, 2


def gettext_noop(sentence: str) -> str:
    """Mark a sentence for translation; whoever shows it translates it (rerank knows no Django)."""
    return sentence


@dataclass(frozen=True, slots=True)
class Figure:
    """A published result: ``metric`` and ``value`` as printed, and where."""

    metric: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class RerankerSpec:
    """One model. ``languages`` are ISO 639-1 codes, None means many; ``checkpoint_bytes`` per parameter
    on disk; ``threshold`` a probability that its publisher recommends."""

    name: str
    recipe: Recipe
    languages: tuple[str, ...] | None
    licence: str
    parameters: int
    checkpoint_bytes: int
    max_length: int
    commercial: bool = True
    threshold: float | None = None
    figures: tuple[Figure, ...] = ()
    note: str = ""

    @property
    def disk_bytes(self) -> int:
        """About what a download takes."""
        return self.parameters * self.checkpoint_bytes

    @property
    def memory_bytes(self) -> int:
        """About what the weights take while it runs: half precision where the machine has it."""
        return self.parameters * HALF

    @property
    def url(self) -> str:
        """The model's card."""
        return f"https://huggingface.co/{self.name}"


def on_this_machine(spec: RerankerSpec, *, models_dir: Path | None = None) -> Path | None:
    """The folder that holds the model whole, or None."""
    return find(spec.name, models_dir=models_dir)


def download(
    spec: RerankerSpec,
    *,
    models_dir: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Fetch the model's files; see `rerank.storage.download`."""
    return download_files(spec.name, models_dir=models_dir, on_progress=on_progress, cancelled=cancelled)


QANYTHING = "QAnything evaluation, average of 12 sets"
LLAMAINDEX = "LlamaIndex protocol, Chinese and English domains, over bce-embedding (85.91 / 62.36 alone)"
BAAI = "BEIR average, as published for BGE rerankers (54.31 before reranking)"
SBERT = "sentence-transformers documentation"
QWEN = "Qwen3-Reranker model card"
MXBAI = "mixedbread model card"
MANY = None

ROWS = [
    RerankerSpec(
        "BAAI/bge-reranker-v2-m3",
        "encoder",
        MANY,
        "Apache-2.0",
        568_000_000,
        FP32,
        8192,
        figures=(
            Figure("Hit rate / MRR @5", "91.02 / 71.43", LLAMAINDEX),
            Figure("nDCG@10", "55.36", BAAI),
        ),
        note=gettext_noop("A good first choice for mixed languages. Its publisher evaluates at 1024 tokens."),
    ),
    RerankerSpec(
        "BAAI/bge-reranker-large",
        "encoder",
        ("zh", "en"),
        "MIT",
        560_000_000,
        FP32,
        512,
        figures=(
            Figure("score", "60.86", QANYTHING),
            Figure("Hit rate / MRR @5", "91.80 / 71.13", LLAMAINDEX),
        ),
    ),
    RerankerSpec(
        "BAAI/bge-reranker-base",
        "encoder",
        ("zh", "en"),
        "MIT",
        278_000_000,
        FP32,
        512,
        figures=(Figure("score", "59.04", QANYTHING),),
    ),
    RerankerSpec(
        "maidalun1020/bce-reranker-base_v1",
        "windows",
        ("zh", "en", "ja", "ko"),
        "Apache-2.0",
        279_000_000,
        FP32,
        512,
        threshold=0.35,
        figures=(
            Figure("score", "61.29", QANYTHING),
            Figure("Hit rate / MRR @5", "93.46 / 77.02", LLAMAINDEX),
        ),
        note=gettext_noop("Long passages are read in overlapping windows, so their length is not limited."),
    ),
    RerankerSpec(
        "hotchpotch/japanese-reranker-cross-encoder-xsmall-v1",
        "encoder",
        ("ja",),
        "MIT",
        107_000_000,
        FP32,
        512,
        note=gettext_noop("Six layers: small and fast, Japanese only."),
    ),
    RerankerSpec(
        "mixedbread-ai/mxbai-rerank-base-v1",
        "encoder",
        ("en",),
        "Apache-2.0",
        184_000_000,
        HALF,
        512,
        figures=(Figure("nDCG@10, 11 BEIR sets", "46.9", MXBAI),),
    ),
    RerankerSpec(
        "mixedbread-ai/mxbai-rerank-large-v1",
        "encoder",
        ("en",),
        "Apache-2.0",
        435_000_000,
        HALF,
        512,
        figures=(Figure("nDCG@10, 11 BEIR sets", "48.8", MXBAI),),
    ),
    RerankerSpec(
        "mixedbread-ai/mxbai-rerank-base-v2",
        "mxbai_v2",
        MANY,
        "Apache-2.0",
        494_000_000,
        HALF,
        8192,
        figures=(Figure("nDCG@10, BEIR", "55.57", MXBAI),),
        note=gettext_noop("A language model: best on a GPU."),
    ),
    RerankerSpec(
        "mixedbread-ai/mxbai-rerank-large-v2",
        "mxbai_v2",
        MANY,
        "Apache-2.0",
        1_540_000_000,
        HALF,
        8192,
        figures=(Figure("nDCG@10, BEIR", "57.49", MXBAI),),
        note=gettext_noop("A language model: best on a GPU."),
    ),
    RerankerSpec(
        "amberoad/bert-multilingual-passage-reranking-msmarco",
        "two_label",
        MANY,
        "Apache-2.0",
        167_000_000,
        FP32,
        512,
        note=gettext_noop("Over 100 languages, trained on translated web questions."),
    ),
    RerankerSpec(
        "cross-encoder/ms-marco-MiniLM-L6-v2",
        "encoder",
        ("en",),
        "Apache-2.0",
        22_700_000,
        FP32,
        512,
        figures=(
            Figure("nDCG@10, TREC DL 2019", "74.30", SBERT),
            Figure("MRR@10, MS MARCO dev", "39.01", SBERT),
        ),
        note=gettext_noop("The fastest on a CPU, English only."),
    ),
    RerankerSpec(
        "cross-encoder/ms-marco-MiniLM-L12-v2",
        "encoder",
        ("en",),
        "Apache-2.0",
        33_400_000,
        FP32,
        512,
        figures=(
            Figure("nDCG@10, TREC DL 2019", "74.31", SBERT),
            Figure("MRR@10, MS MARCO dev", "39.02", SBERT),
        ),
    ),
    RerankerSpec(
        "Alibaba-NLP/gte-reranker-modernbert-base",
        "encoder",
        ("en",),
        "Apache-2.0",
        149_000_000,
        HALF,
        8192,
    ),
    RerankerSpec(
        "Alibaba-NLP/gte-multilingual-reranker-base",
        "gte",
        MANY,
        "Apache-2.0",
        306_000_000,
        HALF,
        8192,
        note=gettext_noop("Over 70 languages and long passages; read without the code it ships."),
    ),
    RerankerSpec(
        "BAAI/bge-reranker-v2-gemma",
        "yes_logit",
        MANY,
        "Apache-2.0",
        2_500_000_000,
        FP32,
        1024,
        figures=(Figure("nDCG@10", "60.71", BAAI),),
        note=gettext_noop("A language model: needs a GPU. Built on Gemma: read Google's Gemma terms too."),
    ),
    RerankerSpec(
        "BAAI/bge-reranker-v2-minicpm-layerwise",
        "layerwise",
        MANY,
        "Apache-2.0",
        2_700_000_000,
        FP32,
        1024,
        figures=(Figure("nDCG@10 at layer 28", "59.86", BAAI),),
        note=gettext_noop(
            "A language model that can be cut after any layer from 8 to 40 (option cutoff_layer, 28 unless "
            "set); needs a GPU. Built on MiniCPM: read its model licence too."
        ),
    ),
    RerankerSpec(
        "Qwen/Qwen3-Reranker-0.6B",
        "qwen3",
        MANY,
        "Apache-2.0",
        596_000_000,
        HALF,
        8192,
        figures=(Figure("MTEB-R / CMTEB-R", "65.80 / 71.31", QWEN),),
        note=gettext_noop("A language model: best on a GPU. Takes an instruction of your own."),
    ),
    RerankerSpec(
        "Qwen/Qwen3-Reranker-4B",
        "qwen3",
        MANY,
        "Apache-2.0",
        4_020_000_000,
        HALF,
        8192,
        figures=(Figure("MTEB-R / CMTEB-R", "69.76 / 75.94", QWEN),),
        note=gettext_noop("A language model: needs a GPU. Takes an instruction of your own."),
    ),
    RerankerSpec(
        "Qwen/Qwen3-Reranker-8B",
        "qwen3",
        MANY,
        "Apache-2.0",
        8_190_000_000,
        HALF,
        8192,
        figures=(Figure("MTEB-R / CMTEB-R", "69.02 / 77.45", QWEN),),
        note=gettext_noop("A language model: needs a GPU. Takes an instruction of your own."),
    ),
]

CATALOGUE: Mapping[str, RerankerSpec] = MappingProxyType({spec.name: spec for spec in ROWS})
"""Every known reranker by its name on the hub."""
