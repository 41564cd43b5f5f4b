"""What the webhook lets in, refuses, and survives."""
import base64
import http.client
import json
import re
import ssl

from codis import SYSTEM
from world import NAMESPACE, case, manifest

SET = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/codis-server"


def webhook_pods(w):
    return w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-webhook")


def post(w, pod, path, body, kind="application/json"):
    """(status, text) of the webhook's own HTTPS, with its certificate checked as the API server does."""
    config = w.kube.get("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/codis-webhook")
    bundle = base64.b64decode(config["webhooks"][0]["clientConfig"]["caBundle"]).decode()
    context = ssl.create_default_context(cadata=bundle)

    class Connection(http.client.HTTPSConnection):
        def connect(self):
            http.client.HTTPConnection.connect(self)
            self.sock = context.wrap_socket(self.sock, server_hostname=f"codis-webhook.{SYSTEM}.svc")

    connection = Connection(pod["status"]["podIP"], 9443, timeout=10, context=context)
    try:
        connection.request("POST", path, body=body, headers={"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def review(pod):
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "11111111-2222-3333-4444-555555555555", "kind": kind, "resource": resource, "requestKind": kind,
        "requestResource": resource, "name": pod["metadata"]["name"], "namespace": NAMESPACE, "operation": "CREATE",
        "userInfo": {"username": "e2e"}, "object": pod, "oldObject": None, "dryRun": True, "options": None}})


@case
def again(w):
    """Every pod that went through the webhook gets an empty patch when it goes through again."""
    pods = [p for p in w.codis.pods()]
    assert len(pods) >= 11, f"only {len(pods)} pods"
    for pod in pods:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": pod["metadata"], "spec": pod["spec"]}
        pod["spec"].pop("nodeName", None)
        status, text = post(w, webhook_pods(w)[0], "/mutate", review(pod))
        assert status == 200, f"{status}: {text}"
        response = json.loads(text)["response"]
        patch = base64.b64decode(response.get("patch", "")).decode() or "[]"
        assert response["allowed"] and json.loads(patch) == [], f"{pod['metadata']['name']}: {patch}"


@case
def odd_scale(w):
    """kubectl scale to 5 replicas is refused, with the numbers that fit."""
    done = w.kube.kubectl("scale", "-n", NAMESPACE, "sts", "codis-server", "--replicas=5", check=False)
    assert done.returncode != 0, "5 replicas were taken"
    w.note(done.stderr.strip())
    assert re.search(r"\b4\b.*\b6\b", done.stderr), done.stderr
    assert w.kube.get(SET)["spec"]["replicas"] == 4


@case
def odd_apply(w):
    """A manifest with replicas: 5 is refused, with the numbers that fit."""
    text = manifest("codis", "plain", "codis-server.yaml").replace("replicas: 4", "replicas: 5")
    done = w.kube.apply(text, NAMESPACE, check=False)
    assert done.returncode != 0, "5 replicas were taken"
    assert re.search(r"\b4\b.*\b6\b", done.stderr), done.stderr
    assert w.kube.get(SET)["spec"]["replicas"] == 4


def refused_server_replica(w, value):
    text = manifest("codis", "plain", "codis-server.yaml").replace('value: "2"', f"value: {json.dumps(value)}")
    assert json.dumps(value) in text
    w.kube.kubectl("create", "namespace", "refused", check=False)
    done = w.kube.apply(text, "refused", check=False)
    assert "SERVER_REPLICA" in done.stderr and done.returncode != 0, f"{value!r}: {done.stderr or 'was taken'}"
    w.note(done.stderr.strip().splitlines()[-1])


@case
def bad_server_replica(w):
    """A StatefulSet with SERVER_REPLICA "0", "two" or empty is refused with a sentence."""
    try:
        for value in ("0", "two", ""):
            refused_server_replica(w, value)
    finally:
        w.remove_codis("refused")


@case
def bad_input(w):
    """No JSON, another kind, 10 MB: a clear refusal each, by both replicas, and the programs live on."""
    pods = webhook_pods(w)
    other = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "ConversionReview", "request": {"uid": "x"}})
    for pod in pods:
        for what, path, body in (("no JSON", "/mutate", "this is no JSON"), ("another kind", "/mutate", other),
                                 ("an empty body", "/validate", ""), ("10 MB", "/mutate", "x" * 10_000_000)):
            try:
                status, text = post(w, pod, path, body)
            except (ConnectionError, ssl.SSLError) as e:  # closed while we were still sending
                assert what == "10 MB", f"{what}: {e!r}"
                continue
            assert 400 <= status < 500 and text.strip(), f"{what}: {status} {text!r}"
            w.note(f"{what}: {status} {text.strip()[:100]}")
    after = {p["metadata"]["name"]: restarts(p) for p in webhook_pods(w)}
    assert after == {p["metadata"]["name"]: restarts(p) for p in pods}, f"restarts: {after}"
    again(w)


def restarts(pod):
    return sum(c["restartCount"] for c in pod["status"]["containerStatuses"])


@case
def left_alone(w):
    """A pod that says codis.io/inject: "false", and one that is none of Codis', come out as they went in."""
    for labels in ({"app": "codis-server", "codis.io/inject": "false"}, {"app": "web"}):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone", "labels": labels},
               "spec": {"containers": [{"name": "c", "image": "codis-image:latest"}]}}
        made = w.kube.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", pod)
        assert made["metadata"]["labels"] == labels, made["metadata"]["labels"]
        assert made["spec"]["schedulerName"] == "default-scheduler" and "affinity" not in made["spec"]


@case
def second_set(w):
    """A second codis-server StatefulSet of one product in one namespace is refused: it would be group 1 again."""
    text = manifest("codis", "plain", "codis-server.yaml").replace("name: codis-server", "name: codis-more")
    done = w.kube.apply(text, NAMESPACE, check=False)
    created = w.kube.find(SET.replace("codis-server", "codis-more"))
    if created:
        w.kube.delete(SET.replace("codis-server", "codis-more"))
    w.kube.delete(f"/api/v1/namespaces/{NAMESPACE}/services/codis-more")
    assert done.returncode != 0 and not created, "it was taken"
    w.note(done.stderr.strip().splitlines()[-1])
