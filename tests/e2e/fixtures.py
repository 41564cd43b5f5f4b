"""What users write (tests/webhook), by server-side dry-run on a real API server, through the installed webhook."""
import concurrent.futures
import contextlib
import copy
import json
import os
import re
import sys

import cluster
from world import Timeout, case, wait_for

sys.path.append(os.path.join(cluster.TOP, "tests", "webhook"))

from apiserver import RESOURCES, merged  # noqa: E402
from changes import changes  # noqa: E402
from fixture import NAMESPACE, Fixture, names  # noqa: E402

# The webhook is not asked about what is in this one: what Kubernetes makes of a pod by itself.
PLAIN = f"{NAMESPACE}-plain"
VIEWER = "registry.example/codis-k8s:1"
LEVELS = ("baseline", "restricted")
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True, "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"}}


@contextlib.contextmanager
def namespaces(w, labels_of):
    """Namespaces with these labels, in which pods can be made."""
    try:
        for name, labels in labels_of.items():
            w.kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        for name in labels_of:
            path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
            wait_for(f"{name}'s service account", lambda path=path: (w.kube.find(path), "none yet"), 30, every=0.1)
        yield
    finally:
        w.kube.kubectl("delete", "namespace", *labels_of, "--timeout=120s", timeout=150)


def fixtures_of(want):
    return [f for f in map(Fixture, names()) if "object" in f.data and "gate" not in f.data and want(f)]


def path_of(obj, namespace):
    group, resource = RESOURCES[obj["kind"]]
    return f"{f'/apis/{group}' if group else '/api'}/v1/namespaces/{namespace}/{resource}?dryRun=All"


def make(w, obj, namespace):
    """(status, what came of it, warnings)."""
    obj = copy.deepcopy(obj)
    obj["metadata"]["namespace"] = namespace
    status, text, warnings = w.kube.request_warned("POST", path_of(obj, namespace), obj)
    return status, json.loads(text), warnings


def all_of(do, fixtures):
    """The sentences of those that are not as they should be."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [f"{f.name}: {why}" for f, why in zip(fixtures, pool.map(do, fixtures)) if why]


def bare(pod):
    """What is compared of a pod: what nobody but us differs in."""
    text = re.sub(r"kube-api-access-\w{5}\b", "kube-api-access", json.dumps(pod))
    pod = json.loads(text)
    for c in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]:
        for field in ("terminationMessagePath", "terminationMessagePolicy"):  # also of those that we add
            c.pop(field)
        c["volumeMounts"] = [v for v in c.get("volumeMounts", ()) if v["name"] != "kube-api-access"]
        if not c["volumeMounts"]:
            c.pop("volumeMounts")
    return {"metadata": {k: pod["metadata"].get(k, {}) for k in ("labels", "annotations")}, "spec": pod["spec"]}


# --- what fixtures say ------------------------------------------------------------------------------------------------

def wrong_answer(expect, status, answer, warnings):
    if not expect["allowed"]:
        if status < 400 or expect["message"] not in answer.get("message", ""):
            return f"it has to be refused ({expect['message']}), and is answered {status}: {answer.get('message', '')}"
        return ""
    if status >= 300:
        return f"{status}: {answer.get('message', '')}"
    missing = [text for text in expect.get("warnings", ()) if text not in warnings]
    return f"of the warnings are missing {missing}, there are {warnings}" if missing else ""


def wrong_pod(w, image, f):
    written = f.pod()[1]
    status, made, warnings = make(w, written, NAMESPACE)
    why = wrong_answer(f.expect["pod"], status, made, warnings)
    if why or not f.expect["pod"]["allowed"]:
        return why
    status, plain, _ = make(w, written, PLAIN)
    if status >= 300:
        return ""  # there is no such pod without us
    got = sorted(str(c).replace(image, VIEWER) for c in changes(bare(plain), bare(made)))
    expected = sorted(f.changes())
    return "" if got == expected else f"it gets {[c for c in got if c not in expected]}, and not " \
        f"{[c for c in expected if c not in got]}"


@case
def pods(w):
    """Every pod of tests/webhook/fixtures is taken by the API server with the changes and the warnings that its fixture
    has, or refused with that sentence."""
    image = next(c["image"] for c in w.kube.get("/apis/apps/v1/namespaces/codis-system/deployments/codis-controller")
                 ["spec"]["template"]["spec"]["containers"])
    chosen = fixtures_of(lambda f: "pod" in f.expect and "known" not in f.data)
    with namespaces(w, {NAMESPACE: {}, PLAIN: {"codis.io/managed": "false"}}):
        wrong = all_of(lambda f: wrong_pod(w, image, f), chosen)
    assert not wrong, "\n".join(wrong)
    w.note(f"{len(chosen)} pods")


@case
def sets(w):
    """Every new StatefulSet, Deployment and DaemonSet of tests/webhook/fixtures is answered as its fixture says."""
    def wrong_set(f):
        written = copy.deepcopy(f.object)
        written["spec"].setdefault("selector", {"matchLabels": written["spec"]["template"]["metadata"]["labels"]})
        expect = f.expect["set"] if f.is_set() else f.expect.get("workload", f.expect["pod"])
        return wrong_answer(expect, *make(w, written, NAMESPACE))
    chosen = fixtures_of(lambda f: (f.is_set() or f.is_workload()) and f.makes_pods() and "known" not in f.data
                         and "labels" in f.object["spec"]["template"]["metadata"])
    with namespaces(w, {NAMESPACE: {}}):
        wrong = all_of(wrong_set, chosen)
    assert not wrong, "\n".join(wrong)
    w.note(f"{len(chosen)} of them")


# --- changes of StatefulSets ------------------------------------------------------------------------------------------

def selected(f, old, new):
    """Both with a selector, which cannot change; False: they have no label in common."""
    labels = [o["spec"]["template"]["metadata"].get("labels", {}).items() for o in (old, new)]
    common = dict(labels[0] & labels[1])
    for obj in (old, new):
        obj["metadata"]["namespace"] = f.name
        obj["spec"]["selector"] = {"matchLabels": common}
    return bool(common)


def before_and_after(f):
    new = copy.deepcopy(f.object)
    return merged(new, f.data.get("was", {})), new


def change(w, f):
    """What the API server answers to the fixture's change."""
    _, new = pair = before_and_after(f)
    selected(f, *pair)
    path = path_of(new, f.name).replace("?", f"/{new['metadata']['name']}?")
    if "scale" in f.data:
        scale = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {
            "name": new["metadata"]["name"], "namespace": f.name}, "spec": {"replicas": f.data["scale"]}}
        asked = w.kube.request_warned("PUT", path.replace("?", "/scale?"), scale)
    elif "operation" in f.data:
        asked = w.kube.request_warned("DELETE", path)
    else:
        asked = w.kube.request_warned("PUT", path, new)
    return asked[0], json.loads(asked[1].replace(f"-n {f.name} ", f"-n {NAMESPACE} ")), asked[2]


@contextlib.contextmanager
def made_unseen(w, fixtures):
    """Namespaces of these names with the StatefulSets as they were before, of which no pods can be made. The webhook is not
    asked about them until they are all there: some could not be made else."""
    try:
        for f in fixtures:
            space = {"metadata": {"name": f.name, "labels": {"codis.io/managed": "false"}}}
            w.kube.call("POST", "/api/v1/namespaces", space)
            w.kube.call("POST", f"/api/v1/namespaces/{f.name}/resourcequotas",
                        {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
        for f in fixtures:
            pair = before_and_after(f)
            selected(f, *pair)
            w.kube.call("POST", path_of(pair[0], f.name).replace("?dryRun=All", ""), pair[0])
        for f in fixtures:
            w.kube.merge(f"/api/v1/namespaces/{f.name}", {"metadata": {"labels": {"codis.io/managed": None}}})
        yield
    finally:
        w.kube.kubectl("delete", "namespace", "--wait=false", *(f.name for f in fixtures))


@case
def updates(w):
    """Every update, scale and delete of a StatefulSet of tests/webhook/fixtures is answered as its fixture says."""
    chosen = fixtures_of(lambda f: f.is_set() and not f.makes_pods() and "known" not in f.data
                         and "deletionTimestamp" not in f.object["metadata"] and selected(f, *before_and_after(f)))
    # What is refused is so once the webhook has seen the StatefulSet; by then it has seen all.
    chosen.sort(key=lambda f: f.expect["set"]["allowed"])

    def wrong(f):
        found = []

        def probe():
            found[:] = [wrong_answer(f.expect["set"], *change(w, f))]
            return not found[0], found[0]
        try:
            wait_for(f.name, probe, 10, every=0.2)
        except Timeout:
            return found[0]
        return ""
    with made_unseen(w, chosen):
        found = all_of(wrong, chosen)
    assert not found, "\n".join(found)
    w.note(f"{len(chosen)} changes")


# --- Pod Security -----------------------------------------------------------------------------------------------------

def hardened(pod):
    """As the restricted standard asks, where its writer did not."""
    pod = copy.deepcopy(pod)
    pod["spec"].pop("hostNetwork", None)
    for c in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]:
        c["securityContext"] = HARDENED
    return pod


def newly_violates(w, level, pod):
    """Whether a pod that the standard allows as it is written is refused with what we add."""
    status, answer, _ = make(w, pod, f"{PLAIN}-{level}")
    if status >= 300:
        return None
    status, answer, _ = make(w, pod, f"{NAMESPACE}-{level}")
    return "" if status < 300 else f"{level}: {answer.get('message', '')}"


@case
def pod_security(w):
    """Where a Pod Security standard is enforced, what the webhook adds to a pod never violates it."""
    spaces = {f"{name}-{level}": {"pod-security.kubernetes.io/enforce": level, **labels} for level in LEVELS
              for name, labels in ((NAMESPACE, {}), (PLAIN, {"codis.io/managed": "false"}))}
    chosen = fixtures_of(lambda f: f.expect.get("pod", {}).get("allowed"))
    tried = []

    def wrong(f):
        written = f.pod()[1]
        answers = [newly_violates(w, "baseline", written), newly_violates(w, "restricted", hardened(written))]
        tried.extend(a for a in answers if a is not None)
        return "; ".join(a for a in answers if a)
    with namespaces(w, spaces):
        found = all_of(wrong, chosen)
    assert not found, "\n".join(found)
    assert len(tried) >= len(chosen), f"only {len(tried)} of {2 * len(chosen)} were allowed as they are written"
    w.note(f"{len(tried)} pods that the standards allow")
