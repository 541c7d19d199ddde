"""A GitHub to test with: a repository over Git's own HTTP service, the REST endpoints that are used, tokens.

What it refuses is the point: each request needs the permission that the real service documents for it.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import os
import re
import secrets
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Values = dict[str, Any]
BOT = {"login": "github-actions[bot]", "type": "Bot"}
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
    user: Values = field(default_factory=lambda: dict(BOT))

    def may(self, what: str, how: str = "write") -> bool:
        return self.permissions.get(what) in ({"write"} if how == "write" else {"read", "write"})


@dataclass
class Faults:
    """What goes wrong next: how many answers to POST are lost after the work was done."""

    lose_posts: int = 0


class GitHubService:
    """One repository and what surrounds it. Everything is in memory but the Git data."""

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
        self.sarif: list[Values] = []
        self.requests: list[tuple[str, str, int]] = []
        self.faults = Faults()
        self.pushes = 0
        self._numbers = itertools.count(1)
        self._ids = itertools.count(5001)
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> GitHubService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What people and the service itself do.

    def token(self, permissions: Mapping[str, str], user: Values | None = None) -> str:
        token = f"ghs_{secrets.token_hex(16)}"
        self.tokens[token] = Token(permissions, user or dict(BOT))
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

    def open_pull(self, branch: str, title: str = "A change", *, fork: bool = False, user: Values | None = None) -> int:
        """A pull request from a branch that was pushed; a fork's lies under `fork/`."""
        with self._lock:
            number = next(self._numbers)
            author = user or {"login": "jane", "type": "User"}
            self.issues.append(
                {
                    "number": number, "title": title, "body": "", "state": "open", "user": author, "labels": [],
                    "pull_request": {}, "head": {"ref": branch, "fork": fork}, "base": {"ref": "main"},
                    "html_url": f"{self.url}/{self.name}/pull/{number}",
                }
            )  # fmt: skip
        return number

    def pull(self, number: int) -> Values:
        return next(issue for issue in self.issues if issue["number"] == number)

    def head(self, number: int) -> str:
        """The newest commit of a pull request, with its references brought up to date."""
        commit = self.tip(self.pull(number)["head"]["ref"])
        assert commit
        git(self.bare, "update-ref", f"refs/pull/{number}/head", commit)
        git(self.bare, "update-ref", f"refs/pull/{number}/merge", self._merge_commit(commit, f"Merge {number}"))
        return commit

    def merge(self, number: int) -> str:
        """What the green button does: a merge commit on main."""
        pull = self.pull(number)
        head = self.tip(pull["head"]["ref"])
        assert head
        commit = self._merge_commit(head, f"Merge pull request #{number}\n\n{pull['title']}")
        git(self.bare, "update-ref", "refs/heads/main", commit)
        pull["state"] = "closed"
        return commit

    def _merge_commit(self, head: str, message: str) -> str:
        main = self.tip()
        assert main
        tree = git(self.bare, "merge-tree", "--write-tree", main, head).split()[0]
        return git(self.bare, "commit-tree", tree, "-p", main, "-p", head, "-m", message).strip()

    def of_pull(self, number: int) -> list[Values]:
        return [comment for comment in self.comments if comment["issue"] == number]

    # What the REST interface does.

    def answer(self, method: str, path: str, query: Mapping[str, str], token: Token, body: Values) -> tuple[int, Any]:
        with self._lock:
            for wanted, pattern, work in self._routes():
                match = re.fullmatch(pattern, path)
                if match and wanted == method:
                    return work(token, query, body, *match.groups())
        return 404, {"message": "Not Found"}

    def _routes(self) -> list[tuple[str, str, Callable[..., tuple[int, Any]]]]:
        repo = f"/repos/{re.escape(self.name)}"
        return [
            ("GET", "/user", self._user),
            ("GET", rf"{repo}/issues/(\d+)/comments", self._list_comments),
            ("POST", rf"{repo}/issues/(\d+)/comments", self._add_comment),
            ("PATCH", rf"{repo}/issues/comments/(\d+)", self._edit_comment),
            ("DELETE", rf"{repo}/issues/comments/(\d+)", self._delete_comment),
            ("GET", rf"{repo}/issues", self._list_issues),
            ("POST", rf"{repo}/issues", self._add_issue),
            ("PATCH", rf"{repo}/issues/(\d+)", self._edit_issue),
            ("GET", rf"{repo}/pulls", self._list_pulls),
            ("POST", rf"{repo}/pulls", self._add_pull),
            ("POST", rf"{repo}/code-scanning/sarifs", self._add_sarif),
        ]

    def _user(self, token: Token, query: Any, body: Any) -> tuple[int, Any]:
        if token.user["type"] == "Bot":
            return 403, {"message": "Resource not accessible by integration"}
        return 200, token.user

    def _kind(self, number: str) -> str:
        return "pull-requests" if "pull_request" in self.pull(int(number)) else "issues"

    def _list_comments(self, token: Token, query: Any, body: Any, number: str) -> tuple[int, Any]:
        if not token.may(self._kind(number), "read"):
            return _refused()
        return 200, self.of_pull(int(number))

    def _add_comment(self, token: Token, query: Any, body: Values, number: str) -> tuple[int, Any]:
        if not token.may(self._kind(number)):
            return _refused()
        if len(body["body"]) > 65536:
            return 422, {"message": "body is too long (maximum is 65536 characters)"}
        key = next(self._ids)
        comment = {"id": key, "issue": int(number), "body": body["body"], "user": token.user, "edits": 0,
                   "html_url": f"{self.url}/{self.name}/pull/{number}#issuecomment-{key}"}  # fmt: skip
        self.comments.append(comment)
        return 201, comment

    def _edit_comment(self, token: Token, query: Any, body: Values, key: str) -> tuple[int, Any]:
        comment = next((each for each in self.comments if each["id"] == int(key)), None)
        if comment is None or not token.may(self._kind(str(comment["issue"]))):
            return _refused()
        comment["body"] = body["body"]
        comment["edits"] += 1
        return 200, comment

    def _delete_comment(self, token: Token, query: Any, body: Any, key: str) -> tuple[int, Any]:
        self.comments = [each for each in self.comments if each["id"] != int(key)]
        return 204, None

    def _list_issues(self, token: Token, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        if not token.may("issues", "read"):
            return _refused()
        label = query.get("labels")
        found = [issue for issue in self.issues if issue["state"] == query.get("state", "open")]
        return 200, [issue for issue in found if label is None or label in [each["name"] for each in issue["labels"]]]

    def _add_issue(self, token: Token, query: Any, body: Values) -> tuple[int, Any]:
        if not token.may("issues"):
            return _refused()
        number = next(self._numbers)
        issue = {"number": number, "title": body["title"], "body": body["body"], "state": "open", "user": token.user,
                 "labels": [{"name": name} for name in body.get("labels", [])], "edits": 0,
                 "html_url": f"{self.url}/{self.name}/issues/{number}"}  # fmt: skip
        self.issues.append(issue)
        return 201, issue

    def _edit_issue(self, token: Token, query: Any, body: Values, number: str) -> tuple[int, Any]:
        if not token.may("issues"):
            return _refused()
        issue = self.pull(int(number))
        issue.update(body)
        issue["edits"] = issue.get("edits", 0) + 1
        return 200, issue

    def _list_pulls(self, token: Token, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        if not token.may("pull-requests", "read"):
            return _refused()
        head = query.get("head", "").partition(":")[2]
        found = [issue for issue in self.issues if "pull_request" in issue and issue["state"] == "open"]
        return 200, [pull for pull in found if not head or pull["head"]["ref"] == head]

    def _add_pull(self, token: Token, query: Any, body: Values) -> tuple[int, Any]:
        if not token.may("pull-requests"):
            return _refused()
        if self.tip(body["head"]) is None or self.tip(body["base"]) is None:
            return 422, {"message": "Validation Failed"}
        number = self.open_pull(body["head"], body["title"], user=token.user)
        self.pull(number)["body"] = body["body"]
        return 201, self.pull(number)

    def _add_sarif(self, token: Token, query: Any, body: Values) -> tuple[int, Any]:
        if not token.may("security-events"):
            return _refused()
        self.sarif.append(body)
        return 202, {"id": "1"}

    # How it is served.

    def _handler(service) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                data = self._body()
                if parts.path.startswith("/api/"):
                    self._rest(parts.path.removeprefix("/api"), parts.query, data)
                else:
                    self._git(parts.path, parts.query, data)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

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
                words = self.headers.get("Authorization", "").split()
                token = service.tokens.get(words[1]) if len(words) == 2 and words[0] == "Bearer" else None
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
                link = f'<{service.url}/api{path}?{following}>; rel="next"' if more else ""
                self._json(200, answer[size * (page - 1) : size * page], link)

            def _json(self, status: int, answer: Any, link: str = "") -> None:
                self._send(
                    status, b"" if status == 204 else json.dumps(answer).encode(), {"Link": link} if link else {}
                )

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
                        "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": token.user["login"],
                        "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(data)),
                        "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_ADDR": "127.0.0.1",
                    },
                )  # fmt: skip
                head, _, content = done.stdout.partition(b"\r\n\r\n")
                headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
                self._send(int(headers.pop("Status", "200 OK").split()[0]), content, headers)

        return Handler


def _refused() -> tuple[int, Any]:
    return 403, {"message": "Resource not accessible by integration"}


def git(directory: Path, *arguments: str) -> str:
    """Git, as somebody who needs no configuration."""
    who = ["-c", "user.name=Jane Roe", "-c", "user.email=jane@example.com", "-c", "commit.gpgsign=false",
           "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]  # fmt: skip
    done = subprocess.run(["git", *who, *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout
