"""The API server of a large cluster (crowd.py): played, its objects kept as text."""
import time

import crowd
from api import Api, Selector, chunk, reply, stream_head


class Texts:
    """A collection: its objects in text, parted where the version and the uid stand."""

    def __init__(self, objects):
        self.texts, self.labels, self.size, self.known = [], [], 0, {}
        for o in objects:
            self.texts.append(crowd.json.dumps(o, separators=(",", ":")))
            self.labels.append(o["metadata"].get("labels") or {})
            self.size += len(self.texts[-1])

    def mean_kb(self):
        return self.size / len(self.texts) / 1000

    def chosen(self, request):
        terms = Selector(request).terms
        if tuple(terms) not in self.known:
            self.known[tuple(terms)] = [k for k, labels in enumerate(self.labels)
                                        if all(Selector.holds(t, labels) for t in terms)]
        return self.known[tuple(terms)]

    @staticmethod
    def uid(k, generation):
        return f"{generation:08x}-0000-4000-8000-{k:012x}"

    def page(self, those, generation):
        return ",".join(self.texts[k].replace(crowd.VERSION, str(generation * 10 ** 6 + k + 1000))
                        .replace(crowd.UID, self.uid(k, generation)) for k in those)


class Cluster:
    """The API server. Of the three collections it knows no change but that all is made anew."""

    def __init__(self, nodes, pods):
        self.of = {"nodes": Texts(crowd.node(i) for i in range(nodes)),
                   "pods": Texts(crowd.codis_pod(i, nodes) for i in range(pods)),
                   "statefulsets": Texts(crowd.codis_set(i, nodes) for i in range(crowd.sets_of(pods)))}
        self.generation, self.watching = 1, {}
        self.api = Api(self.answer)

    def version(self):
        return self.generation * 10 ** 6 + 10 ** 5 * 9

    def answer(self, request, connection):
        texts = self.of.get(request.resource) if request.method == "GET" and not request.name else None
        if texts and request.watch:
            self.hold(request, connection)
        elif texts:
            self.list(request, connection, texts)
        return bool(texts)

    def list(self, request, connection, texts):
        generation, _, at = request.query.get("continue", f"{self.generation}-0").partition("-")
        those, at, limit = texts.chosen(request), int(at), int(request.query.get("limit", 0)) or len(texts.texts)
        left = len(those) - at - limit
        more = f',"continue":"{generation}-{at + limit}","remainingItemCount":{left}' if left > 0 else ""
        reply(connection, f'{{"kind":"List","apiVersion":"v1","metadata":{{"resourceVersion":"{self.version()}"{more}}},'
                          f'"items":[{texts.page(those[at:at + limit], int(generation))}]}}')

    def hold(self, request, connection):
        """A watch in which nothing happens; at its end all is too old."""
        mine, what = self.generation, f"{request.path}?{request.query.get('labelSelector', '')}"
        stream_head(connection)
        if int(request.query["resourceVersion"]) == self.version():
            self.watching[what] = mine
            while mine == self.generation:
                time.sleep(0.05)
        chunk(connection, b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n')
        connection.sendall(b"0\r\n\r\n")

    def is_watched(self, program):
        program.lives()
        return self.watching and all(g == self.generation for g in self.watching.values())
