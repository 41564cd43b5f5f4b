"""Clients of a Codis, as a program has them: commands to a proxy, many in one go."""
import socket
import zlib


class Connection:
    def __init__(self, address, timeout=30):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def _answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the connection ended")
        kind, text = line[:1], line[1:-2]
        if kind == b"-":
            return RuntimeError(text.decode("utf-8", "replace"))
        if kind == b":":
            return int(text)
        if kind == b"$":
            return self.file.read(int(text) + 2)[:-2] if int(text) >= 0 else None
        if kind == b"*":
            return [self._answer() for _ in range(int(text))]
        return text

    def all(self, commands, at_once=200):
        """The answers, in the order of the commands; an error is an answer."""
        answers = []
        for i in range(0, len(commands), at_once):
            batch = commands[i:i + at_once]
            self.socket.sendall(b"".join(encoded(c) for c in batch))
            answers += [self._answer() for _ in batch]
        return answers


def encoded(command):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


class Keys:
    """Keys of each type, every other one with a time to live: written once, and read back as often as is wanted."""

    def __init__(self, count, big=0):
        self.names = [f"key:{i}" for i in range(count)]
        self.big = big
        # In the last slot, which is the first to move to a new group.
        self.big_name = next(n for n in (f"big:{i}" for i in range(100000)) if zlib.crc32(n.encode()) % 1024 == 1023)

    def written(self, i):
        """(the command that makes it, the one that reads it, what that one answers)"""
        name, text = self.names[i], f"value-{i}".encode()
        items = [f"{text.decode()}-{k}".encode() for k in range(3)]
        kind = i % 5
        if kind == 0:
            return ("SET", name, text), ("GET", name), text
        if kind == 1:
            return ("HMSET", name, "a", items[0], "b", items[1]), ("HMGET", name, "a", "b"), items[:2]
        if kind == 2:
            return ("RPUSH", name, *items), ("LRANGE", name, 0, -1), items
        if kind == 3:
            return ("SADD", name, *items), ("SMEMBERS", name), sorted(items)
        return ("ZADD", name, 1, items[0], 2, items[1]), ("ZRANGE", name, 0, -1), items[:2]

    def write(self, connection):
        commands = [self.written(i)[0] for i in range(len(self.names))]
        commands += [("EXPIRE", name, 100000) for name in self.names[::2]]
        if self.big:
            commands.append(("SET", self.big_name, b"x" * self.big))
        errors = [a for a in connection.all(commands) if isinstance(a, RuntimeError)]
        assert not errors, f"{len(errors)} writes failed: {errors[0]}"

    def wrong(self, connection):
        """What is not as it was written, in sentences."""
        found = []
        answers = connection.all([self.written(i)[1] for i in range(len(self.names))])
        for i, answer in enumerate(answers):
            right = self.written(i)[2]
            if (sorted(answer) if i % 5 == 3 and isinstance(answer, list) else answer) != right:
                found.append(f"{self.names[i]} is {answer!r}")
        ttls = connection.all([("TTL", name) for name in self.names])
        for i, ttl in enumerate(ttls):
            if isinstance(ttl, RuntimeError) or (99000 < ttl <= 100000) != (i % 2 == 0) or (i % 2 and ttl != -1):
                found.append(f"the time to live of {self.names[i]} is {ttl!r}")
        if self.big:
            answer = connection.all([("STRLEN", self.big_name)])[0]
            if answer != self.big:
                found.append(f"the big one has {answer!r} bytes")
        return found
