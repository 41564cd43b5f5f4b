"""A door to the API server, of plain HTTP: what goes through it can be told to fail, to come late, or to fall silent."""
import contextlib
import http.client
import http.server
import json
import re
import ssl
import tempfile
import threading

from programs import write_kubeconfig
from real import TOKEN

# Of one hop, or set anew. Nor encodings: a server of 1.37 would compress what a watch begins with.
NOT_PASSED_ON = {"accept-encoding", "host", "connection", "authorization", "content-length", "transfer-encoding", "keep-alive"}
BINDING = re.compile(r"/api/v1/namespaces/[^/]+/pods/([^/]+)/binding$")


class Cut(Exception):
    """The connection ends, with no answer."""


def failure(status, reason):
    return status, {"Content-Type": "application/json"}, json.dumps(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status, "message":
         f"{reason}, for a test"}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.pass_on
        raise AttributeError(name)

    def handle(self):
        with contextlib.suppress(OSError):  # who asked has ended
            super().handle()

    def pass_on(self):
        door = self.server.door
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in NOT_PASSED_ON}
        binding = BINDING.search(self.path) if self.command == "POST" else None
        with contextlib.suppress(OSError, http.client.HTTPException, Cut):  # then the connection ends, in both directions
            if re.search(r"[?&]watch=(1|true)\b", self.path):
                self.stream(door, headers)
            elif binding and door.on_binding:
                self.answer(*door.on_binding(binding.group(1), lambda: door.ask("POST", self.path, body, headers)))
            else:
                self.answer(*door.ask(self.command, self.path, body, headers))
            return
        self.close_connection = True

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, door, headers):
        with door.connect() as upstream:
            upstream.request("GET", self.path, headers=door.known(headers))
            answer = upstream.getresponse()
            if answer.status != 200:
                self.answer(answer.status, dict(answer.headers), answer.read())
                return
            self.close_connection = True  # its length is not known
            door.wait_heard()
            self.send_response(200)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Connection", "close")
            self.end_headers()
            while data := answer.read1(65536):
                door.wait_heard()
                self.wfile.write(data)

    def log_message(self, *_):
        pass


class Door:
    """Stands for a `Kube` where a program is to go through it: it has a kubeconfig. on_binding(pod, do) answers for each
    binding: (status, headers, body), as do() gives it, which lets the API server do it; or it raises Cut."""

    def __init__(self, stack, kube):
        self.kube, self.on_binding = kube, None
        self.heard = threading.Event()
        self.heard.set()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.door = self
        self.server.daemon_threads, self.server.block_on_close = True, False
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        stack.callback(self.server.server_close)
        stack.callback(self.server.shutdown)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="codis-door-"))
        self.config = write_kubeconfig(folder, f"http://127.0.0.1:{self.server.server_address[1]}")

    def connect(self):
        return contextlib.closing(http.client.HTTPSConnection("127.0.0.1", self.kube.port, timeout=600,
                                                              context=ssl._create_unverified_context()))

    def known(self, headers):
        return {**headers, "Authorization": f"Bearer {TOKEN}"}

    def ask(self, method, path, body, headers):
        with self.connect() as upstream:
            upstream.request(method, path, body or None, self.known(headers))
            answer = upstream.getresponse()
            return answer.status, dict(answer.headers), answer.read()

    def wait_heard(self):
        """No byte of a watch goes through while the door is mute; all else does."""
        self.heard.wait()
