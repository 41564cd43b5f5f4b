"""What is none of Codis': it notices nothing of the webhook, whether that is there or not, and neither is in the other's way."""
import base64
import contextlib
import http.server
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time

from codis import SYSTEM
from say import wait_for
from world import NAMESPACE, case

OTHERS = "others"
WEBHOOK = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/codis-webhook"
PROTECT = "codis.io/protect"


def workload(kind, name, app):
    """Something that sleeps, of others."""
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": app}},
            "template": {"metadata": {"labels": {"app": app}}, "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "c", "image": "codis-image:latest", "imagePullPolicy": "IfNotPresent",
                                "command": ["sleep", "100000"]}]}}}
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": OTHERS}, "spec": spec}


FOREIGN = [workload("StatefulSet", "web", "web"), workload("Deployment", "api", "api"),
           workload("StatefulSet", "zookeeper", "zookeeper")]

# As a Job makes it of a chart's template: it has the labels of Codis, and ends.
TASK = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "backup", "namespace": OTHERS, "labels": {"app": "codis-server"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "codis-image:latest", "command": ["true"]}]}}


def rolled_out(w, obj):
    w.kube.kubectl("rollout", "status", "-n", OTHERS, f"{obj['kind'].lower()}/{obj['metadata']['name']}",
                   "--timeout=90s", timeout=100)


@contextlib.contextmanager
def namespace_of_others(w):
    w.kube.kubectl("create", "namespace", OTHERS)
    try:
        yield
    finally:
        w.remove_codis(OTHERS)


@contextlib.contextmanager
def no_webhook(w):
    """Both replicas are gone."""
    w.kube.merge(WEBHOOK, {"spec": {"replicas": 0}})
    try:
        wait_for("no webhook", lambda: (not w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-webhook"), "pods"), 60)
        yield
    finally:
        w.kube.merge(WEBHOOK, {"spec": {"replicas": 2}})
        w.wait_system(90)
        w.wait_admission()


@case
def nobody_else_notices(w):
    """Without any webhook a StatefulSet, a Deployment and a ZooKeeper of others are made, rolled and scaled; Codis' are not."""
    with no_webhook(w), namespace_of_others(w):
        begin = time.monotonic()
        for obj in [*FOREIGN, TASK]:
            w.kube.apply(json.dumps(obj))
        for obj in FOREIGN:
            rolled_out(w, obj)
        for obj in FOREIGN:
            obj = json.loads(json.dumps(obj))
            obj["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "ROLLED", "value": "1"}]
            w.kube.apply(json.dumps(obj))
            rolled_out(w, obj)
            name = f"{obj['kind'].lower()}/{obj['metadata']['name']}"
            w.kube.kubectl("scale", "-n", OTHERS, name, "--replicas=3")
            rolled_out(w, obj)
        w.note(f"made, rolled and scaled in {time.monotonic() - begin:.1f} s")
        for pod in w.kube.pods(OTHERS):
            assert "affinity" not in pod["spec"], f"{pod['metadata']['name']} was changed"
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {"app": "codis-proxy"}},
               "spec": {"containers": [{"name": "codis-proxy", "image": "codis-image:latest"}]}}
        status, text = w.kube.request("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", pod)
        assert status == 500 and "pods.codis.io" in text, f"a codis-proxy came past: {status} {text}"


@case
def foreign_zookeeper(w):
    """A ZooKeeper of others comes out as it went in; the one beside a Codis is spread."""
    for namespace, changed in (("default", False), (NAMESPACE, True)):
        pod = {"apiVersion": "v1", "kind": "Pod",
               "metadata": {"name": "zk-0", "labels": {"app": "zookeeper"}, "ownerReferences": [
                   {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "zk", "uid": "1", "controller": True}]},
               "spec": {"containers": [{"name": "zk", "image": "codis-image:latest"}]}}
        made = w.kube.call("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
        assert ("affinity" in made["spec"]) == changed, f"{namespace}: {made['spec'].get('affinity')}"


@case
def protected(w):
    """A StatefulSet with codis.io/protect is not deleted, but with its namespace."""
    with namespace_of_others(w):
        for name, where in (("web", "labels"), ("zookeeper", "annotations")):
            obj = workload("StatefulSet", name, name)
            obj["spec"]["replicas"] = 0
            obj["metadata"][where] = {PROTECT: "true"}
            w.kube.apply(json.dumps(obj))
            done = w.kube.kubectl("delete", "sts", "-n", OTHERS, name, check=False)
            assert done.returncode != 0 and f"sts {name} {PROTECT}-" in done.stderr, f"{name}: {done.stderr or 'deleted'}"
            w.note(done.stderr.strip())
        w.kube.kubectl("label", "-n", OTHERS, "sts", "web", f"{PROTECT}-")
        w.kube.kubectl("delete", "sts", "-n", OTHERS, "web")
        assert w.kube.find(f"/apis/apps/v1/namespaces/{OTHERS}/statefulsets/zookeeper"), "the other one is gone"
    assert not w.kube.find(f"/api/v1/namespaces/{OTHERS}"), "its namespace is still there"


# --- a second mutating webhook --------------------------------------------------------------------------------------------

MESH = {"name": "mesh", "image": "codis-image:latest", "command": ["sleep", "100000"]}


class Injector(http.server.BaseHTTPRequestHandler):
    """A mesh's: it puts its container first."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        patch = json.dumps([{"op": "add", "path": "/spec/containers/0", "value": MESH}]).encode()
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {
            "uid": request["uid"], "allowed": True, "patchType": "JSONPatch",
            "patch": base64.b64encode(patch).decode()}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def injector(w):
    """Runs on the machine; yields the clientConfig that reaches it."""
    host = w.cluster.environment()["CLUSTER_HOST_IP"]
    with tempfile.TemporaryDirectory() as folder:
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", cert, "-days", "1", "-subj", "/CN=injector", "-addext",
                        f"subjectAltName=IP:{host}"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server = http.server.ThreadingHTTPServer((host, 0), Injector)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        with open(cert, "rb") as f:
            bundle = base64.b64encode(f.read()).decode()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield {"url": f"https://{host}:{server.server_port}/", "caBundle": bundle}
        finally:
            server.shutdown()
            server.server_close()


def mutated_beside(w, name, client):
    """A codis-server as it comes out where the injector's configuration has this name: they are called in that order."""
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    w.kube.call("POST", path, {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": name},
        "webhooks": [{"name": "mesh.example.com", "clientConfig": client, "admissionReviewVersions": ["v1"],
                      "sideEffects": "None", "failurePolicy": "Fail",
                      "objectSelector": {"matchLabels": {"mesh": "yes"}},
                      "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}]})
    pod = {"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": "meshed-0", "labels": {"app": "codis-server", "mesh": "yes"}, "ownerReferences": [
               {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "meshed", "uid": "1", "controller": True}]},
           "spec": {"automountServiceAccountToken": False, "containers": [
               {"name": "server", "image": "codis-image:latest", "command": ["codis-server"], "args": ["config/redis.conf"],
                "env": [{"name": "PRODUCT_NAME", "value": "meshed"}]}]}}

    def made():
        status, text = w.kube.request("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", pod)
        found = json.loads(text)
        whole = status == 201 and len(found["spec"]["containers"]) == 2
        return whole and found, text[:200]
    try:
        last = []
        wait_for("the injector", lambda: (last.append(made()) or bool(last[-1][0]), last[-1][1]), 20)
        return last[-1][0]
    finally:
        w.kube.delete(f"{path}/{name}")


@case
def both_orders(w):
    """A mesh's injector that puts its container first, before us and after us: the same pod, guarded, comes out."""
    with injector(w) as client:
        first, last = (mutated_beside(w, name, client) for name in ("a-mesh", "z-mesh"))
    for pod in first, last:
        assert [c["name"] for c in pod["spec"]["containers"]] == ["mesh", "server"]
        mesh, server = pod["spec"]["containers"]
        assert "--slave-serve-stale-data" in server["args"] and "preStop" in server["lifecycle"], server
        assert "lifecycle" not in mesh and "readinessProbe" not in mesh, mesh
    assert first["spec"] == last["spec"], f"before us {first['spec']}, after us {last['spec']}"
    assert first["metadata"]["labels"] == last["metadata"]["labels"]
