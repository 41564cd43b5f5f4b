"""Plain manifests become a grouped, spread, serving Codis."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

from certs import Creations
from cli import codisctl
from codis import SYSTEM
from manifests import MANIFESTS, of_kubernetes
from world import NAMESPACE, case, manifest, wait_for


@case
def groups(w):
    """The four servers are two groups, and the members of a group are on different nodes."""
    servers = w.codis.servers()
    assert [s.group for s in servers] == [1, 1, 2, 2], f"groups are {[s.group for s in servers]}"
    for gid in (1, 2):
        nodes = [s.node for s in servers if s.group == gid]
        assert nodes[0] != nodes[1], f"both members of group {gid} are on {nodes[0]}"


@case
def slots(w):
    """All 1,024 slots were assigned with no human, over both groups, and the proxies' Service says PONG."""
    stats = w.codis.topom()
    count = {1: 0, 2: 0}
    for slot in stats["slots"]:
        count[slot["group_id"]] += 1
    assert count == {1: 512, 2: 512}, f"slots by group: {count}"
    assert w.codis.ping() == "PONG"


@case
def injected(w):
    """A server's pod, of which the manifest says nothing, has labels, affinity, guard, scheduler, probe, hook."""
    pod = w.pod("codis-server-0")
    labels, spec = pod["metadata"]["labels"], pod["spec"]
    wanted = {"codis.io/product": "codis-test", "codis.io/component": "codis-server", "codis.io/group": "1"}
    assert {k: labels.get(k) for k in wanted} == wanted, f"labels are {labels}"
    assert spec["schedulerName"] == "codis-scheduler"
    terms = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert [t["topologyKey"] for t in terms] == ["kubernetes.io/hostname"]
    container = spec["containers"][0]
    line = " ".join(container.get("command", []) + container.get("args", []))
    assert "slaveof 127.0.0.1 1" in line and "slave-serve-stale-data no" in line, f"no guard: {line}"
    assert "readinessProbe" in container
    assert "preStop" in container["lifecycle"]
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        found = [t for t in spec["tolerations"] if t.get("key") == key and t.get("effect") == "NoExecute"]
        assert found and "tolerationSeconds" not in found[0], f"{key} is tolerated for a limited time: {found}"


@case
def others_injected(w):
    """Proxies, dashboard and ZooKeeper have their labels, and no two proxies share a node."""
    for app in ("codis-proxy", "codis-dashboard"):
        for pod in w.codis.pods(app):
            labels = pod["metadata"]["labels"]
            assert labels.get("codis.io/component") == app and labels.get("codis.io/product") == "codis-test", labels
    for app in ("codis-proxy", "zookeeper"):
        nodes = [p["spec"]["nodeName"] for p in w.codis.pods(app)]
        assert len(set(nodes)) == len(nodes), f"{app} pods are on {nodes}"


def installed(w):
    """What install.yaml's objects are now, without what Kubernetes itself writes into them."""
    found = json.loads(w.kube.kubectl("get", "-o", "json", "-f", "-", text=manifest("install.yaml")).stdout)["items"]
    for item in found:
        item.pop("status", None)
        for key in ("resourceVersion", "managedFields"):
            item["metadata"].pop(key, None)
        item["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    return {f"{i['kind']} {i['metadata']['name']}": i for i in found}


@case
def twice(w):
    """Applying install.yaml again changes nothing, and the caBundle that the webhook has filled in stays."""
    before = installed(w)
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        hooks = before[f"{kind} codis-webhook"]["webhooks"]
        assert all(h["clientConfig"].get("caBundle") for h in hooks), f"a {kind} has no caBundle"
    w.kube.apply(manifest("install.yaml"))
    after = installed(w)
    changed = [name for name in after if after[name] != before.get(name)]
    assert not changed, f"changed: {changed}"


def entries(w):
    """{name: whether it has a caBundle} of the webhook's entries."""
    found = {}
    for kind in ("mutating", "validating"):
        path = f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations/codis-webhook"
        found.update({h["name"]: "caBundle" in h["clientConfig"] for h in w.kube.get(path)["webhooks"]})
    return found


@case
def upgraded(w):
    """Applying install.yaml takes entries away that it does not have any more, and those that are new get their caBundle."""
    before = entries(w)
    w.kube.apply(manifest("install.yaml").replace("name: pods-beside.codis.io", "name: pods-by-app.codis.io"))
    assert "pods-by-app.codis.io" in entries(w)
    w.kube.apply(manifest("install.yaml"))
    assert entries(w).keys() == before.keys(), f"entries are {list(entries(w))}"
    wait_for("their caBundles", lambda: (all(entries(w).values()), f"{entries(w)}"), 30)
    w.wait_admission()


@case
def leads(w):
    """The second scheduler and the controller hold Leases of their own names."""
    leases = w.kube.items(f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases")
    holders = {lease["metadata"]["name"]: lease["spec"].get("holderIdentity") for lease in leases}
    assert holders.get("codis-scheduler") and holders.get("codis-controller"), f"leases: {holders}"


@case
def status(w):
    """The controller's status line of the whole cluster says that all is well, and each controller has its page."""
    def said():
        line = w.status_line()
        return line.startswith("codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served") and ";" not in line, line
    wait_for("the line", said, 20)  # the dashboard, which is asked whether all is whole, knows of the slots before it is heard that proxies send them
    w.note(said()[1])
    for pod in w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller"):
        name = pod["metadata"]["name"]
        proxy = f"/api/v1/namespaces/{SYSTEM}/pods/{name}:8080/proxy/"
        page, event = (w.kube.kubectl("get", "--raw", proxy + path).stdout for path in ("", "events"))
        for words in (f"<p>{name} ", f"</span> {NAMESPACE}/codis-test</h2>", "slots 0 to 511: group 1", ">codis-server-3</td>"):
            assert words in page and words in event, f"{words!r} is not in {page}"
    wait_for("versions and certificates", lambda: programs_said(w, name), 20)


def programs_said(w, controller):
    """Two pods of each program, with their version, and codis-webhook's with the days that its certificate has left."""
    found = json.loads(w.kube.kubectl("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/{controller}:8080/proxy/status.json").stdout)["programs"]
    said = sorted((p["program"], p["ready"], "version" in p, p.get("certificate_days", 0) > 0) for p in found)
    return said == [(name, True, True, name == "codis-webhook") for name in sorted(PROGRAMS) for _ in range(2)], f"{found}"


# --- another version ----------------------------------------------------------------------------------------------------

PROGRAMS = ("codis-webhook", "codis-scheduler", "codis-controller")


def another(text):
    """install.yaml as of another version: a container of each program differs."""
    before = "        - name: POD_NAMESPACE\n"
    assert text.count(before) == len(PROGRAMS)
    return text.replace(before, '        - name: OF_ANOTHER_VERSION\n          value: "yes"\n' + before)


@case
def upgrade_and_back(w):
    """Another version is applied under writers, and then the one before: no pod is refused, no server changes its role."""
    w.start_writers()
    before = {s.pod: (s.role, s.info["run_id"]) for s in w.codis.servers()}
    creations = Creations(w.kube)
    try:
        for what, text in (("upgrade", another(manifest("install.yaml"))), ("way back", manifest("install.yaml"))):
            begin = time.monotonic()
            w.writers.fault()
            w.kube.apply(text)
            for name in PROGRAMS:
                w.kube.kubectl("rollout", "status", "-n", SYSTEM, f"deployment/{name}", "--timeout=120s", timeout=130)
            w.note(f"{what} in {time.monotonic() - begin:.0f} s")
    finally:
        creations.stop()
    w.note(f"{creations.made} pods made by dry-run, slowest {creations.slowest * 1000:.0f} ms")
    assert not creations.failed, dict(creations.failed.most_common(5))
    after = {s.pod: (s.role, s.info["run_id"]) for s in w.codis.servers()}
    assert after == before, f"{before}, and then {after}"
    w.assert_nothing_lost()


@case
def by_codisctl(w):
    """codisctl install over what kubectl has applied of another version: what that had more goes; then nothing changes."""
    before = entries(w)
    w.kube.apply(another(manifest("install.yaml")).replace("name: pods-beside.codis.io", "name: pods-by-app.codis.io"))
    wait_for("their caBundles", lambda: (all(entries(w).values()), f"{entries(w)}"), 30)
    told, seconds = codisctl(w, "install", "--wait", "50s")
    w.note(f"{seconds:.0f} s")
    version = w.kube.get("/version")["gitVersion"]
    assert f"\nkube-scheduler: registry.k8s.io/kube-scheduler:{version}\n" in told, told
    for line in ([f"Deployment {name}: changed" for name in PROGRAMS] + ["MutatingWebhookConfiguration codis-webhook: changed",
                 "ready: codis-webhook 2 of 2, codis-scheduler 2 of 2, codis-controller 2 of 2"]):
        assert f"\n{line}\n" in told, f"{line!r} is not in {told}"
    now = installed(w)
    assert "OF_ANOTHER_VERSION" not in json.dumps(now)
    assert entries(w).keys() == before.keys(), f"entries are {list(entries(w))}"
    told, _ = codisctl(w, "install", "--wait", "50s")
    assert ": changed" not in told and ": created" not in told, told
    assert installed(w) == now
    w.kube.apply(manifest("install.yaml"))  # and back
    wait_for("their caBundles", lambda: (all(entries(w).values()), f"{entries(w)}"), 30)
    w.wait_admission()


# --- kustomize ----------------------------------------------------------------------------------------------------------

def objects(w, text):
    """{kind and name: object} of a manifest. Of blanks kustomize adds some, in CEL's expressions, where they mean nothing."""
    found, decoder = {}, json.JSONDecoder(object_hook=lambda o: {k: " ".join(v.split()) if k == "expression" else v for k, v in o.items()})
    rest = w.kube.kubectl("label", "--local", "-o", "json", "-f", "-", "of=e2e", text=text).stdout.strip()
    while rest:  # one behind the other
        item, end = decoder.raw_decode(rest)
        for o in item.get("items", [item]):
            found[f"{o['kind']} {o['metadata']['name']}"] = o
        rest = rest[end:].strip()
    return found


def deployments(found):
    return [found[f"Deployment {name}"]["spec"] for name in PROGRAMS]


def built(w, *folder):
    """What kustomize makes of it, without the kinds of cert-manager, which this cluster does not have."""
    documents = w.kube.kubectl("kustomize", os.path.join(*folder)).stdout.split("\n---\n")
    return of_kubernetes("\n---\n".join(d for d in documents if "apiVersion: cert-manager.io" not in d))


def copied(folder):
    """manifests/ with a certificate beside the overlay that wants one; returns its text in base64."""
    shutil.copytree(MANIFESTS, folder, dirs_exist_ok=True)
    own = os.path.join(folder, "overlays", "own-certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    "tls.key", "-out", "tls.crt", "-days", "1", "-subj", "/CN=codis-webhook.codis-system.svc"],
                   cwd=own, check=True, capture_output=True)
    shutil.copy(os.path.join(own, "tls.crt"), os.path.join(own, "ca.crt"))
    with open(os.path.join(own, "ca.crt"), "rb") as f:
        return base64.b64encode(f.read()).decode()


@case
def overlays(w):
    """kustomize's base is install.yaml; each overlay is what it says, and the API server takes it."""
    with tempfile.TemporaryDirectory() as folder:
        authority = copied(folder)
        plain = objects(w, manifest("install.yaml"))
        assert objects(w, built(w, folder, "system")) == plain, "manifests/system/kustomization.yaml lacks something"
        found = {}
        for name in ("production", "single-node", "own-certificate", "cert-manager"):
            text = built(w, folder, "overlays", name)
            w.kube.kubectl("apply", "--dry-run=server", "-f", "-", text=text)
            found[name] = objects(w, text)
            assert found[name].keys() - plain.keys() == ({"Secret codis-webhook-tls"} if name == "own-certificate" else set())
    images = {c["image"] for d in deployments(found["production"]) for c in d["template"]["spec"]["containers"]}
    assert images == {"registry.example/codis-k8s:1.0", of_kubernetes("registry.k8s.io/kube-scheduler:v1.35.4")}, images
    viewer = [e.get("value") for e in deployments(found["production"])[0]["template"]["spec"]["containers"][0]["env"]]
    assert "registry.example/codis-k8s:1.0" in viewer, viewer
    assert [d["replicas"] for d in deployments(found["single-node"])] == [1, 1, 1]
    assert not any("affinity" in d["template"]["spec"] for d in deployments(found["single-node"]))
    for kind in ("Mutating", "Validating"):
        name = f"{kind}WebhookConfiguration codis-webhook"
        assert all("".join(h["clientConfig"]["caBundle"].split()) == authority for h in found["own-certificate"][name]["webhooks"])
        assert found["cert-manager"][name]["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": "codis-system/codis-webhook"}
    for name in ("own-certificate", "cert-manager"):
        spec = deployments(found[name])[0]["template"]["spec"]
        assert spec["volumes"] == [{"name": "tls", "secret": {"secretName": "codis-webhook-tls"}}], spec["volumes"]
