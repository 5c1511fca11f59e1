"""A server that exports in bulk, for tests: a process of its own, on loopback, that also fails as it is told to.

Run as `python bulk_server.py`; reads what it is to be (a JSON object, `PLAN` with changes) from the first line of stdin
and writes its two ports as a JSON list. The second port is another host to a client. Tests change the plan with
`POST /plan` and see every request that came with `GET /seen`. It checks what a client must do (SMART Backend Services:
the assertion's algorithm, audience, times, a new jti each time; Bulk Data: the headers) and refuses what is wrong.

A fault is `{"at": beginning of "METHOD path", "times": n, "do": ...}`: `status` (with `headers`, `body`), `cut` (after
`bytes` of the body), `redirect` (`to`), `short` (the last line broken, as if that were all), `expire` (all tokens run
out now), `hang up`.
"""

from __future__ import annotations

import gzip
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

PLAN: dict[str, Any] = {
    "client": "salus",
    "public": "",  # PEM; empty: nobody is asked who they are
    "now": 0,  # what the server's clock shows; it stands still, and believes later times
    "expires_in": 300,
    "capabilities": ["client-confidential-asymmetric", "permission-v2"],
    "requires_token": True,
    "polls": 1,  # how often it is not ready yet
    "poll_headers": {"Retry-After": "0", "X-Progress": "50%"},
    "files": [],  # {"kind", "type", "lines": [...]}, optionally "count", "url"
    "transaction_time": "2026-01-01T00:00:00Z",
    "manifest": {},  # over what the manifest says
    "ranges": True,
    "etag": True,
    "gzip": False,
    "lengths": True,
    "faults": [],
}


class State:
    """What the server is told and has seen."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.lock = threading.Lock()
        self.plan = {**PLAN, **plan}
        self.seen: list[dict[str, Any]] = []
        self.jobs: dict[str, int] = {}
        self.tokens: set[str] = set()
        self.issued = 0
        self.used: set[str] = set()
        self.ports: list[int] = []

    def fault(self, path: str) -> dict[str, Any] | None:
        with self.lock:
            for fault in self.plan["faults"]:
                if path.startswith(fault["at"]) and fault.get("times", 1) > 0:
                    fault["times"] = fault.get("times", 1) - 1
                    return dict(fault)
        return None


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, format: str, *args: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(self.state.plan["now"])

    def do_GET(self) -> None:
        self.handle_any("GET")

    def do_POST(self) -> None:
        self.handle_any("POST")

    def do_DELETE(self) -> None:
        self.handle_any("DELETE")

    def handle_any(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        if path in ("/plan", "/seen"):
            return self.control(path, body)
        port = self.server.server_address[1]
        seen = {"method": method, "path": self.path, "port": port, "headers": dict(self.headers)}
        with self.state.lock:
            self.state.seen.append(seen)
        fault = self.state.fault(f"{method} {path}")
        if fault and self.fail(fault):
            return None
        if path == "/fhir/.well-known/smart-configuration":
            return self.discovery()
        if method == "POST" and path == "/token":
            return self.token(body.decode())
        if path.startswith("/open/"):
            return self.file(int(path.split("/")[2].split(".")[0]), fault)
        if not self.known():
            return self.answer(401, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "who are you"}]})
        if path.endswith("/$export"):
            return self.kick_off()
        if path.startswith("/jobs/"):
            return self.job(method, path.split("/")[2])
        if path.startswith("/files/"):
            return self.file(int(path.split("/")[2].split(".")[0]), fault)
        return self.answer(404, {})

    def control(self, path: str, body: bytes) -> None:
        if path == "/plan":
            self.state.plan.update(json.loads(body))
        self.answer(200, self.state.seen)

    def fail(self, fault: dict[str, Any]) -> bool:
        """Whether that was all of the answer."""
        if fault["do"] == "status":
            self.answer(fault["status"], fault.get("body", {}), fault.get("headers"))
        elif fault["do"] == "redirect":
            self.answer(fault.get("status", 302), {}, {"Location": fault["to"].format(*self.state.ports)})
        elif fault["do"] == "expire":
            self.state.tokens.clear()
            return False
        elif fault["do"] == "hang up":
            self.hang_up()
        else:
            return False
        return True

    def hang_up(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def discovery(self) -> None:
        base = f"http://127.0.0.1:{self.state.ports[0]}"
        self.answer(200, {"token_endpoint": f"{base}/token", "capabilities": self.state.plan["capabilities"]})

    def token(self, form: str) -> None:
        """RFC 7523 and SMART: an assertion must be well signed, for us, short and new."""
        found = {name: values[0] for name, values in parse_qs(form).items()}
        wrong = self.wrong_with(found)
        if wrong:
            return self.answer(400, {"error": "invalid_client", "error_description": wrong})
        with self.state.lock:
            self.state.issued += 1
            token = f"token-{self.state.issued}"
            self.state.tokens.add(token)
            self.state.seen[-1]["scope"] = found["scope"]
        granted = {"access_token": token, "token_type": "bearer", "expires_in": self.state.plan["expires_in"]}
        return self.answer(200, granted)

    def wrong_with(self, form: dict[str, str]) -> str:
        plan = self.state.plan
        if form.get("grant_type") != "client_credentials" or not form.get("client_assertion_type", "").endswith(
            "bearer"
        ):
            return "not a client_credentials grant with an assertion"
        try:
            audience = f"http://127.0.0.1:{self.state.ports[0]}/token"
            options = {"verify_exp": False, "verify_iat": False, "require": ["exp", "jti", "iss", "sub", "aud"]}
            claims = jwt.decode(
                form["client_assertion"], plan["public"], ["RS384", "ES384"], audience=audience, options=options
            )
        except jwt.PyJWTError as problem:
            return type(problem).__name__
        header = jwt.get_unverified_header(form["client_assertion"])
        if not header.get("kid") or header.get("typ") != "JWT":
            return "no kid, or another typ than JWT"
        if not plan["now"] <= claims["iat"] < claims["exp"] <= claims["iat"] + 300:
            return "exp is not within five minutes"
        if claims["iss"] != plan["client"] or claims["sub"] != plan["client"]:
            return "another client"
        if claims["jti"] in self.state.used:
            return "jti was used before"
        self.state.used.add(claims["jti"])
        return ""

    def known(self) -> bool:
        if not self.state.plan["public"]:
            return True
        return self.headers.get("Authorization", "").removeprefix("Bearer ") in self.state.tokens

    def kick_off(self) -> None:
        if self.headers.get("Prefer") != "respond-async" or self.headers.get("Accept") != "application/fhir+json":
            return self.answer(400, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "wrong headers"}]})
        with self.state.lock:
            name = str(len(self.state.jobs) + 1)
            self.state.jobs[name] = self.state.plan["polls"]
        return self.answer(202, {}, {"Content-Location": f"http://127.0.0.1:{self.state.ports[0]}/jobs/{name}"})

    def job(self, method: str, name: str) -> None:
        with self.state.lock:
            left = self.state.jobs.get(name)
            if left is not None:
                self.state.jobs[name] = left - 1
            if method == "DELETE" and left is not None:
                del self.state.jobs[name]
        if left is None:
            return self.answer(404, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "no such job"}]})
        if method == "DELETE":
            return self.answer(202, {})
        return self.answer(202, {}, self.state.plan["poll_headers"]) if left > 0 else self.answer(200, self.manifest())

    def manifest(self) -> dict[str, Any]:
        plan, lists = self.state.plan, {"output": [], "deleted": [], "error": []}
        at = "files" if plan["requires_token"] else "open"
        for number, file in enumerate(plan["files"]):
            url = f"http://127.0.0.1:{self.state.ports[0]}/{at}/{number}.ndjson"
            entry = {"type": file.get("type", "Bundle"), "url": file.get("url", url).format(*self.state.ports)}
            count = file.get("count", len(file["lines"]))
            lists[file.get("kind", "output")].append({**entry, **({} if count is None else {"count": count})})
        rest = {"transactionTime": plan["transaction_time"], "requiresAccessToken": plan["requires_token"]}
        return {**rest, "request": "as asked", **lists, **plan["manifest"]}

    def file(self, number: int, fault: dict[str, Any] | None) -> None:
        plan, headers = self.state.plan, {"Content-Type": "application/fhir+ndjson"}
        whole = "".join(f"{line}\n" for line in plan["files"][number]["lines"]).encode()
        do = fault["do"] if fault else ""
        if do == "short":
            whole = whole[: -len(whole.splitlines()[-1]) // 2]
        if plan["gzip"] and "gzip" in self.headers.get("Accept-Encoding", ""):
            whole, headers["Content-Encoding"] = gzip.compress(whole, mtime=0), "gzip"
        if plan["etag"]:
            headers["ETag"] = '"one"'
        status, body = self.ranged(whole, headers)
        cut = fault["bytes"] if fault and do == "cut" else None
        self.send(status, body, headers, cut)

    def ranged(self, whole: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        wanted = self.headers.get("Range", "")
        same = self.headers.get("If-Range", '"one"') == '"one"'
        if not (wanted and same and self.state.plan["ranges"]):
            return 200, whole
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(whole):
            headers["Content-Range"] = f"bytes */{len(whole)}"
            return 416, b""
        headers["Content-Range"] = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
        return 206, whole[start:]

    def send(self, status: int, body: bytes, headers: dict[str, str], cut: int | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.state.plan["lengths"]:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.hang_up()
        elif not self.state.plan["lengths"]:
            self.close_connection = True

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Quiet(ThreadingHTTPServer):
    """Clients may hang up: nobody needs to read of it."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def main() -> None:
    state = State(json.loads(sys.stdin.readline()))
    handler = type("Told", (Handler,), {"state": state})
    servers = [Quiet(("127.0.0.1", 0), handler) for _ in range(2)]
    state.ports = [server.server_address[1] for server in servers]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(state.ports), flush=True)
    sys.stdin.read()  # until the test is over


if __name__ == "__main__":
    main()
