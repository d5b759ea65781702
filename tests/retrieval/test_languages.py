"""What language a question is in decides whether an embedder has a vote on it."""

import pytest

from retrieval.languages import detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How many days of leave do I have?", "en"),
        ("employee handbook", "en"),
        ("年假有多少天？", "zh"),
        ("什么是 QoS policy?", "zh"),
        ("The company 公司 in Beijing opened a new office last year", "en"),
        ("有給休暇は何日ありますか", "ja"),
        ("연차는 며칠인가요", "ko"),
        ("Сколько дней отпуска?", "ru"),
        ("Wie viele Tage Urlaub habe ich und wer genehmigt sie?", "de"),
        ("Combien de jours de congé est-ce que j'ai dans le contrat ?", "fr"),
        ("2024-11-05", None),
        ("", None),
    ],
)
def test_detects(text, language):
    assert detect(text) == language
