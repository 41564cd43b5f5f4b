"""A file of fixtures/: what a user writes, and what must come of it.

    why        one sentence: who writes this, and what must come of it
    object     the manifest as it is written: a Pod, StatefulSet, Deployment, DaemonSet, ReplicationController, Job
    was        an update: what was otherwise before, as a merge patch (RFC 7386)
    scale      kubectl scale to so many
    operation  DELETE
    like       another fixture: of the pod's changes, those that it does not have are told, and (not ...) those of the other
    ordinal    of a StatefulSet: the pod that is looked at (default: the first)
    gate       the feature gate of Kubernetes that it takes, and that is off: else its API server drops what it is about
    known      what the webhook's caches hold beside: StatefulSets, PodDisruptionBudgets, pods, Namespaces
    path, body in place of an object: the request's body (a text, or JSON), and where it goes
    expect     set, workload (where it is told otherwise than its pods), pod: refused (why) and code where it is not 422, or warnings and changes; answer: of a body
"""
import copy
import json
import os

import apiserver
from apiserver import admit_pod, admit_set, admit_workload, merged

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "fixtures")
NAMESPACE = "shop"
WIDTH = 116


class Fixture:
    def __init__(self, name):
        self.name = name
        with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as f:
            self.text = f.read()
        self.data = json.loads(self.text)
        self.why = self.data["why"]
        self.expect = self.data.get("expect", {})
        self.object = apiserver.decoded(self.data.get("object"))
        self.namespace = (self.object or {}).get("metadata", {}).get("namespace", NAMESPACE)

    # --- what is asked ----------------------------------------------------------------------------------------------------

    def is_set(self):
        return bool(self.object) and self.object["kind"] == "StatefulSet"

    def is_workload(self):
        return bool(self.object) and self.object["kind"] in ("Deployment", "DaemonSet")

    def makes_pods(self):
        return bool(self.object) and not {"was", "scale", "operation"} & set(self.data)

    def set_of(self, written):
        obj = copy.deepcopy(written)
        obj["metadata"].setdefault("namespace", self.namespace)
        return admit_set(obj)

    def set_review(self):
        """(AdmissionReview, StatefulSets that are known besides)."""
        now = self.set_of(self.object)
        if "scale" in self.data:
            old, new = (apiserver.scale_of(now, n) for n in (now["spec"]["replicas"], self.data["scale"]))
            return apiserver.review(new, old, "UPDATE"), [now]
        if self.data.get("operation") == "DELETE":
            return apiserver.review(None, now, "DELETE"), [now]
        if "was" in self.data:
            old = self.set_of(merged(self.object, self.data["was"]))
            return apiserver.review(now, old, "UPDATE"), [old]
        return apiserver.review(now), []

    def workload_review(self):
        def admitted(written):
            obj = copy.deepcopy(written)
            obj["metadata"].setdefault("namespace", self.namespace)
            return admit_workload(obj)
        now = admitted(self.object)
        if "was" in self.data:
            return apiserver.review(now, admitted(merged(self.object, self.data["was"])), "UPDATE")
        return apiserver.review(now)

    def known(self, *more):
        known = copy.deepcopy(self.data.get("known", [])) + list(more)
        for obj in known:
            obj["metadata"].setdefault("namespace", self.namespace)
            obj["metadata"].setdefault("uid", f"uid-of-{obj['metadata']['namespace']}-{obj['metadata']['name']}")
            if obj["kind"] == "StatefulSet":
                admit_set(obj)
        return known

    def ordinals(self):
        """The one that is looked at, and the others that the StatefulSet has, as far as the first three and the last."""
        start = self.object["spec"].get("ordinals", {}).get("start", 0)
        replicas = self.object["spec"].get("replicas", 1)
        looked_at = self.data.get("ordinal", start)
        others = {*range(start, start + min(replicas, 3)), start + replicas - 1} - {looked_at, start - 1}
        return looked_at, sorted(others)

    def pod(self, ordinal=None):
        """As the webhook gets it, and as it is written."""
        if self.object["kind"] == "Pod":
            written = apiserver.bare_pod(self.object, self.namespace)
        elif self.is_set():
            written = apiserver.pod_of_set(self.object, self.ordinals()[0] if ordinal is None else ordinal, self.namespace)
        else:
            written = apiserver.pod_of_workload(self.object, self.namespace)
        return admit_pod(copy.deepcopy(written)), written

    def changes(self):
        """Of its pod, all of them."""
        lines = self.expect["pod"]["changes"]
        if "like" not in self.data:
            return lines
        paths = {line.partition(": ")[0].removeprefix("not ")[2:] for line in lines}
        base = [line for line in Fixture(self.data["like"]).changes() if line.partition(": ")[0][2:] not in paths]
        return base + [line for line in lines if not line.startswith("not ")]

    # --- the file ---------------------------------------------------------------------------------------------------------

    def write(self, expect):
        self.data["expect"] = expect
        text = pretty(self.data) + "\n"
        if text == self.text:
            return False
        with open(os.path.join(FOLDER, self.name + ".json"), "w", encoding="utf-8") as f:
            f.write(text)
        return True


def pretty(value, indent=0, before=0):
    """JSON in which a value stands on one line where that has room for it."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or (indent > 0 and indent + before + len(line) <= WIDTH):
        return line
    pad = " " * (indent + 1)
    if isinstance(value, list):
        items = [pretty(v, indent + 1) for v in value]
    else:
        items = [f"{json.dumps(k)}: {pretty(v, indent + 1, len(json.dumps(k)) + 2)}" for k, v in value.items()]
    left, right = "[]" if isinstance(value, list) else "{}"
    return f"{left}\n{pad}" + f",\n{pad}".join(items) + f"\n{' ' * indent}{right}"


def names():
    return sorted(f[:-5] for f in os.listdir(FOLDER) if f.endswith(".json"))
