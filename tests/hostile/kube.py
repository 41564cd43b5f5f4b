"""The API server's side: lists after an absence, certificates that change, others who write the same fields, servers that
ask for patience or end every watch, and clusters as large as they come."""
import itertools
import json
import os
import random
import subprocess
import tempfile
import time

from api import Api, chunk, reply, server_context, status, stream_head
from base import Failed, Program, call, wait
from peers import Closed
from programs import write_kubeconfig

RENEWED_S = 40
RETRY_AFTER_S = 4
CONFIG = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/codis-webhook"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/codis-system/leases/codis-controller"


class World:
    """Each case has an API server of its own."""

    def __init__(self, stack):
        pass


def api_of(stack, nodes=3):
    api = Api()
    stack.callback(api.stop)
    for i in range(nodes):
        api.apply(f"/api/v1/nodes/n{i + 1}", {"metadata": {"labels": {"kubernetes.io/hostname": f"n{i + 1}"}},
                                              "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    return api


def server(uid, node=None, name="codis-server-0"):
    return {"metadata": {"uid": uid, "name": name, "namespace": "d", "labels": {"codis.io/component": "codis-server"},
                         "ownerReferences": [{"kind": "StatefulSet", "name": "codis-server", "controller": True}]},
            "spec": {**({"nodeName": node} if node else {}),
                     "containers": [{"name": "x", "env": [{"name": "SERVER_REPLICA", "value": "2"}]}]},
            "status": {"phase": "Running"}}


def extender_of(stack, api, *options, **how):
    program = Program(stack, "codis-extender", api, *options, listen=True, **how)
    program.until_ready()
    return program


def case_replaced_while_away(stack, _, note):
    """A pod that was made anew under its name while the extender was cut off stands on one node, and not on two."""
    api = api_of(stack)
    path = "/api/v1/namespaces/d/pods/codis-server-"
    api.apply(path + "0", server("uid-0", "n1"))
    api.apply(path + "1", server("uid-1", "n2", "codis-server-1"))
    extender = extender_of(stack, api, "--reservation-ttl", "1s")

    def away(request, connection):
        return request.resource == "pods" and reply(connection, status(503, "ServiceUnavailable")[1], 503) is None
    api.fault = away
    api.forget()
    wait("the extender to be cut off", lambda: api.asked("GET /api/v1/pods")[-1:] > api.asked("GET /api/v1/nodes")[-1:], 20)
    api.delete(path + "0")
    api.delete(path + "1")
    api.apply(path + "1", server("uid-1-new", "n3", "codis-server-1"))
    api.forget()
    api.fault = None

    def is_offered(node):  # one by one, since of many some are offered
        answer = call(extender.port, "/filter", {"Pod": server("uid-0-new"), "NodeNames": [node]})[1]
        return bool(json.loads(answer).get("NodeNames"))
    wait("all but n3 to be offered", lambda: list(map(is_offered, ("n1", "n2", "n3"))) == [True, True, False], 30)
    extender.stop()


def make_ca(folder, name):
    """NAME.crt is the CA, NAME.pem what a server at 127.0.0.1 shows and its key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "3", "-subj", f"/CN={name}")
    openssl("req", *key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=x")
    with open(os.path.join(folder, "ext"), "w") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", f"{name}.crt", "-CAkey", f"{name}.key", "-CAcreateserial",
            "-out", "leaf.crt", "-days", "3", "-extfile", "ext")
    with open(os.path.join(folder, f"{name}.pem"), "w") as out:
        out.write(read(folder, "leaf.crt") + read(folder, "leaf.key"))


def read(folder, name):
    with open(os.path.join(folder, name)) as f:
        return f.read()


def case_ca_renewed(stack, _, note):
    """The API server's CA is renewed: once the bundle in the file has the new one too, its certificate is believed."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="codis-hostile-"))
    for name in ("old", "new"):
        make_ca(folder, name)
    bundle = os.path.join(folder, "ca.crt")
    with open(bundle, "w") as f:
        f.write(read(folder, "old.crt"))
    api = api_of(stack)
    api.tls = server_context(os.path.join(folder, "old.pem"))
    config = write_kubeconfig(folder, api.url, f", certificate-authority: {bundle}")
    extender = extender_of(stack, api, kubeconfig=config)
    with open(bundle + ".new", "w") as f:
        f.write(read(folder, "old.crt") + read(folder, "new.crt"))
    os.rename(bundle + ".new", bundle)
    api.tls = server_context(os.path.join(folder, "new.pem"))
    heard = len(api.requests)
    api.peer.cut()
    begin = time.monotonic()
    wait("the API server to be believed again", lambda: len([r for r in api.requests[heard:] if r[3]]) >= 2, RENEWED_S)
    note(f"after {time.monotonic() - begin:.1f} s")
    extender.stop()


def case_cabundle_war(stack, _, note):
    """Somebody who puts his own caBundle back each time is answered more and more slowly."""
    api = api_of(stack)
    mine = {"clientConfig": {"caBundle": "T1RIRVI="}}
    api.apply(CONFIG, {"webhooks": [{"name": "a", **mine}, {"name": "b", "clientConfig": {}}]})
    api.apply(CONFIG.replace("mutating", "validating"), {"webhooks": [{"name": "a", "clientConfig": {}}]})

    def other(request, connection):
        if request.method != "PATCH" or "mutating" not in request.resource:
            return False
        api.answer(request, connection)
        object_ = api.read(CONFIG)
        object_["webhooks"][0].update(mine)
        api.apply(CONFIG, object_)
        return True
    api.fault = other
    webhook = Program(stack, "codis-webhook", api, listen=True)
    wait("the first patch", lambda: api.asked("PATCH /apis/admissionregistration.k8s.io/v1/mutating"), 20)
    before = len(webhook.lines.got)
    time.sleep(8)
    patches = len(api.asked("PATCH /apis/admissionregistration.k8s.io/v1/mutating"))
    lines = len(webhook.lines.got) - before
    note(f"{patches} patches and {lines} lines in 8 s")
    if patches > 10 or lines > 40:
        raise Failed(f"{patches} patches and {lines} lines of log in 8 s")
    webhook.stop()


def case_retry_after(stack, _, note):
    """429 with Retry-After: nobody is asked before that."""
    api = api_of(stack)
    first = {}

    def busy(request, connection):
        if request.resource not in ("nodes", "pods", "statefulsets"):
            return False
        key = request.path + "?" + request.query.get("labelSelector", "")
        if key in first and time.monotonic() - first[key][0] >= RETRY_AFTER_S - 0.001:  # the loop has whole milliseconds
            return False
        first.setdefault(key, []).append(time.monotonic())
        reply(connection, status(429, "TooManyRequests")[1], 429, f"Retry-After: {RETRY_AFTER_S}\r\n")
        return True
    api.fault = busy
    extender = Program(stack, "codis-extender", api, listen=True)
    extender.until_ready()
    early = {key: len(times) - 1 for key, times in first.items() if len(times) > 1}
    if early:
        raise Failed(f"asked again within {RETRY_AFTER_S} s: {early}")
    extender.stop()


def hot(stack, note, ending):
    api = api_of(stack)
    pod = json.dumps(api.apply("/api/v1/namespaces/d/pods/codis-server-0", server("uid-0", "n1")))

    def cut(request, connection):
        if not request.watch or request.resource != "pods":
            return False
        stream_head(connection)
        chunk(connection, f'{{"type":"MODIFIED","object":{pod}}}\n'.encode())
        ending(connection)
        return True
    api.fault = cut
    extender = extender_of(stack, api)
    asked, lines, began = len(api.asked("GET", watch=True)), len(extender.lines.got), time.monotonic()
    time.sleep(5)
    watches = (len(api.asked("GET", watch=True)) - asked) / (time.monotonic() - began)
    written = (len(extender.lines.got) - lines) / (time.monotonic() - began)
    note(f"{watches:.1f} watches and {written:.1f} lines a second, of two watches that end at once")
    if watches > 6 or written > 6:
        raise Failed(f"{watches:.0f} watches and {written:.0f} lines of log a second")
    extender.stop()


def case_hot_watch(stack, _, note):
    """Watches that end after each event are opened again about once a second."""
    hot(stack, note, lambda connection: connection.sendall(b"0\r\n\r\n"))


def case_hot_watch_broken(stack, _, note):
    """The same where the connection breaks: neither requests nor lines of the log become many."""
    def breaks(connection):
        del connection
        raise Closed
    hot(stack, note, breaks)


def case_nameless(stack, _, note):
    """An object without a name in a list does not keep the others from being known."""
    api = api_of(stack)

    def nameless(request, connection):
        if request.watch or request.resource not in ("nodes", "pods"):
            return False
        body = json.loads(api.list(request))
        body["items"][:0] = [{"metadata": {}}, None, 7, {"metadata": {"name": 7}}]
        reply(connection, body)
        return True
    api.fault = nameless
    extender = extender_of(stack, api)
    pod = server("uid-0")
    pod["metadata"]["annotations"] = {"codis.io/spread": "soft"}
    answer = json.loads(call(extender.port, "/filter", {"Pod": pod, "NodeNames": ["n1", "n2", "n3"]})[1])
    if not answer["NodeNames"]:
        raise Failed(f"no node is known: {answer}")
    extender.stop()


def case_slow_lease(stack, _, note):
    """An API server that needs 1.5 s for each write does not make a leader doubtful."""
    api = api_of(stack)

    def slow(request, connection):
        del connection
        if request.resource == "leases" and request.method != "GET":
            time.sleep(1.5)
        return False
    api.fault = slow
    controller = Program(stack, "codis-controller", api, "--pod-name", "a")
    if not controller.lines.wait("event=lease state=held", 0, 20):
        raise Failed("it never leads")
    since = controller.lines.count()
    lost = controller.lines.wait("event=lease state=(unsure|following)", since, 8)
    if lost:
        raise Failed(f"it doubts that it leads: {lost[1].string}")
    controller.stop()


# --- large clusters ---------------------------------------------------------------------------------------------------
DIGITS = "".join(random.Random(1).choices("0123456789abcdef", k=100000))
at = itertools.count(1)


def text_of(length):
    begin = next(at) * 31 % (len(DIGITS) - 100)
    return DIGITS[begin:begin + length]


def cloud_node(number):
    """As long as a cloud's: 15 kB."""
    field = {".": {}, "f:type": {}, "f:status": {}, "f:lastHeartbeatTime": {}}
    managed = [{"manager": "kubelet", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {
        "f:status": {f"f:{text_of(8)}": field for _ in range(25)}}}]
    images = [{"names": [f"registry.example/team/image-{k}@sha256:{text_of(64)}", f"registry.example/team/image-{k}:1.2"],
               "sizeBytes": next(at)} for k in range(50)]
    return {"metadata": {"name": f"ip-{number}", "uid": text_of(36), "resourceVersion": str(100 + number),
                         "labels": {"kubernetes.io/hostname": f"ip-{number}", **{text_of(12): text_of(8) for _ in range(15)}},
                         "annotations": {text_of(20): text_of(40) for _ in range(8)}, "managedFields": managed},
            "spec": {"podCIDR": "10.1.0.0/24", "providerID": text_of(20)},
            "status": {"capacity": {"cpu": "8"}, "nodeInfo": {k: text_of(30) for k in "abcdefghij"}, "images": images,
                       "conditions": [{"type": t, "status": "True" if t == "Ready" else "False", "reason": "Kubelet" + t}
                                      for t in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")]}}


def case_many_nodes(stack, _world, note):
    """5,000 nodes as a cloud has them, listed twice, stay below the memory of the extender's and the controller's containers."""
    api = api_of(stack, 0)
    for i in range(5000):
        node = cloud_node(i)
        api.apply(f"/api/v1/nodes/{node['metadata']['name']}", node)
    programs = [extender_of(stack, api), Program(stack, "codis-controller", api)]
    programs[1].until_ready()
    watches = len(api.asked("GET /api/v1/nodes", watch=True))
    api.renew(("api/v1", "nodes"))
    wait("nodes to be listed again", lambda: len(api.asked("GET /api/v1/nodes", watch=True)) >= watches + 2, 60)
    for program in programs:
        note(f"{program.note()} (goal: 64 MiB)")
        program.stop()
