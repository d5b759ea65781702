"""Tiny checkpoints with random weights, written where a test asks.

Weights are drawn with a standard deviation of 0.25: with the usual 0.02 every pair scores the same and a
wrong recipe passes unseen.
"""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    GemmaConfig,
    GemmaForCausalLM,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

SPREAD = 0.25
QUERY = "how often is the fire door of the north hall inspected"
TEXTS = [
    "the fire door of the north hall is inspected twice a year by the caretaker",
    "lunch is served from noon",
    "消防门每年检查两次, the north hall as well",
    "doors doors doors",
    "a very long passage about the building and its halls. " * 12,
    "fire",
    "",
    "the caretaker keeps the keys; ask at the desk about inspections, lunch and the north hall.",
]
CORPUS = [QUERY, *TEXTS, "Yes No yes no 0 1 query document: A: B: Relevance Instruct Query Document", "\n\n"]
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def encoder_tokenizer(*, roberta: bool) -> PreTrainedTokenizerFast:
    """Subwords trained on the texts, framed as XLM-R (``<s> a </s></s> b </s>``) or BERT does."""
    start, end, unknown, padding = (
        ("<s>", "</s>", "<unk>", "<pad>") if roberta else ("[CLS]", "[SEP]", "[UNK]", "[PAD]")
    )
    special = [start, padding, end, unknown] if roberta else [padding, unknown, start, end]
    core = Tokenizer(models.BPE(unk_token=unknown))
    core.normalizer = normalizers.NFKC()
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=300, special_tokens=special))
    pair = f"{start} $A {end} {end} $B {end}" if roberta else f"{start} $A {end} $B:1 {end}:1"
    core.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=pair,
        special_tokens=[(token, core.token_to_id(token)) for token in (start, end)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=start,
        eos_token=end,
        cls_token=start,
        sep_token=end,
        unk_token=unknown,
        pad_token=padding,
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"] + ([] if roberta else ["token_type_ids"]),
    )


def decoder_tokenizer(*, bos: bool = False) -> PreTrainedTokenizerFast:
    """Byte-level subwords with Qwen's way of finding words; ``bos`` adds a token that begins a text."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(
                tokenizers_regex(),
                behavior="isolated",
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    special = ["<pad>", "<|im_start|>", "<|im_end|>", "<bos>"]
    core.train_from_iterator(
        CORPUS * 3,
        trainers.BpeTrainer(
            vocab_size=600, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<bos>" if bos else None, padding_side="left"
    )


def tokenizers_regex():
    from tokenizers import Regex

    return Regex(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+"
    )


def save(folder: Path, model, tokenizer) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def xlm_roberta(folder: Path, *, labels: int = 1, positions: int = 514, model_class=None, **changes) -> Path:
    torch.manual_seed(7)
    tokenizer = encoder_tokenizer(roberta=True)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        type_vocab_size=1,
        num_labels=labels,
        initializer_range=SPREAD,
        **TINY,
        **changes,
    )
    return save(folder, (model_class or XLMRobertaForSequenceClassification)(config), tokenizer)


def bert(folder: Path, *, labels: int = 1) -> Path:
    torch.manual_seed(8)
    tokenizer = encoder_tokenizer(roberta=False)
    config = BertConfig(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        num_labels=labels,
        initializer_range=SPREAD,
        **TINY,
    )
    return save(folder, BertForSequenceClassification(config), tokenizer)


def deberta(folder: Path) -> Path:
    """As mxbai-rerank v1: relative positions, no token types."""
    torch.manual_seed(9)
    tokenizer = encoder_tokenizer(roberta=False)
    config = DebertaV2Config(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=16,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        num_labels=1,
        initializer_range=SPREAD,
        **TINY,
    )
    return save(folder, DebertaV2ForSequenceClassification(config), tokenizer)


def modernbert(folder: Path) -> Path:
    torch.manual_seed(10)
    tokenizer = encoder_tokenizer(roberta=False)
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        num_labels=1,
        initializer_range=SPREAD,
        **TINY,
    )
    return save(folder, ModernBertForSequenceClassification(config), tokenizer)


def gemma(folder: Path) -> Path:
    torch.manual_seed(11)
    tokenizer = decoder_tokenizer(bos=True)
    config = GemmaConfig(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        num_key_value_heads=1,
        head_dim=8,
        initializer_range=SPREAD,
        **TINY,
    )
    return save(folder, GemmaForCausalLM(config), tokenizer)


def qwen2(folder: Path) -> Path:
    torch.manual_seed(12)
    tokenizer = decoder_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        num_key_value_heads=2,
        initializer_range=SPREAD,
        tie_word_embeddings=True,
        **TINY,
    )
    return save(folder, Qwen2ForCausalLM(config), tokenizer)


def qwen3(folder: Path) -> Path:
    torch.manual_seed(13)
    tokenizer = decoder_tokenizer()
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        num_key_value_heads=2,
        head_dim=8,
        initializer_range=SPREAD,
        tie_word_embeddings=True,
        **TINY,
    )
    return save(folder, Qwen3ForCausalLM(config), tokenizer)
