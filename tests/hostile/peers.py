"""Played peers that say what no honest one would: over plain TCP, as a Redis, over HTTP, as a ZooKeeper."""
import contextlib
import os
import socket
import struct
import threading
import time

BACKLOG = 1024


class Closed(Exception):
    """The other side has gone, or this side goes."""


class Peer:
    """Listens on an address and calls serve(connection) in a thread for each that comes. met: how many came."""

    def __init__(self, address, serve):
        self.how, self.met, self.live = serve, 0, set()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.socket.listen(BACKLOG)
        self.host, self.port = self.socket.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            self.met += 1
            self.live.add(connection)
            threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection):
        with contextlib.suppress(Closed, OSError, ValueError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.how(connection)
        self.live.discard(connection)
        connection.close()

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.socket.close()
        self.cut()

    def cut(self):
        """Ends what is connected; whoever comes next is served."""
        for connection in list(self.live):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def receive(connection, size=65536):
    data = connection.recv(size)
    if not data:
        raise Closed
    return data


def exactly(connection, size):
    data = b""
    while len(data) < size:
        data += receive(connection, size - len(data))
    return data


def until_gone(connection):
    while True:
        receive(connection)


# --- Redis ------------------------------------------------------------------------------------------------------------
def bulk(text):
    return b"$%d\r\n%s\r\n" % (len(text), text)


INFO = (b"# Server\r\nredis_version:3.2.11\r\nrun_id:" + b"a" * 40 + b"\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"
        b"master_repl_offset:1\r\n# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n")


def says_unasked(words):
    """Says it as soon as somebody comes, and then goes on listening."""
    def serve(connection):
        connection.sendall(words)
        until_gone(connection)
    return serve


def answers(*parts, pause=0.0):
    """The same to each question, in parts."""
    def serve(connection):
        while True:
            receive(connection)
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
    return serve


def floods(data, asked=True):
    """Without an end, as fast as it is read."""
    def serve(connection):
        if asked:
            receive(connection)
        while True:
            connection.sendall(data)
    return serve


def closes(connection):
    del connection


REDIS = {
    "unasked": {
        "a word, twice": says_unasked(b"+PWN\r\n+PWN\r\n"),
        "fifty words": says_unasked(b"+OK\r\n" * 50),
        "a word for ever": floods(b"+PWN\r\n" * 1000, asked=False),
        "a message": says_unasked(b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"),
    },
    "too many": {
        "two replies": answers(bulk(INFO) + b"+OK\r\n"),
        "a reply and its echo later": answers(bulk(INFO), bulk(INFO), pause=0.05),
        "three errors": answers(b"-ERR max number of clients reached\r\n" * 3),
        "INFO for ever": floods(bulk(INFO)),
    },
    "lengths": {
        "2^31-1 elements": answers(b"*2147483647\r\n"),
        "500,000,000 elements": answers(b"*500000000\r\n"),
        "2^63-1 elements": answers(b"*9223372036854775807\r\n"),
        "-2 elements": answers(b"*-2\r\n"),
        "a bulk of 512 MiB": answers(b"$536870912\r\n" + b"x" * 1000000),
        "a bulk of -5": answers(b"$-5\r\n"),
        "1,000 arrays in each other": answers(b"*1\r\n" * 1000),
        "a line without an end": floods(b"+" + b"x" * 65536),
        "arrays without an end": floods(b"*1\r\n" * 16384),
    },
    "nonsense": {
        "random bytes": answers(os.urandom(500)),
        "NUL in INFO": answers(bulk(b"run_id:\0" + INFO)),
        "numbers over 2^63": answers(bulk(INFO.replace(b"keys=1,", b"keys=9223372036854775807,") + b"db1:keys=9223372036854775807,x\r\n"
                                          b"master_repl_offset:99999999999999999999\r\nconnected_slaves:99999999999\r\n")),
        "a byte each 50 ms": answers(*[bytes([b]) for b in bulk(INFO)], pause=0.05),
        "an error of lines": answers(b"-NOAUTH Authentication required.\nlevel=error event=forged\r\n"),
        "nothing": until_gone,
        "goodbye": closes,
    },
}


# --- HTTP -------------------------------------------------------------------------------------------------------------
def read_request(connection, buf=b""):
    """(method, target, headers, body, what came behind it)"""
    while b"\r\n\r\n" not in buf:
        buf += receive(connection)
    head, buf = buf.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    size = int(headers.get("content-length", "0"))
    while len(buf) < size:
        buf += receive(connection)
    return method, target, headers, buf[:size], buf[size:]


def serves(body, head=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"):
    """The same body to every request."""
    def serve(connection):
        buf = b""
        while True:
            *_, buf = read_request(connection, buf)
            connection.sendall((head % len(body) if b"%d" in head else head) + body)
    return serve


def streams(head, data, pause=0.0):
    """An answer without an end."""
    def serve(connection):
        read_request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(data)
            time.sleep(pause)
    return serve


def zeros(size):
    """[0,0,...] of so many bytes: what costs a parser most."""
    return b"[" + b"0," * (size // 2 - 2) + b"0]"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HTTP = {
    "16 MiB of zeros": lambda: serves(zeros(16 << 20)),
    "2 MiB of zeros in a member": lambda: serves(b'{"stats":' + zeros(2 << 20) + b"}"),
    "400,000 brackets": lambda: serves(b"[" * 400000),
    "a string without an end": lambda: streams(CHUNKED, b"10000\r\n" + b"\"" * 65536 + b"\r\n"),
    "headers without an end": lambda: streams(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 60000 + b"\r\n"),
    "100 Continue without an end": lambda: streams(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "lines behind the body without an end": lambda: streams(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 10000),
    "a chunk's extension without an end": lambda: streams(CHUNKED + b"1;", b"x" * 65536),
    "a byte now and then": lambda: streams(CHUNKED, b"1\r\n[\r\n", 0.1),
    "a redirection to itself": lambda: serves(b"", b"HTTP/1.1 302 Found\r\nLocation: /proxy\r\nContent-Length: 0\r\n\r\n"),
    "no HTTP": lambda: says_unasked(b"+PWN\r\n" * 100),
    "a length of 2^63": lambda: serves(b"{}", b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n"),
}


def waits_but(front):
    """Answers nothing but whether it lives, and that so."""
    def serve(connection):
        _, target, *_ = read_request(connection)
        if target == "/":
            front(connection)
        else:
            until_gone(connection)
    return serve


def sends(head, data, pause=0.0):
    def front(connection):
        connection.sendall(head)
        while True:
            connection.sendall(data)
            time.sleep(pause)
    return front


KNOCK = {
    "nothing": lambda: waits_but(until_gone),
    "a byte a second": lambda: waits_but(sends(b"", b"H", 1.0)),
    "a body of a byte a second": lambda: waits_but(sends(CHUNKED, b"1\r\n[\r\n", 1.0)),
    "zeros without an end": lambda: waits_but(sends(CHUNKED, b"10000\r\n" + b"0" * 65536 + b"\r\n")),
    "headers without an end": lambda: waits_but(sends(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 60000 + b"\r\n")),
    "a redirection": lambda: waits_but(sends(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:2181/\r\nContent-Length: 0\r\n\r\n", b"x", 9)),
    "goodbye": lambda: waits_but(closes),
}


# --- ZooKeeper --------------------------------------------------------------------------------------------------------
def counted(data):
    return struct.pack(">i", len(data)) + data


OPS = {1: "create", 2: "delete", 3: "exists", 4: "get", 5: "set", 8: "list", 9: "sync", 12: "list"}
NO_NODE, UNIMPLEMENTED, HEAD = -101, -6, 16
STAT = struct.Struct(">qqqqiiiqiiq")


class ZooKeeper(Peer):
    """One member with a tree that is only read. evil(op, answer): what is sent in place of an honest answer (its header
    of 16 bytes and its body), or None: nothing. evil_ops: how often it was called."""

    def __init__(self, address, tree, evil=None):
        self.tree, self.evil, self.evil_ops = tree, evil, 0
        super().__init__(address, self.serve)

    def serve(self, connection):
        hello = exactly(connection, struct.unpack(">i", exactly(connection, 4))[0])
        timeout, session = struct.unpack(">iq", hello[12:24])
        welcome = struct.pack(">iiq", 0, timeout, session or 0x1000 + self.met) + counted(b"p" * 16) + b"\0"
        connection.sendall(counted(welcome))
        while True:
            request = exactly(connection, struct.unpack(">i", exactly(connection, 4))[0])
            xid, op = struct.unpack(">ii", request[:8])
            answer = self.answer(xid, op, request[8:])
            if answer is not None:
                connection.sendall(counted(answer))
            if op == -11:
                raise Closed

    def answer(self, xid, op, body):
        if op in (11, -11, 100):  # ping, close, auth
            return struct.pack(">iqi", xid, 100, 0)
        name, path = OPS.get(op, ""), ""
        if name:
            path = body[4:4 + struct.unpack(">i", body[:4])[0]].decode()
        error, text = self.do(name, op, path)
        honest = struct.pack(">iqi", xid, 100, error) + (b"" if error else text)
        if not self.evil or error:
            return honest
        self.evil_ops += 1
        return self.evil(name, honest)

    def do(self, name, op, path):
        if name == "sync":
            return 0, counted(path.encode())
        if name not in ("exists", "get", "list"):
            return UNIMPLEMENTED, b""
        data = self.tree.get(path)
        if data is None:
            return NO_NODE, b""
        children = [p[len(path) + 1:] for p in self.tree if p.startswith(path + "/") and "/" not in p[len(path) + 1:]]
        stat = STAT.pack(50, 50, 0, 0, 0, len(children), 0, 0, len(data), len(children), 50)
        if name == "list":
            names = struct.pack(">i", len(children)) + b"".join(counted(c.encode()) for c in children)
            return 0, names + (stat if op == 12 else b"")
        return 0, (counted(data) if name == "get" else b"") + stat


def in_place_of(ops, make):
    return lambda name, honest: make(honest[:HEAD]) if name in ops else honest


def lists(make):
    return in_place_of(("list",), make)


def gets(make):
    return in_place_of(("get",), make)


def number(n):
    return struct.pack(">i", n)


NOBODY = STAT.pack(50, 50, 0, 0, 0, 0, 0, 0, 2, 0, 50)
ZOOKEEPER = {
    "children": {
        "5 children, 1 there": lists(lambda h: h + number(5) + counted(b"group-0001")),
        "-1 children": lists(lambda h: h + number(-1)),
        "100,000,000 children": lists(lambda h: h + number(100000000) + b"x" * 20),
        "2^31-1 children": lists(lambda h: h + number(2**31 - 1) + b"x" * 20),
        "a name of 2^31-1 bytes": lists(lambda h: h + number(1) + number(2**31 - 1) + b"x"),
        "a name of -5 bytes": lists(lambda h: h + number(1) + number(-5)),
        "a name of 1 MB": lists(lambda h: h + number(1) + counted(b"x" * 1000000)),
        "100,000 names": lists(lambda h: h + number(100000) + b"".join(counted(b"group-%04d" % i) for i in range(100000))),
        "names with a way out": lists(lambda h: h + number(2) + counted(b"../../x") + counted(b"group-0001\0x")),
    },
    "data": {
        "data of 2^31-1 bytes": gets(lambda h: h + number(2**31 - 1) + b"x"),
        "data of -5 bytes": gets(lambda h: h + number(-5) + b"x" * 80),
        "half a stat": gets(lambda h: h + counted(b"xx") + b"\0" * 10),
        "1 MB of zeros": gets(lambda h: h + counted(zeros(1000000)) + NOBODY),
        "400,000 brackets": gets(lambda h: h + counted(b"[" * 400000) + NOBODY),
    },
    "frames": {
        "half a header": in_place_of(("get", "list"), lambda h: h[:7]),
        "nothing in it": in_place_of(("get", "list"), lambda h: b""),
        "another request's answer": in_place_of(("get", "list"), lambda h: number(77) + h[4:]),
        "a watch that nobody set": in_place_of(("get", "list"), lambda h: struct.pack(">iqi", -1, 0, 0) + number(3) + number(3)
                                               + counted(b"/codis3")),
        "an auth that nobody asked for": in_place_of(("get", "list"), lambda h: struct.pack(">iqi", -4, 0, 0)),
        "no answer": in_place_of(("get", "list"), lambda h: None),
    },
}
