"""Bytes in any of the usual encodings come out as what was written."""

import pytest

from ingestion.encodings import decode, looks_like_text

CHINESE = "简体中文测试：我们的会议在星期五上午十点开始，请大家准时参加。"
TRADITIONAL = "繁體中文測試：我們的會議在星期五上午十點開始，請大家準時參加。"
JAPANESE = "これは日本語のテストです。会議は金曜日の午前十時に始まります。"
KOREAN = "이것은 한국어 시험입니다. 회의는 금요일 오전 열시에 시작합니다."
FRENCH = "Ça va ? L'élève a déjà mangé à l'école, où il était très naïf."
GERMAN = "Größe: fünf Äpfel für Käse, süß und schön."
RUSSIAN = "Привет, как дела? Это простой русский текст о погоде."


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        *[(CHINESE, codec) for codec in ("utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030", "gbk")],
        *[(TRADITIONAL, codec) for codec in ("utf-8", "utf-16", "big5")],
        *[(JAPANESE, codec) for codec in ("utf-8", "cp932", "euc_jp")],
        *[(KOREAN, codec) for codec in ("utf-8", "euc_kr")],
        *[(FRENCH, codec) for codec in ("utf-8", "latin-1", "cp1252")],
        *[(GERMAN, codec) for codec in ("utf-8", "latin-1")],
        (RUSSIAN, "cp1251"),
        ("plain English text in sixteen bits", "utf-16-le"),
        ("plain English text in sixteen bits", "utf-16-be"),
        ("姓名,部门\n张三,财务部\n", "gb18030"),
        ("Mostly English, then 中文 and 会议 in the middle of it", "gb18030"),
    ],
)
def test_round_trip(text, codec):
    assert decode(text.encode(codec)) == text


def test_a_declared_encoding_decides_where_bytes_do_not():
    assert decode("§ 5".encode("cp1251"), declared=["windows-1251"]) == "§ 5"


def test_a_wrong_declaration_does_not_spoil_utf8():
    assert decode(CHINESE.encode(), declared=["gb2312", "no-such-codec"]) == CHINESE


def test_a_few_broken_bytes_cost_only_themselves():
    data = bytearray((CHINESE * 60).encode())
    data[100] = 0xFF
    assert decode(bytes(data)).count("会议") >= 59


def test_line_ends_are_line_feeds_and_zeros_go():
    assert decode(b"a\r\nb\rc\x00d") == "a\nb\ncd"


def test_binary_is_not_text():
    assert not looks_like_text(b"\x00\x01\x02\x03abc")
    assert not looks_like_text(bytes(range(1, 32)) * 10)
    assert looks_like_text(b"")
    assert looks_like_text(CHINESE.encode("gb18030"))
