"""visitor.py KIND PORT SOURCE [FILE]: one who calls codis-webhook, in a process of its own so that who attacks takes no time
of who asks honestly. It says "there" once what it is about goes on, ends when its input does, and says then what it saw.
FILE: the body of a review. Kinds: a method below each."""
import contextlib
import json
import select
import socket
import ssl
import sys
import threading
import time

TLS = ssl._create_unverified_context()
TIMEOUT_S = 3  # timeoutSeconds of manifests/system
HEAD = b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


IP_BIND_ADDRESS_NO_PORT = 24  # <linux/in.h>: else a port is taken from all connections of the address


class Closed(OSError):
    pass


class Visitor:
    def __init__(self, port, source, file=None):
        self.port, self.source, self.held = int(port), source, []
        self.body = open(file, "rb").read() if file else b""
        self.request = HEAD + b"Content-Length: %d\r\n\r\n" % len(self.body) + self.body
        self.ending = threading.Event()

    def there(self):
        print("there", flush=True)
        threading.Thread(target=lambda: (sys.stdin.read(), self.ending.set()), daemon=True).start()

    def connect(self, tls=True):
        s = socket.socket()
        s.settimeout(TIMEOUT_S)
        s.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        s.bind((self.source, 0))
        s.connect(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return TLS.wrap_socket(s) if tls else s

    def hold(self, n, words=b"", tls=True):
        """n connections on which words were sent; nothing is done with the answer."""
        for _ in range(n):
            with contextlib.suppress(OSError):
                s = self.connect(tls)
                self.held.append(s)
                s.settimeout(0.5)
                s.sendall(words)
        self.there()
        self.ending.wait()
        return f"{len(self.held)} connections"

    def again(self, what):
        """what() as fast as it can."""
        done, failed, begin = 0, 0, time.monotonic()
        self.there()
        while not self.ending.is_set():
            try:
                what()
                done += 1
            except OSError:
                failed += 1
        s = time.monotonic() - begin
        return f"{done / s:.0f} a second" + (f", and {failed / s:.0f} that failed" if failed else "")

    # --- who asks honestly --------------------------------------------------------------------------------------------
    def answer(self, s):
        """(head, body) of what comes on a connection."""
        got = b""
        while b"\r\n\r\n" not in got:
            part = s.recv(65536)
            if not part:
                raise Closed(f"closed after {len(got)} bytes of the answer")
            got += part
        head, _, body = got.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        while len(body) < length:
            part = s.recv(65536)
            if not part:
                raise Closed(f"closed after {len(body)} of {length} bytes")
            body += part
        return head, body

    def ask(self, s):
        s.sendall(self.request)
        head, body = self.answer(s)
        if b" 200 " not in head or b'"patch"' not in body:
            raise Closed(f"answered {head.splitlines()[0]} {body[:200]}")
        return head

    @staticmethod
    def open(s):
        """s, unless it was closed while it was idle: then nothing is sent on it."""
        return s if s and not select.select([s], [], [], 0)[0] else None

    def honest(self, keep):
        took, failures, s = [], [], None
        self.there()
        while not self.ending.wait(0.005):
            begin = time.monotonic()
            try:
                s = self.open(s) or self.connect()
                self.ask(s)
            except OSError as e:
                failures.append(repr(e))
                s = None
            took.append(time.monotonic() - begin)
            if not keep and s:
                s.close()
                s = None
        return json.dumps({"took": sorted(took), "failures": failures})

    def keeps(self):
        return self.honest(True)

    def comes_anew(self):
        return self.honest(False)

    def rolls(self):
        """16 as an API server's client: each keeps its connection, comes anew when it is told to or the connection was
        closed while it was idle, and never asks twice. Until nobody can connect."""
        answered, unanswered, lock = [], [], threading.Lock()

        def call():
            s = None
            while True:
                try:
                    s = self.open(s)
                    raw = None if s else self.connect(tls=False)
                except OSError:
                    return
                try:
                    s = s or TLS.wrap_socket(raw)
                    close = b"connection: close" in self.ask(s).lower()
                except OSError as e:
                    with lock:
                        unanswered.append(repr(e))
                    s = None
                    continue
                with lock:
                    answered.append(close)
                if close:
                    s.close()
                    s = None
        threads = [threading.Thread(target=call) for _ in range(16)]
        for t in threads:
            t.start()
        self.there()
        for t in threads:
            t.join()
        return json.dumps({"answered": len(answered), "told": sum(answered), "unanswered": unanswered})

    # --- who does not -------------------------------------------------------------------------------------------------
    def silent(self):
        return self.hold(1000, tls=False)

    def shaken(self):
        return self.hold(1000)

    def bodies(self):
        return self.hold(100, HEAD + b"Content-Length: 3145728\r\n\r\n" + b"[" + b"0," * 1572800)

    def expects(self):
        return self.hold(500, HEAD + b"Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n")

    def unread(self):
        """Answers of a megabyte that nobody reads."""
        return self.hold(200, self.request)

    def bytes(self):
        for _ in range(1000):
            with contextlib.suppress(OSError):
                self.held.append(self.connect())
                self.held[-1].sendall(HEAD + b"X: ")
        self.there()
        while not self.ending.wait(1):
            for s in self.held:
                with contextlib.suppress(OSError):
                    s.sendall(b"a")
        return f"{len(self.held)} connections"

    def connects(self):
        return self.again(lambda: self.connect(tls=False).close())

    def handshakes(self):
        return self.again(lambda: self.connect().close())

    def hellos(self):
        """A ClientHello that was once made, whose answer nobody waits for."""
        out = ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            TLS.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
        hello = out.read()

        def one():
            self.held = self.held[-200:] + [self.connect(tls=False)]
            self.held[-1].sendall(hello)
        return self.again(one)

    def once(self, words):
        """words on a connection of its own, and whatever comes of it."""
        s = self.connect()
        with contextlib.suppress(OSError):
            s.sendall(words)
            s.recv(65536)
        s.close()

    def heads(self):
        return self.again(lambda: self.once(b"GET /x HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n"))

    def pipelines(self):
        return self.again(lambda: self.once(self.request * 100))

    def chunks(self):
        return self.again(lambda: self.once(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 100000))


if __name__ == "__main__":
    print(getattr(Visitor(*sys.argv[2:]), sys.argv[1])())
