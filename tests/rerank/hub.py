"""A model hub on loopback: as much of the API as a download uses, so that no test needs the network."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves the files of one folder as ``owner/name``; ``requests`` are the paths that were asked."""

    def __init__(self, name: str, folder: Path):
        self.name = name
        self.folder = folder
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                self.respond(body=False)

            def do_GET(self):
                self.respond(body=True)

            def respond(self, *, body: bool):
                path = unquote(urlsplit(self.path).path)
                hub.requests.append(path)
                headers, content = {}, None
                if path.startswith(f"/api/models/{hub.name}"):
                    content = hub.listing(tree="/tree/" in path)
                    headers["Content-Type"] = "application/json"
                elif path.startswith(f"/{hub.name}/resolve/"):
                    file = hub.folder / path.rsplit("/", 1)[1]
                    if file.is_file():
                        content = file.read_bytes()
                        headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
                        headers["X-Repo-Commit"] = COMMIT
                if content is None:
                    headers["X-Error-Code"] = "RepoNotFound"
                self.send_response(200 if content is not None else 404)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                if body and content:
                    self.wfile.write(content)

            def log_message(self, *values):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def listing(self, *, tree: bool) -> bytes:
        files = sorted(path for path in self.folder.iterdir() if path.is_file())
        if tree:
            return json.dumps(
                [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": "0" * 40} for f in files]
            ).encode()
        siblings = [{"rfilename": file.name, "size": file.stat().st_size} for file in files]
        return json.dumps(
            {"id": self.name, "modelId": self.name, "sha": COMMIT, "siblings": siblings, "tags": []}
        ).encode()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
