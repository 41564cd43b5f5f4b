"""A small ZooKeeper client: enough to look at the tree and to change it, as a person with zkCli would."""
import socket
import struct
import threading

ERRORS = {-101: "NoNode", -110: "NodeExists", -103: "BadVersion", -111: "NotEmpty"}


class ZkError(Exception):
    pass


class Zk:
    def __init__(self, addr):
        host, port = addr.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), 5)
        self.xid = 0
        self.lock = threading.Lock()
        self._frame(struct.pack(">iqiq", 0, 0, 10000, 0) + struct.pack(">i", 16) + b"\0" * 16)
        self._read()
        self.stop = threading.Event()
        threading.Thread(target=self._ping, daemon=True).start()

    def close(self):
        self.stop.set()
        self.sock.close()

    def _ping(self):
        while not self.stop.wait(2):
            try:
                self._call(11, b"", xid=-2)
            except (OSError, ZkError):
                return

    def _frame(self, data):
        self.sock.sendall(struct.pack(">i", len(data)) + data)

    def _exact(self, n):
        out = b""
        while len(out) < n:
            chunk = self.sock.recv(n - len(out))
            if not chunk:
                raise OSError("ZooKeeper closed the connection")
            out += chunk
        return out

    def _read(self):
        return self._exact(struct.unpack(">i", self._exact(4))[0])

    def _call(self, op, body, xid=None):
        with self.lock:
            if xid is None:
                self.xid += 1
                xid = self.xid
            self._frame(struct.pack(">ii", xid, op) + body)
            while True:
                reply = self._read()
                got, _, err = struct.unpack(">iqi", reply[:16])
                if got == xid:
                    break
        if err:
            raise ZkError(ERRORS.get(err, str(err)))
        return reply[16:]

    @staticmethod
    def _str(s):
        s = s if isinstance(s, bytes) else s.encode()
        return struct.pack(">i", len(s)) + s

    def get(self, path):
        """(text, stat) of a node, or (None, None) when there is none."""
        try:
            reply = self._call(4, self._str(path) + b"\0")
        except ZkError as e:
            if str(e) == "NoNode":
                return None, None
            raise
        n = struct.unpack(">i", reply[:4])[0]
        data = reply[4:4 + max(n, 0)].decode()
        names = "czxid mzxid ctime mtime version cversion aversion ephemeral_owner data_length children pzxid".split()
        return data, dict(zip(names, struct.unpack(">qqqqiiiqiiq", reply[4 + max(n, 0):])))

    def set(self, path, data, version=-1):
        self._call(5, self._str(path) + self._str(data) + struct.pack(">i", version))

    def create(self, path, data=""):
        acl = struct.pack(">i", 1) + struct.pack(">i", 31) + self._str("world") + self._str("anyone")
        self._call(1, self._str(path) + self._str(data) + acl + struct.pack(">i", 0))

    def delete(self, path):
        self._call(2, self._str(path) + struct.pack(">i", -1))

    def children(self, path):
        try:
            reply = self._call(8, self._str(path) + b"\0")
        except ZkError as e:
            if str(e) == "NoNode":
                return None
            raise
        count, at, names = struct.unpack(">i", reply[:4])[0], 4, []
        for _ in range(count):
            n = struct.unpack(">i", reply[at:at + 4])[0]
            names.append(reply[at + 4:at + 4 + n].decode())
            at += 4 + n
        return sorted(names)
