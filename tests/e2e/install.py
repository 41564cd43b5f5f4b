"""Plain manifests become a grouped, spread, serving Codis."""
import json

from codis import SYSTEM
from world import case, manifest, wait_for


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
    """The controller's status line of the whole cluster says that all is well."""
    line = w.status_line()
    w.note(line)
    assert line.startswith("codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served") and ";" not in line, line
