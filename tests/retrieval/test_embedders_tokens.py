"""The bilingual tokenizer: English as it was, Chinese in words, nothing lost on strange input."""

import pytest
from tokenizers import Tokenizer

from retrieval.embedders.minilm import model_folder
from retrieval.embedders.tokens import CLS, SEP, UNKNOWN, BilingualTokenizer
from retrieval.embedders.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load()


@pytest.fixture(scope="module")
def english() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="module")
def tokenize(vocabulary) -> BilingualTokenizer:
    return BilingualTokenizer(Tokenizer.from_file(str(model_folder() / "tokenizer.json")), vocabulary)


def words(tokenize, vocabulary, text: str) -> list[str]:
    """The Chinese words of a text's cut."""
    (ids,) = tokenize([text], max_length=64)
    first = tokenize.first_chinese
    return [vocabulary.words[token - first] for token in ids if token >= first]


@pytest.mark.parametrize(
    "text",
    ["Hello, “World” naïve e-mail: it's fée, 100%!", "a (very) interesting thing\nin 2 lines", "x" * 300],
)
def test_english_is_cut_as_before(tokenize, english, text):
    assert tokenize([text], max_length=512)[0] == english.encode(text).ids


def test_chinese_is_cut_into_probable_words_not_longest_ones(tokenize, vocabulary):
    assert words(tokenize, vocabulary, "结婚和尚未结婚") == ["结婚", "和", "尚未", "结婚"]


def test_traditional_reads_as_simplified(tokenize, vocabulary):
    assert words(tokenize, vocabulary, "電影公司") == words(tokenize, vocabulary, "电影公司")


def test_mixed_text_keeps_its_order(tokenize, english):
    (ids,) = tokenize(["QoS 策略 and 公司"], max_length=64)
    middle = [token for token in ids if token < tokenize.first_chinese]
    assert middle == english.encode("QoS and").ids
    assert ids[-2] >= tokenize.first_chinese


def test_full_width_marks_are_known(tokenize):
    assert UNKNOWN not in tokenize(["你好，世界！（ＡＢＣ１２３）《书》“引”"], max_length=64)[0]


def test_particles_are_left_out_unless_they_are_all_there_is(tokenize, vocabulary):
    assert words(tokenize, vocabulary, "电影吗") == ["电影"]
    assert words(tokenize, vocabulary, "的") == ["的"]


def test_length_is_bounded_and_empty_is_fine(tokenize):
    rows = tokenize(["word " * 5000, "法律" * 5000, "", "𠮷野家\x00\ud7ff"], max_length=32)
    assert [len(row) for row in rows[:3]] == [32, 32, 2]
    assert all(row[0] == CLS and row[-1] == SEP for row in rows)


def test_majority_decides_whether_a_text_is_chinese(tokenize):
    rows = tokenize(["公司法律 about", "a long English sentence 公司", ""], max_length=32)
    assert [tokenize.is_chinese(row) for row in rows] == [True, False, False]
