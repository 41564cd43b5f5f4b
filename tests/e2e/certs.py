"""The webhook's certificates and replicas change, and nobody who makes a pod notices."""
import collections
import http.client
import json
import threading
import time

from codis import SYSTEM
from kube import UnixConnection
from world import NAMESPACE, case, wait_for

CREATIONS = 20000
CALLERS = 8
ROUNDS = 3
LIMIT = 900  # seconds for all of it, on a machine that is busy
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/codis-webhook"
SECRET = f"/api/v1/namespaces/{SYSTEM}/secrets/codis-webhook-ca"
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "dry-", "labels": {"app": "codis-proxy"}},
       "spec": {"containers": [{"name": "codis-proxy", "image": "codis-image:latest",
                                "command": ["codis-proxy", "--product_name=codis-test"]}]}}


class Creations:
    """Callers that make pods by dry-run, as fast as they are answered, until stop is called."""

    def __init__(self, kube):
        self.socket = kube.socket
        self.lock = threading.Lock()
        self.made, self.slowest = 0, 0.0
        self.failed = collections.Counter()
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.call, daemon=True) for _ in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def call(self):
        body = json.dumps(POD)
        connection = UnixConnection(self.socket, 30)
        while not self.ended.is_set():
            begin, why = time.monotonic(), ""
            try:
                connection.request("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", body=body,
                                   headers={"Content-Type": "application/json"})
                answer = connection.getresponse()
                status, text = answer.status, answer.read().decode("utf-8", "replace")
                if status != 201:
                    why = f"{status}: {text[:300]}"
                elif json.loads(text)["metadata"]["labels"].get("codis.io/component") != "codis-proxy":
                    why = "without our patch"
            except (OSError, http.client.HTTPException, KeyError, ValueError) as e:
                why = repr(e)
                connection.close()
            with self.lock:
                self.made += 1
                self.slowest = max(self.slowest, time.monotonic() - begin)
                if why:
                    self.failed[why] += 1

    def wait(self, made, deadline):
        while self.made < made and time.monotonic() < deadline:
            time.sleep(0.1)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a call is not answered"


def roll(w, word):
    """As kubectl rollout restart; returns when each replica is another pod."""
    w.kube.merge(DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": {"e2e/round": word}}}}})
    w.kube.kubectl("rollout", "status", "-n", SYSTEM, "deployment/codis-webhook", "--timeout=90s")


def authority(w):
    return w.kube.get(SECRET)["data"]


def rotate(w, word):
    """As kubectl annotate; returns what the caller waits with until the old CA is dropped."""
    before = authority(w)["ca.crt"]
    w.kube.merge(SECRET, {"metadata": {"annotations": {"codis.io/rotate": word}}})

    def probe():
        data = authority(w)
        done = data["ca.crt"] != before and set(data) == {"ca.crt", "ca.key"}
        return done, f"the Secret has {sorted(data)}, its CA is {'the old one' if data['ca.crt'] == before else 'new'}"
    return lambda: wait_for("the new CA", probe, 90)


@case
def rolls_and_rotations(w):
    """20,000 pods are made by dry-run while the webhook's replicas are rolled three times and its CA is changed three times:
    none fails, and each has our patch."""
    w.kube.get("/api")  # starts the proxy
    begin = time.monotonic()
    creations = Creations(w.kube)
    took = []
    try:
        for i in range(ROUNDS):
            creations.wait(CREATIONS * i // ROUNDS, begin + LIMIT * i / ROUNDS)
            word = f"{int(time.time())}-{i}"
            done = rotate(w, word)
            if i == 0:
                took.append(done())  # one after the other; then both at once
            roll(w, word)
            if i:
                took.append(done())
        creations.wait(CREATIONS, begin + LIMIT)
    finally:
        creations.stop()
    seconds = time.monotonic() - begin
    w.note(f"{creations.made} pods in {seconds:.0f} s ({creations.made / seconds:.0f} a second), {ROUNDS} rolls, {ROUNDS} CAs "
           f"(dropped after {', '.join(f'{s:.0f}' for s in took)} s), slowest {creations.slowest * 1000:.0f} ms, "
           f"{sum(creations.failed.values())} failed")
    assert not creations.failed, dict(creations.failed.most_common(5))
    assert creations.made >= CREATIONS, f"{creations.made} of {CREATIONS} pods were made in {LIMIT} s"
