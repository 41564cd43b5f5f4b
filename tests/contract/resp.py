"""A small Redis client for the cases: it shows exactly what came over the wire."""
import socket


class Closed(Exception):
    """The peer closed the connection."""


class Resp:
    def __init__(self, addr, timeout=5.0):
        host, port = addr.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    @staticmethod
    def encode(*args):
        out = [b"*%d\r\n" % len(args)]
        for a in args:
            a = a if isinstance(a, bytes) else str(a).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(a), a))
        return b"".join(out)

    def send(self, *args):
        self.sock.sendall(self.encode(*args))

    def raw(self, data):
        self.sock.sendall(data)

    def _more(self):
        try:
            chunk = self.sock.recv(65536)
        except ConnectionError as e:
            raise Closed(str(e)) from e
        if not chunk:
            raise Closed("closed")
        self.buf += chunk

    def _line(self):
        while b"\r\n" not in self.buf:
            self._more()
        line, self.buf = self.buf.split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    def read(self):
        """One reply: '+OK' and '-ERR ...' keep their sign, integers are ints, bulks are strings, arrays are lists."""
        line = self._line()
        kind, rest = line[0], line[1:]
        if kind in "+-":
            return line
        if kind == ":":
            return int(rest)
        if kind == "$":
            n = int(rest)
            if n < 0:
                return None
            while len(self.buf) < n + 2:
                self._more()
            data, self.buf = self.buf[:n], self.buf[n + 2:]
            return data.decode("utf-8", "replace")
        if kind == "*":
            return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
        raise Closed("not RESP: %r" % line)

    def __call__(self, *args):
        self.send(*args)
        return self.read()


def ask(addr, *args, timeout=5.0):
    """One command on a connection of its own; what went wrong is an answer too."""
    try:
        with Resp(addr, timeout) as r:
            return r(*args)
    except socket.timeout:
        return "(no answer)"
    except Closed:
        return "(closed)"
    except OSError as e:
        return "(%s)" % (e.strerror or e).__str__().lower()


def info(addr, section=None):
    text = ask(addr, "INFO", *([section] if section else []))
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
