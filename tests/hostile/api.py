"""A played API server: any resource, list in pages, watch, the four writes with their conflicts, and whatever fault a case
puts in front of them. Threads of its own; everything may be called at any time."""
import contextlib
import itertools
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse

from peers import Closed, Peer, read_request

KEPT_EVENTS = 20000  # of a collection; a watch from before them is answered 410
TICK_S = 0.5         # how soon a watch sees that it is to end
BOOKMARK_S = 20      # an API server's come once a minute


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.headers, self.body = method, headers, body
        self.path, _, query = target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        self.watch = self.query.get("watch") in ("1", "true")
        parts = self.path.strip("/").split("/")
        head = 2 if parts[0] == "api" else 3
        self.group, rest = "/".join(parts[:head]), parts[head:]
        self.namespace = ""
        if rest and rest[0] == "namespaces" and len(rest) > 2:
            self.namespace, rest = rest[1], rest[2:]
        self.resource = rest[0] if rest else ""
        self.name = rest[1] if len(rest) > 1 else ""
        self.collection = (self.group, self.resource)
        self.key = (self.namespace, self.name)


class Stored:
    def __init__(self, object_):
        self.object, self.text = object_, json.dumps(object_)
        self.version = int(object_["metadata"]["resourceVersion"])


class Selector:
    """labelSelector and fieldSelector (of names) of a request."""

    def __init__(self, request):
        self.terms = [t.strip() for t in re.split(r",(?![^()]*\))", request.query.get("labelSelector", "")) if t.strip()]
        fields = dict(f.split("=") for f in request.query.get("fieldSelector", "").split(",") if "=" in f and "!=" not in f)
        self.name, self.ip = fields.get("metadata.name"), fields.get("status.podIP")
        self.namespace = request.namespace

    @staticmethod
    def holds(term, labels):
        among = re.fullmatch(r"(\S+) (in|notin) \((.*)\)", term)
        if among:
            values = [v.strip() for v in among[3].split(",")]
            return (labels.get(among[1]) in values) == (among[2] == "in")
        if "!=" in term:
            key, value = term.split("!=")
            return labels.get(key) != value
        if "=" in term:
            key, value = re.split("==?", term)
            return labels.get(key) == value
        return term[1:] not in labels if term[0] == "!" else term in labels

    def matches(self, stored):
        meta = stored.object["metadata"]
        return (not self.namespace or meta.get("namespace", "") == self.namespace) and \
               (self.name is None or meta["name"] == self.name) and \
               (self.ip is None or stored.object.get("status", {}).get("podIP") == self.ip) and \
               all(self.holds(t, meta.get("labels") or {}) for t in self.terms)


def patch(object_, operations):
    """JSON Patch (RFC 6902): test, add, replace, remove. False: a test does not hold."""
    for op in operations:
        *way, last = [p.replace("~1", "/").replace("~0", "~") for p in op["path"].split("/")[1:]]
        at = object_
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        key = (len(at) if last == "-" else int(last)) if isinstance(at, list) else last
        there = at.get(key) if isinstance(at, dict) else at[key] if key < len(at) else None
        if op["op"] == "test" and there != op["value"]:
            return False
        if op["op"] == "remove":
            del at[key]
        elif op["op"] == "add" and isinstance(at, list):
            at.insert(key, op["value"])
        elif op["op"] in ("add", "replace"):
            at[key] = op["value"]
    return True


def merge(object_, more):
    for key, value in more.items():
        if value is None:
            object_.pop(key, None)
        elif isinstance(value, dict) and isinstance(object_.get(key), dict):
            merge(object_[key], value)
        else:
            object_[key] = value


class Api:
    """fault(request, connection): answers a request in place of this server, and returns True; else False."""

    def __init__(self, fault=None):
        self.fault = fault
        self.tls = None  # an SSLContext: for the connections that come from now on
        self.changed = threading.Condition(threading.RLock())
        self.version, self.made = 1000, itertools.count(1)
        self.objects, self.events, self.oldest = {}, {}, {}
        self.pages = {}
        self.requests = []  # (monotonic time, method, path, is a watch)
        self.ended = 0      # watches that began before this end
        self.peer = Peer(("127.0.0.1", 0), self.serve)
        self.port = self.peer.port

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def stop(self):
        self.end_watches()
        self.peer.stop()

    # --- what a test does ---------------------------------------------------------------------------------------------
    def apply(self, path, object_):
        """Creates or changes an object; its metadata's name, namespace and version are filled in."""
        request = Request("PUT", path, {}, b"")
        with self.changed:
            return self.store(request.collection, request.namespace, request.name, json.loads(json.dumps(object_))).object

    def delete(self, path):
        request = Request("DELETE", path, {}, b"")
        with self.changed:
            self.remove(request.collection, request.key)

    def read(self, path):
        request = Request("GET", path, {}, b"")
        with self.changed:
            stored = self.objects.get(request.collection, {}).get(request.key)
            return stored and json.loads(stored.text)

    def take_from(self, port, *collections):
        """Copies all objects of these collections from another API server."""
        for collection in collections:
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(f"GET {collection} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                head, _, body = b"".join(iter(lambda: s.recv(1 << 20), b"")).partition(b"\r\n\r\n")
            assert b" 200 " in head.partition(b"\r\n")[0], head
            for item in json.loads(body)["items"]:
                meta = item["metadata"]
                prefix, resource = collection.rsplit("/", 1)
                where = f"{prefix}/namespaces/{meta['namespace']}/{resource}" if meta.get("namespace") else collection
                self.apply(f"{where}/{meta['name']}", item)

    def renew(self, collection):
        """Every object there has another version, and the past is compacted."""
        with self.changed:
            all_ = self.objects[collection]
            for key, stored in all_.items():
                self.version += 1
                stored.object["metadata"]["resourceVersion"] = str(self.version)
                all_[key] = Stored(stored.object)
            self.forget()

    def end_watches(self):
        with self.changed:
            self.ended = next(self.made)
            self.changed.notify_all()

    def forget(self):
        """The past is compacted: whoever watches has to list again."""
        with self.changed:
            for collection in self.objects:
                self.oldest[collection] = self.version
            self.end_watches()

    def asked(self, words, watch=None):
        """Times at which requests came whose "METHOD /path" holds these words."""
        with self.changed:
            return [t for t, m, p, w in self.requests if words in f"{m} {p}" and watch in (None, w)]

    # --- objects ------------------------------------------------------------------------------------------------------
    def store(self, collection, namespace, name, object_):
        self.version += 1
        all_ = self.objects.setdefault(collection, {})
        was = all_.get((namespace, name))
        meta = object_.setdefault("metadata", {})
        meta.update(name=name, resourceVersion=str(self.version))
        if namespace:
            meta["namespace"] = namespace
        meta.setdefault("uid", was.object["metadata"]["uid"] if was else f"uid-{next(self.made)}")
        all_[namespace, name] = stored = Stored(object_)
        self.tell(collection, "MODIFIED" if was else "ADDED", stored, was)
        return stored

    def remove(self, collection, key):
        was = self.objects.get(collection, {}).pop(key, None)
        if was:
            self.version += 1
            last = json.loads(was.text)
            last["metadata"]["resourceVersion"] = str(self.version)
            self.tell(collection, "DELETED", Stored(last), was)
        return was

    def tell(self, collection, kind, stored, was):
        events = self.events.setdefault(collection, [])
        events.append((self.version, kind, stored, was))
        if len(events) > KEPT_EVENTS:
            del events[:KEPT_EVENTS // 2]
            self.oldest[collection] = events[0][0] - 1
        self.changed.notify_all()

    # --- HTTP ---------------------------------------------------------------------------------------------------------
    def serve(self, raw):
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(self.tls.wrap_socket(raw, server_side=True)) if self.tls else raw
            self.peer.live.add(connection)  # TLS has taken the socket from the one that was there
            stack.callback(self.peer.live.discard, connection)
            buf = b""
            while True:
                method, target, headers, body, buf = read_request(connection, buf)
                request = Request(method, target, headers, body)
                with self.changed:
                    self.requests.append((time.monotonic(), method, request.path, request.watch))
                if not (self.fault and self.fault(request, connection)):
                    self.answer(request, connection)

    def answer(self, request, connection):
        if request.watch:
            return self.watch(request, connection)
        if request.method == "GET" and not request.name:
            return reply(connection, self.list(request))
        with self.changed:
            code, object_ = self.write(request) if request.method != "GET" else self.get(request)
        return reply(connection, object_, code)

    def get(self, request):
        stored = self.objects.get(request.collection, {}).get(request.key)
        return (200, stored.text) if stored else status(404, "NotFound")

    def write(self, request):
        there = self.objects.get(request.collection, {}).get(request.key)
        object_ = json.loads(request.body) if request.body else {}
        if request.method == "POST":
            meta = object_.setdefault("metadata", {})
            name = meta.get("name") or f"{meta.get('generateName', 'x-')}{next(self.made)}"
            if (request.namespace, name) in self.objects.get(request.collection, {}):
                return status(409, "AlreadyExists")
            if request.resource == "events":  # not kept: nobody reads them, and they are many
                return 201, "{}"
            return 201, self.store(request.collection, request.namespace, name, object_).text
        if not there:
            return status(404, "NotFound")
        if request.method == "DELETE":
            self.remove(request.collection, request.key)
            return 200, there.text
        if request.method == "PATCH":
            changed = json.loads(there.text)
            if isinstance(object_, list) and not patch(changed, object_):
                return status(422, "Invalid")
            if isinstance(object_, dict):
                merge(changed, object_)
            object_ = changed
        wanted = object_["metadata"].get("resourceVersion")
        if wanted and int(wanted) != there.version:
            return status(409, "Conflict")
        return 200, self.store(request.collection, *request.key, object_).text

    def list(self, request):
        limit = int(request.query.get("limit", "0")) or None
        with self.changed:
            if "continue" in request.query:
                found, version = self.pages.pop(request.query["continue"], ([], self.version))
            else:
                selector, version = Selector(request), self.version
                found = [s.text for s in self.objects.get(request.collection, {}).values() if selector.matches(s)]
            token = ""
            if limit and len(found) > limit:
                token = f"page-{next(self.made)}"
                self.pages[token] = (found[limit:], version)
        more = f',"continue":"{token}"' if token else ""
        return f'{{"kind":"List","apiVersion":"v1","metadata":{{"resourceVersion":"{version}"{more}}},' \
               f'"items":[{",".join(found[:limit])}]}}'

    def watch(self, request, connection):
        selector, version = Selector(request), int(request.query.get("resourceVersion") or 0)
        end = time.monotonic() + float(request.query.get("timeoutSeconds", 3600))
        with self.changed:
            if version < self.oldest.get(request.collection, 0):
                return reply(connection, *reversed(status(410, "Expired")))
            began = next(self.made)
        stream_head(connection)
        bookmark = time.monotonic() + BOOKMARK_S
        while self.ended < began and time.monotonic() < end:
            lines, version = self.next_events(request.collection, selector, version)
            if lines:
                chunk(connection, "".join(lines).encode())
            elif lines is None:
                raise Closed  # what it has not heard yet is gone
            if time.monotonic() > bookmark:
                bookmark += BOOKMARK_S
                meta = f'{{"metadata":{{"resourceVersion":"{version}"}}}}'
                chunk(connection, f'{{"type":"BOOKMARK","object":{meta}}}\n'.encode())
        return connection.sendall(b"0\r\n\r\n")

    def next_events(self, collection, selector, version):
        """(lines, version): what came after that version; waits a moment for it. (None, _): it is not kept any more."""
        with self.changed:
            if not any(e[0] > version for e in reversed(self.events.get(collection, [])[-1:])):
                self.changed.wait(TICK_S)
            if version < self.oldest.get(collection, 0):
                return None, version
            fresh = list(itertools.takewhile(lambda e: e[0] > version, reversed(self.events.get(collection, []))))
        lines = []
        for at, kind, stored, was in reversed(fresh):
            now, before = kind != "DELETED" and selector.matches(stored), bool(was) and selector.matches(was)
            if now or before:
                kind = ("MODIFIED" if before else "ADDED") if now else "DELETED"
                lines.append(f'{{"type":"{kind}","object":{stored.text}}}\n')
            version = max(version, at)
        return lines, version


def status(code, reason):
    return code, json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason.lower(),
                             "reason": reason, "code": code})


def reply(connection, object_, code=200, headers=""):
    """object_: text, or anything that JSON can hold."""
    body = (object_ if isinstance(object_, str) else json.dumps(object_)).encode()
    connection.sendall(f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\n{headers}"
                       f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def stream_head(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")


def chunk(connection, data):
    connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))


def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
