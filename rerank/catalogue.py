"""The rerankers that this product knows by name, with what a person needs to choose one.

Licences, lengths and languages are those of the model cards. Parameters are the cards' too, or, where a
card names none, counted from the architecture; bytes per parameter follow from the size of the
published weights. Figures are the named source's, each on its own data: compare within one source only.
Nothing here was measured by this product; its evaluation page does that on your questions.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from rerank.specs import FP32, HALF, Figure, RerankerSpec, Source, gettext_noop
from rerank.storage import Progress, find
from rerank.storage import download as download_files


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


QANYTHING = Source(
    gettext_noop("QAnything's reranker evaluation"), "https://github.com/netease-youdao/QAnything"
)
LLAMAINDEX = Source(
    gettext_noop(
        "BCEmbedding's LlamaIndex evaluation, Chinese and English, over bce-embedding: 85.91 / 62.36 alone"
    ),
    "https://github.com/netease-youdao/BCEmbedding",
)
BAAI = Source(
    gettext_noop("BAAI's evaluation on BEIR, 54.31 before reranking"),
    "https://huggingface.co/BAAI/bge-reranker-v2-m3",
)
SBERT = Source(
    gettext_noop("sentence-transformers documentation"),
    "https://www.sbert.net/docs/cross_encoder/pretrained_models.html",
)
QWEN = Source(gettext_noop("Qwen3-Reranker model card"), "https://huggingface.co/Qwen/Qwen3-Reranker-8B")
MXBAI = Source(gettext_noop("Mixedbread's documentation"), "https://www.mixedbread.com/docs")
GTE = Source(
    gettext_noop("gte-reranker-modernbert model card"),
    "https://huggingface.co/Alibaba-NLP/gte-reranker-modernbert-base",
)
HOTCHPOTCH = Source(
    gettext_noop("japanese-reranker model card"),
    "https://huggingface.co/hotchpotch/japanese-reranker-cross-encoder-xsmall-v1",
)
TWELVE_SETS = gettext_noop("Average of 12 reranking sets")
HIT_RATE = gettext_noop("Hit rate / MRR at 5")
BEIR = gettext_noop("nDCG@10 on BEIR")
BEIR_11 = gettext_noop("nDCG@10 on 11 sets of BEIR")
MTEB = gettext_noop("MTEB-R / CMTEB-R, over Qwen3-Embedding-0.6B: 61.82 / 71.02 alone")
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
            Figure(HIT_RATE, "91.02 / 71.43", LLAMAINDEX),
            Figure(BEIR, "55.36", BAAI),
            Figure(MTEB, "57.03 / 72.16", QWEN),
        ),
        note=gettext_noop("Its publisher evaluates it at 1024 tokens."),
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
            Figure(TWELVE_SETS, "60.86", QANYTHING),
            Figure(HIT_RATE, "91.80 / 71.13", LLAMAINDEX),
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
        figures=(Figure(TWELVE_SETS, "59.04", QANYTHING),),
    ),
    RerankerSpec(
        "maidalun1020/bce-reranker-base_v1",
        "windows",
        ("zh", "en", "ja", "ko"),
        "Apache-2.0",
        279_000_000,
        FP32,
        512,
        threshold=0.35,  # its model card: "0.35 or 0.4"
        figures=(
            Figure(TWELVE_SETS, "61.29", QANYTHING),
            Figure(HIT_RATE, "93.46 / 77.02", LLAMAINDEX),
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
        figures=(
            Figure(
                gettext_noop("JQaRA / JaCWIR / MIRACL / JSQuAD"), "0.614 / 0.938 / 0.741 / 0.960", HOTCHPOTCH
            ),
        ),
        note=gettext_noop("Six layers of 384; Japanese only."),
    ),
    RerankerSpec(
        "mixedbread-ai/mxbai-rerank-base-v1",
        "encoder",
        ("en",),
        "Apache-2.0",
        184_000_000,
        HALF,
        512,
        figures=(Figure(BEIR_11, "46.9", MXBAI),),
    ),
    RerankerSpec(
        "mixedbread-ai/mxbai-rerank-large-v1",
        "encoder",
        ("en",),
        "Apache-2.0",
        435_000_000,
        HALF,
        512,
        figures=(Figure(BEIR_11, "48.8", MXBAI),),
    ),
    RerankerSpec(
        "mixedbread-ai/mxbai-rerank-base-v2",
        "mxbai_v2",
        MANY,
        "Apache-2.0",
        494_000_000,
        HALF,
        8192,
        figures=(Figure(BEIR, "55.57", MXBAI),),
        note=gettext_noop("A language model: slow without a GPU."),
    ),
    RerankerSpec(
        "mixedbread-ai/mxbai-rerank-large-v2",
        "mxbai_v2",
        MANY,
        "Apache-2.0",
        1_540_000_000,
        HALF,
        8192,
        figures=(Figure(BEIR, "57.49", MXBAI),),
        note=gettext_noop("A language model: slow without a GPU."),
    ),
    RerankerSpec(
        "amberoad/bert-multilingual-passage-reranking-msmarco",
        "two_label",
        MANY,
        "Apache-2.0",
        167_000_000,
        FP32,
        512,
        note=gettext_noop("Over 100 languages; trained on the web questions of MS MARCO."),
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
            Figure(gettext_noop("nDCG@10 on TREC DL 2019"), "74.30", SBERT),
            Figure(gettext_noop("MRR@10 on MS MARCO"), "39.01", SBERT),
        ),
        note=gettext_noop("The smallest of the catalogue; English only."),
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
            Figure(gettext_noop("nDCG@10 on TREC DL 2019"), "74.31", SBERT),
            Figure(gettext_noop("MRR@10 on MS MARCO"), "39.02", SBERT),
        ),
    ),
    RerankerSpec(
        "Alibaba-NLP/gte-reranker-modernbert-base",
        "encoder",
        ("en",),
        "Apache-2.0",
        149_000_000,
        FP32,
        8192,
        figures=(Figure(BEIR, "56.19", GTE),),
    ),
    RerankerSpec(
        "Alibaba-NLP/gte-multilingual-reranker-base",
        "gte",
        MANY,
        "Apache-2.0",
        306_000_000,
        HALF,
        8192,
        figures=(Figure(MTEB, "59.51 / 74.08", QWEN),),
        note=gettext_noop("Over 70 languages and long passages; read without the code it ships."),
    ),
    RerankerSpec(
        "BAAI/bge-reranker-v2-gemma",
        "yes_logit",
        MANY,
        "Apache-2.0",
        2_510_000_000,
        FP32,
        1024,
        figures=(Figure(BEIR, "60.71", BAAI),),
        note=gettext_noop(
            "A large language model: meant for a GPU. Built on Gemma: read Google's Gemma terms too."
        ),
    ),
    RerankerSpec(
        "BAAI/bge-reranker-v2-minicpm-layerwise",
        "layerwise",
        MANY,
        "Apache-2.0",
        2_720_000_000,
        FP32,
        1024,
        figures=(Figure(gettext_noop("nDCG@10 on BEIR, cut at layer 28"), "59.86", BAAI),),
        note=gettext_noop(
            "A language model that can be cut after any layer from 8 to 40 (option cutoff_layer, 28 unless "
            "set); meant for a GPU. Built on MiniCPM: read its model licence too."
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
        figures=(Figure(MTEB, "65.80 / 71.31", QWEN),),
        note=gettext_noop("A language model: slow without a GPU. Takes an instruction of your own."),
    ),
    RerankerSpec(
        "Qwen/Qwen3-Reranker-4B",
        "qwen3",
        MANY,
        "Apache-2.0",
        4_020_000_000,
        HALF,
        8192,
        figures=(Figure(MTEB, "69.76 / 75.94", QWEN),),
        note=gettext_noop("A large language model: meant for a GPU. Takes an instruction of your own."),
    ),
    RerankerSpec(
        "Qwen/Qwen3-Reranker-8B",
        "qwen3",
        MANY,
        "Apache-2.0",
        8_190_000_000,
        HALF,
        8192,
        figures=(Figure(MTEB, "69.02 / 77.45", QWEN),),
        note=gettext_noop("A large language model: meant for a GPU. Takes an instruction of your own."),
    ),
]

CATALOGUE: Mapping[str, RerankerSpec] = MappingProxyType({spec.name: spec for spec in ROWS})
"""Every known reranker by its name on the hub."""
