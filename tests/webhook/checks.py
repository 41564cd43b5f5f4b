"""What holds for every pod and StatefulSet, whatever a fixture expects."""
import copy
import json
import re

import apiserver
from changes import MARK, changes, patched, told

WARNING_MAX = 120
PASSWORD_FLAGS = re.compile(r"""--(?:requirepass|masterauth|product[_-]auth)[=\s]+(?:["']([^"'\n]+)|([^\s"'\n]+))""")
SIDECAR = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.22.0", "args": ["proxy", "sidecar", "--domain",
           "$(POD_NAMESPACE).svc.cluster.local"], "resources": {}, "imagePullPolicy": "IfNotPresent",
           "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
           "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}]}


def check_warnings(warnings):
    for warning in warnings:
        size = len(warning.encode())
        assert size < WARNING_MAX and not warning.endswith("..."), f"a warning of {size} bytes: {warning!r}"
    assert len(set(warnings)) == len(warnings), f"the same warning twice: {warnings}"


# --- what the user has set --------------------------------------------------------------------------------------------

def at(obj, path):
    """What lies there, or None."""
    for part in path:
        if isinstance(obj, list):
            name = part[1:-1]
            found = [e for e in obj if isinstance(e, dict) and name in (e.get("name"), e.get("key"))]
            if not found and name.isdigit() and int(name) < len(obj):
                found = [obj[int(name)]]
            obj = found[0] if found else None
        else:
            obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def is_told(change, warnings, component):
    """Whether it is one of the few things of a user's that are changed, and a warning or the guard says so; or was ours."""
    path = change.path
    if MARK in json.dumps(change.old):
        return True
    if path[1:2] in (["containers"], ["initContainers"]) and any("codis-ha, which would fight" in w for w in warnings):
        return component == "codis-ha" or any(f"container {path[2][1:-1]}, codis-ha" in w for w in warnings)
    if "lifecycle" in path:
        return any("is replaced" in w or "is left out" in w for w in warnings)
    if "podAntiAffinity" in path:
        return any("without podAffinityTerm" in w for w in warnings)
    if path[3:4] in (["command"], ["args"]) and component == "codis-dashboard":
        return any("drop --remove-lock, which is left out" in w for w in warnings) and without_lock(change.new) == without_lock(change.old)
    if path[3:4] in (["command"], ["args"]) and isinstance(change.new, str):
        return without_guard(change.new) == without_guard(change.old)
    return False


def without_guard(text):
    """Without what is added behind the server's words: the guard, and a variable for its password."""
    text = re.sub(r"(-stale-data no)( --requirepass [\"']\$\w+[\"'])?( --masterauth [\"']\$\w+[\"'])", r"\1", text)
    return re.sub(r" --(slaveof 127\.0\.0\.1 1|replicaof 127\.0\.0\.1 1|(slave|replica)-serve-stale-data no)", "", text)


def without_lock(words):
    return [w for w in (words.split() if isinstance(words, str) else words) if w != "--remove-lock"]


def is_default(change):
    """What Kubernetes itself would have written."""
    return (change.path[-1], change.old) in (("schedulerName", "default-scheduler"), ("tolerationSeconds", 300)) and \
        (change.path[-1] == "schedulerName" or change.path[-2] in (f"[{apiserver.NOT_READY}]", f"[{apiserver.UNREACHABLE}]"))


def check_kept(pod, written, made, warnings, component):
    for change in changes(pod, made):
        if change.sign != "+" and at(written, change.path) is not None and not is_default(change):
            assert is_told(change, warnings, component), f"what the user has set is changed: {change}"


# --- passwords --------------------------------------------------------------------------------------------------------

def passwords_of(pod):
    """The longest part of each that no quoting changes."""
    found = set()
    for c in pod["spec"]["containers"]:
        words = [*c.get("command", ()), *c.get("args", ())]
        found |= {m.group(1) or m.group(2) for m in PASSWORD_FLAGS.finditer("\n".join(words))}
        found |= {e["value"] for e in c.get("env", ()) if "AUTH" in e["name"] and e.get("value")}
    parts = [max(re.findall(r"[A-Za-z0-9]+", p), key=len, default="") for p in found if not p.startswith("$")]
    return {p for p in parts if len(p) >= 4}


def check_passwords(pod, patch):
    for password in passwords_of(pod):
        for op in patch:
            was = json.dumps(at_pointer(pod, op["path"]), ensure_ascii=False)
            assert json.dumps(op.get("value"), ensure_ascii=False).count(password) <= was.count(password), \
                f"a password is copied: {told(op)}"


def at_pointer(obj, pointer):
    for part in pointer[1:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(obj, list):
            obj = obj[int(part)] if part.isdigit() and int(part) < len(obj) else None
        else:
            obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


# --- the next time ----------------------------------------------------------------------------------------------------

def check_again(ask, made, warnings):
    """Who is asked about its own work has nothing to add."""
    again = ask(made)
    assert again.allowed, f"the second time it is refused: {again.message}"
    assert not again.patch, f"the second time it gets {told(again.patch)}"
    more = [w for w in again.warnings if w not in warnings]
    assert not more, f"the second time it says {more}"


def sidecar_first(pod):
    """As a mesh's injector leaves it: its container stands first."""
    pod["spec"]["containers"].insert(0, copy.deepcopy(SIDECAR))


def native_sidecar(pod):
    pod["spec"].setdefault("initContainers", []).insert(0, {**copy.deepcopy(SIDECAR), "restartPolicy": "Always"})


def more_variables(pod):
    """As an injector of traces, certificates or secrets leaves it."""
    for c in pod["spec"]["containers"]:
        c.setdefault("env", []).insert(0, {"name": "OTEL_SERVICE_NAME", "value": "codis"})
        c.setdefault("volumeMounts", []).insert(0, {"name": "agent", "mountPath": "/agent"})
    pod["spec"].setdefault("volumes", []).insert(0, {"name": "agent", "emptyDir": {}})


def injected(inject, pod):
    pod = copy.deepcopy(pod)
    inject(pod)
    return pod


def check_both_orders(ask, pod, made, warnings, inject):
    """Another webhook before us or behind us (we are asked again then): the same pod."""
    what = inject.__name__.replace("_", " ")
    before = ask(injected(inject, pod))
    if before.message or before.warnings != warnings:  # which of several it is cannot be told any more, and that is said
        said = [before.message] if before.message else [w for w in before.warnings if w not in warnings]
        assert any("name the container" in s for s in said), f"{what}: it says {said}"
        return
    after = ask(injected(inject, made))
    assert after.allowed, f"{what}: when that has come it is refused: {after.message}"
    one, other = patched(injected(inject, pod), before.patch), patched(injected(inject, made), after.patch)
    assert one == other, f"{what}: when that comes later it is another pod: " + "; ".join(map(str, changes(one, other)))


def check_pod(ask, pod, written, answer):
    """ask(pod, dry_run=False) is an answer to it."""
    component = next((written["metadata"].get("labels", {}).get(k) for k in ("codis.io/component", "app")
                      if k in written["metadata"].get("labels", {})), None)
    check_warnings(answer.warnings)
    dry = ask(pod, dry_run=True)
    assert (dry.allowed, dry.message, dry.warnings, dry.patch) == (
        answer.allowed, answer.message, answer.warnings, answer.patch), "a dry run is answered otherwise"
    if not answer.allowed:
        return
    made = patched(pod, answer.patch)
    check_kept(pod, written, made, answer.warnings, component)
    check_passwords(pod, answer.patch)
    check_again(ask, made, answer.warnings)
    if answer.patch and MARK in json.dumps(answer.patch):
        for inject in (sidecar_first, native_sidecar, more_variables):
            check_both_orders(ask, pod, made, answer.warnings, inject)


# --- a StatefulSet and its pods ---------------------------------------------------------------------------------------

def check_set(answer, pods, is_new):
    """pods: the answers to some of its pods, by ordinal."""
    check_warnings(answer.warnings)
    if not answer.allowed:
        return
    for ordinal, pod in pods.items():
        assert pod.allowed or not is_new, f"it is let in, but its pod {ordinal} is refused: {pod.message}"
        missing = [w for w in pod.warnings if w not in answer.warnings]
        assert not missing or not is_new, f"its pod {ordinal} is told {missing}, and it is not"


