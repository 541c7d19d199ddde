"""Any Git hosting: a repository over Git's own HTTP service, and a REST interface with pages and tokens."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import os
import secrets
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Values = dict[str, Any]
_PROTECT = """#!/bin/sh
while read old new ref; do
  if [ "$ref" = refs/heads/main ] && [ -n "$REMOTE_USER" ] && [ -f protected ]; then
    echo "error: GH006: Protected branch update failed for refs/heads/main." >&2
    exit 1
  fi
done
"""


@dataclass
class Token:
    """Somebody's right to do things in the repository."""

    permissions: Mapping[str, str]
    user: Values = field(default_factory=dict)

    @property
    def login(self) -> str:
        return str(self.user.get("login") or self.user.get("username"))

    def may(self, what: str, how: str = "write") -> bool:
        return self.permissions.get(what) in ({"write"} if how == "write" else {"read", "write"})


@dataclass
class Faults:
    """What goes wrong next: how many answers to POST are lost after the work was done."""

    lose_posts: int = 0


class Service:
    """One repository and what surrounds it. Everything is in memory but the Git data."""

    rest = "/api"
    """Where the REST interface begins."""

    def __init__(self, directory: Path, name: str = "acme/voices") -> None:
        self.name = name
        self.git_root = directory
        self.bare = directory / f"{name}.git"
        self.bare.parent.mkdir(parents=True, exist_ok=True)
        git(directory, "init", "-q", "--bare", "-b", "main", str(self.bare))
        for key in ("http.receivepack", "uploadpack.allowAnySHA1InWant", "uploadpack.allowReachableSHA1InWant"):
            git(self.bare, "config", key, "true")
        hook = self.bare / "hooks" / "pre-receive"
        hook.write_text(_PROTECT)
        hook.chmod(0o755)
        self.tokens: dict[str, Token] = {}
        self.comments: list[Values] = []
        self.issues: list[Values] = []
        self.requests: list[tuple[str, str, int]] = []
        self.faults = Faults()
        self.pushes = 0
        self.numbers = itertools.count(1)
        self.ids = itertools.count(5001)
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What people and the service itself do.

    def token(self, permissions: Mapping[str, str], user: Values) -> str:
        token = f"token_{secrets.token_hex(16)}"
        self.tokens[token] = Token(permissions, user)
        return token

    def protect_main(self) -> None:
        (self.bare / "protected").touch()

    def tip(self, branch: str = "main") -> str | None:
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "-q", f"refs/heads/{branch}"],
            cwd=self.bare, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.strip() or None

    def read(self, revision: str, path: str) -> str | None:
        done = subprocess.run(["git", "show", f"{revision}:{path}"], cwd=self.bare, capture_output=True, check=False)
        return done.stdout.decode() if done.returncode == 0 else None

    def merge_commit(self, head: str, message: str) -> str:
        main = self.tip()
        assert main
        tree = git(self.bare, "merge-tree", "--write-tree", main, head).split()[0]
        return git(self.bare, "commit-tree", tree, "-p", main, "-p", head, "-m", message).strip()

    # What each service does in its own way.

    def authenticated(self, headers: Mapping[str, str]) -> Token | None:
        """Whose request it is."""
        raise NotImplementedError

    def answer(self, method: str, path: str, query: Mapping[str, str], token: Token, body: Values) -> tuple[int, Any]:
        """The answer to a request, and its status."""
        raise NotImplementedError


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            data = self._body()
            if parts.path.startswith(f"{service.rest}/"):
                self._rest(parts.path.removeprefix(service.rest), parts.query, data)
            else:
                self._git(parts.path, parts.query, data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                chunks = []
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(chunks)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _rest(self, path: str, query: str, data: bytes) -> None:
            token = service.authenticated(dict(self.headers))
            if token is None:
                return self._json(401, {"message": "Bad credentials"})
            asked = {key: values[0] for key, values in parse_qs(query).items()}
            status, answer = service.answer(self.command, path, asked, token, json.loads(data or b"{}"))
            service.requests.append((self.command, path, status))
            if self.command == "POST" and service.faults.lose_posts:
                service.faults.lose_posts -= 1
                self.close_connection = True
                return None
            if isinstance(answer, list):
                return self._page(path, asked, answer)
            return self._json(status, answer)

        def _page(self, path: str, asked: Mapping[str, str], answer: list[Any]) -> None:
            size, page = int(asked.get("per_page", 30)), int(asked.get("page", 1))
            more = len(answer) > size * page
            following = "&".join(f"{key}={value}" for key, value in {**asked, "page": page + 1}.items())
            link = f'<{service.url}{service.rest}{path}?{following}>; rel="next"' if more else ""
            self._json(200, answer[size * (page - 1) : size * page], link)

        def _json(self, status: int, answer: Any, link: str = "") -> None:
            self._send(status, b"" if status == 204 else json.dumps(answer).encode(), {"Link": link} if link else {})

        def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _git(self, path: str, query: str, data: bytes) -> None:
            given = self.headers.get_all("Authorization") or []
            if len(given) > 1:
                return self._send(400, b"two Authorization headers", {})
            secret = base64.b64decode(given[0].split()[-1]).decode().partition(":")[2] if given else ""
            token = service.tokens.get(secret)
            if token is None or not token.may("contents", "read"):
                return self._send(401, b"", {"WWW-Authenticate": 'Basic realm="GitHub"'})
            writes = "git-receive-pack" in path or "git-receive-pack" in query
            if writes and not token.may("contents"):
                return self._send(403, b"Write access to repository not granted.", {})
            service.pushes += path.endswith("git-receive-pack")
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            return self._backend(path, query, data, token)

        def _backend(self, path: str, query: str, data: bytes, token: Token) -> None:
            done = subprocess.run(
                ["git", "http-backend"],
                input=data,
                capture_output=True,
                check=True,
                env=os.environ | {
                    "GIT_PROJECT_ROOT": str(service.git_root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                    "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": token.login,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(data)),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_ADDR": "127.0.0.1",
                },
            )  # fmt: skip
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self._send(int(headers.pop("Status", "200 OK").split()[0]), content, headers)

    return Handler


def git(directory: Path, *arguments: str) -> str:
    """Git, as somebody who needs no configuration."""
    who = ["-c", "user.name=Jane Roe", "-c", "user.email=jane@example.com", "-c", "commit.gpgsign=false",
           "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]  # fmt: skip
    done = subprocess.run(["git", *who, *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout
