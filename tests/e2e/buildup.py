"""codisctl buildup and cleanup, one behind the other, beside another product in the same ZooKeeper."""
import os
import socket
import struct

from cli import codisctl
from world import NAMESPACE, case

# More rounds, by hand: BUILDUP_ROUNDS=5.
ROUNDS = int(os.environ.get("BUILDUP_ROUNDS", "2"))
ARTICLE_ROUNDS = int(os.environ.get("BUILDUP_ROUNDS", "1"))

OTHER = ("/codis3/other", "/codis3/other/group", "/codis3/other/group/group-0001")
CREATE, EXISTS = 1, 3
EXISTS_ALREADY, OK = -110, 0


class ZooKeeper:
    """As much of its protocol as makes nodes and asks for them."""

    def __init__(self, w):
        self.link = socket.create_connection((w.pod("zookeeper-0")["status"]["podIP"], 2181), 5)
        self.ask(struct.pack(">iqiqi16s", 0, 0, 5000, 0, 16, bytes(16)))

    def ask(self, message):
        self.link.sendall(struct.pack(">i", len(message)) + message)
        return self.take(struct.unpack(">i", self.take(4))[0])

    def take(self, count):
        data = b""
        while len(data) < count:
            part = self.link.recv(count - len(data))
            assert part, "ZooKeeper has closed the connection"
            data += part
        return data

    @staticmethod
    def text(value):
        return struct.pack(">i", len(value)) + value.encode()

    def of(self, kind, path, rest):
        return struct.unpack(">iqi", self.ask(struct.pack(">ii", 1, kind) + self.text(path) + rest)[:16])[2]

    def make(self, path):
        acl = struct.pack(">ii", 1, 31) + self.text("world") + self.text("anyone")
        result = self.of(CREATE, path, self.text("{}") + acl + struct.pack(">i", 0))
        assert result in (OK, EXISTS_ALREADY), f"{path}: {result}"

    def has(self, path):
        return self.of(EXISTS, path, b"\0") == OK


@case
def one_behind_the_other(w):
    """cleanup takes codis-test away and leaves another product's tree; buildup without a pause ends with PONG; and both again."""
    zookeeper = ZooKeeper(w)
    for path in OTHER:
        zookeeper.make(path)
    for _ in range(ROUNDS):
        told, seconds = codisctl(w, "cleanup", "--yes")
        for words in ("codis-controller only watches codis-test", "in ZooKeeper zookeeper:2181: other", f"{NAMESPACE}/codis-test is gone"):
            assert words in told, f"{words} is not in:\n{told}"
        left = [p["metadata"]["name"] for p in w.kube.pods(NAMESPACE) if not p["metadata"]["name"].startswith("zookeeper")]
        assert not left, f"these are left: {left}"
        zookeeper = ZooKeeper(w)
        assert not zookeeper.has("/codis3/codis-test") and not zookeeper.has("/jodis/codis-test")
        assert all(zookeeper.has(path) for path in OTHER)
        w.note(f"taken away in {seconds:.1f} s")
        told, seconds = codisctl(w, "buildup")
        assert "StatefulSet zookeeper: unchanged" in told or "StatefulSet zookeeper: changed" in told, told
        assert told.endswith("\nPONG\n") and told.count("PONG in ") == 2, told
        w.note(f"built up in {seconds:.1f} s")
    told, _ = codisctl(w, "buildup")
    assert "created" not in told and "changed\n" not in told.replace("unchanged\n", ""), told


@case
def the_articles_set(w):
    """codisctl buildup --set article, in a namespace that it makes and beside a first Codis, scale-proxy 3, cleanup, without a pause: PONG each time."""
    try:
        for _ in range(ARTICLE_ROUNDS):
            told, seconds = codisctl(w, "buildup", "--set", "article", namespace="article", within=180)
            assert told.endswith("\nPONG\n"), told
            w.note(f"built up in {seconds:.1f} s: {told.count('PONG in ')} proxies")
            told, seconds = codisctl(w, "scale-proxy", "3", namespace="article", within=120)
            assert told.endswith("\nPONG\n") and told.count("PONG in ") == 3, told
            w.note(f"3 proxies after {seconds:.1f} s")
            told, seconds = codisctl(w, "cleanup", "--yes", namespace="article", within=120)
            assert "article/codis-test is gone" in told, told
            w.note(f"taken away in {seconds:.1f} s")
    finally:
        if w.kube.find("/api/v1/namespaces/article"):  # else what went wrong is told, not that it was not made
            w.remove_codis("article")
