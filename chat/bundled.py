"""The bundled language model: one server process per installation, started when first needed.

Several processes of one installation (web workers, `manage.py ask`) share it: whoever holds the
lock beside the model file owns the server, the others read its address there.
"""

import contextlib
import fcntl
import json
import os
import secrets
import select
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import httpx2
from django.conf import settings

from chat import model_files

CONTEXT_TOKENS = 4096
COMMAND = [sys.executable, "-m", "chat.llama_server"]
START_TIMEOUT_S = 120
SHARE_WAIT_S = 30


class BundledMissing(Exception):
    """Switched off by LOCAL_LLM=0, or not fetched yet (`manage.py fetch_models`)."""


class BundledFailed(Exception):
    """The server did not start (memory?), see the log; the next question tries again."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens, on loopback, and the key it wants."""

    base_url: str
    api_key: str


@dataclass(slots=True)
class _Server:
    process: subprocess.Popen
    address: Address
    lock_file: IO[str] | None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.lock_file:
            self.lock_file.close()


_lock = threading.Lock()
_server: _Server | None = None


def is_available() -> bool:
    return settings.LOCAL_LLM and model_files.is_present()


def address() -> Address:
    """The running server's address; starts it if need be, which takes seconds: call from a thread.

    Raises BundledMissing or BundledFailed.
    """
    global _server
    if not is_available():
        raise BundledMissing
    with _lock:
        if _server is not None:
            if _server.process.poll() is None:
                return _server.address
            _server.close()
            _server = None
        lock_file, shared = _lock_or_share()
        if shared:
            return shared
        try:
            _server = _start(lock_file)
        except BaseException:
            if lock_file:
                lock_file.close()
            raise
        return _server.address


def close() -> None:
    """Ends the server if this process owns it; the next question starts it again."""
    global _server
    with _lock:
        if _server is not None:
            _server.close()
            _server = None


def _lock_path() -> Path:
    return settings.MODELS_DIR / "llm.lock"


def _lock_or_share() -> tuple[IO[str] | None, Address | None]:
    """The lock, or the address of the server of the process that holds it; neither if that one
    does not answer (another machine's, on a shared volume): then a server without the lock."""
    for _ in range(SHARE_WAIT_S):
        if lock_file := _try_lock():
            return lock_file, None
        if not _lock_path().exists():
            break
        if shared := _shared_address():
            return None, shared
        time.sleep(1)  # its owner is starting it
    return None, None


def _try_lock() -> IO[str] | None:
    """The lock file, held; None when another process holds it or it cannot be written."""
    try:
        file = os.fdopen(os.open(_lock_path(), os.O_RDWR | os.O_CREAT, 0o600), "r+")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _shared_address() -> Address | None:
    """The address that the lock's holder wrote, if a server answers there."""
    try:
        shared = Address(**json.loads(_lock_path().read_text()))
        headers = {"Authorization": f"Bearer {shared.api_key}"}
        httpx2.get(f"{shared.base_url}/models", headers=headers, timeout=5).raise_for_status()
    except (OSError, ValueError, TypeError, httpx2.HTTPError):
        return None
    return shared


def _start(lock_file: IO[str] | None) -> _Server:
    if lock_file:
        lock_file.truncate(0)
    api_key = secrets.token_urlsafe(24)
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=settings.BASE_DIR,
        text=True,
        start_new_session=True,  # Ctrl-C reaches the product, which then ends this
    )
    options = {"model": str(model_files.path()), "api_key": api_key, "context": CONTEXT_TOKENS}
    line = ""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.write(json.dumps(options) + "\n")
        process.stdin.flush()
        if select.select([process.stdout], [], [], START_TIMEOUT_S)[0]:
            line = process.stdout.readline()
    try:
        base_url = json.loads(line)["address"] + "/v1"
    except (ValueError, KeyError) as error:
        process.kill()
        process.wait()
        raise BundledFailed(f"llama.cpp did not start (exit status {process.returncode})") from error
    found = Address(base_url, api_key)
    if lock_file:
        lock_file.seek(0)
        lock_file.write(json.dumps(asdict(found)))
        lock_file.flush()
    return _Server(process, found, lock_file)
