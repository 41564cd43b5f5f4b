"""Data in memory: what would lose it is refused or held up, and what is lost is said until somebody acknowledges it."""

import kube
from codis import cluster_status
from world import NAMESPACE, case, manifest, wait_for

SET = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/codis-server"


def annotations(w):
    return w.kube.get(SET)["metadata"].get("annotations", {})


def put_keys(w, count=200):
    """Keys of all slots through a proxy; returns how many each group has now."""
    pod = next(p for p in w.codis.pods("codis-proxy") if kube.is_ready(p))["metadata"]["name"]
    script = f"i=0; while [ $i -lt {count} ]; do echo SET loss-$i $i; i=$((i+1)); done | redis-cli -h codis-proxy -p 19000"
    w.kube.run_in(NAMESPACE, pod, "sh", "-c", script)
    return {gid: w.codis.master(gid).keys for gid in (1, 2)}


def served(w):
    """codis.io/slots as {group: (slots, keys)}."""
    text = annotations(w).get("codis.io/slots", "none")
    parts = [p.replace("=", "/").split("/") for p in text.split(",") if p != "none"]
    return {int(p[0]): (int(p[1]), int(p[2]) if len(p) > 2 else None) for p in parts}


def scale_to(w, replicas, *more):
    return w.kube.kubectl("scale", "-n", NAMESPACE, "sts", "codis-server", f"--replicas={replicas}", *more, check=False)


@case
def scale_in(w):
    """Fewer servers are refused while a group that goes serves slots, by scale and by apply; given up, they are let."""
    put_keys(w)
    wait_for("what the groups serve", lambda: (
        {g: s[0] for g, s in served(w).items()} == {1: 512, 2: 512} and all(s[1] for s in served(w).values()),
        annotations(w).get("codis.io/slots")), 90)
    w.note(annotations(w)["codis.io/slots"])
    for done in (scale_to(w, 2), scale_to(w, 0),
                 w.kube.apply(manifest("codis", "plain", "codis-server.yaml").replace("replicas: 4", "replicas: 2"),
                              NAMESPACE, check=False)):
        assert done.returncode != 0 and "which would be lost" in done.stderr, done.stderr or done.stdout
        w.note(done.stderr.strip().splitlines()[-1])
    assert w.kube.get(SET)["spec"]["replicas"] == 4
    w.kube.kubectl("annotate", "-n", NAMESPACE, "sts", "codis-server", "codis.io/allow-data-loss=2")
    try:
        def let():
            done = scale_to(w, 2, "--dry-run=server")
            return done.returncode == 0 and "codis.io/allow-data-loss" in done.stderr, done.stderr
        wait_for("a scale that is let through", let, 10)
    finally:
        w.kube.kubectl("annotate", "-n", NAMESPACE, "sts", "codis-server", "codis.io/allow-data-loss-")


BUDGETS = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"


def budgets(w):
    """The budgets of groups that the controller has made."""
    return sorted(b["metadata"]["name"] for b in w.kube.items(BUDGETS, "app.kubernetes.io/managed-by=codis-controller"))


def wait_budgets(w, *names):
    return wait_for("the budgets", lambda: (budgets(w) == sorted(names), f"{budgets(w)}, not {sorted(names)}"), 30,
                    every=0.1)


def budget_of_all(name, limit):
    return f"""apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {name}}}
spec: {{{limit}, selector: {{matchLabels: {{app: codis-server}}}}}}
"""


@case
def budget(w):
    """Each group has its disruption budget, but where a user has made one: no pod is ever selected by two."""
    wait_budgets(w, "codis-server-group-1", "codis-server-group-2")
    owner = w.kube.get(f"{BUDGETS}/codis-server-group-1")["metadata"]["ownerReferences"][0]
    assert owner["uid"] == w.kube.get(SET)["metadata"]["uid"], owner
    w.kube.apply(budget_of_all("mine", "maxUnavailable: 2"), NAMESPACE)
    try:
        w.note(f"ours are gone {wait_budgets(w):.1f} s after another one was made")
    finally:
        w.kube.kubectl("delete", "-n", NAMESPACE, "pdb", "mine")
    w.note(f"and back {wait_budgets(w, 'codis-server-group-1', 'codis-server-group-2'):.1f} s after it was deleted")


@case
def loose_budget(w):
    """A codis-server StatefulSet is made beside a budget of one's own that may let a whole group go: that is warned of."""
    text = manifest("codis", "plain", "codis-server.yaml")
    w.kube.kubectl("create", "namespace", "loosebudget")
    try:
        done = w.kube.kubectl("apply", "-n", "loosebudget", "--dry-run=server", "-f", "-", text=text)
        assert "PodDisruptionBudget" not in done.stderr, done.stderr
        w.kube.apply(budget_of_all("mine", "maxUnavailable: 50%"), "loosebudget")

        def warned():
            done = w.kube.kubectl("apply", "-n", "loosebudget", "--dry-run=server", "-f", "-", text=text)
            return "drop PodDisruptionBudget mine: it may let a whole group go" in done.stderr, done.stderr
        wait_for("a warning", warned, 10)
    finally:
        w.remove_codis("loosebudget")


def evict(w, pod):
    """The status of the eviction API's answer."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}}
    try:
        w.kube.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction", body)
    except kube.Error as e:
        return e.status
    return 201


def wait_evictable(w, pod):
    """Until the budget of the pod's group has counted its members: a moment after they are ready."""
    def probe():
        allowed = w.kube.get(f"{BUDGETS}/codis-server-group-{int(pod.rsplit('-', 1)[1]) // 2 + 1}").get("status", {})
        return allowed.get("disruptionsAllowed") == 1, allowed
    wait_for("the budget to count", probe, 20)


@case
def second_eviction(w):
    """Both members of a group are evicted at once: the second one is held until the first is back in sync."""
    before = put_keys(w)
    members = [s.pod for s in w.codis.group(1)]
    wait_evictable(w, members[0])
    assert evict(w, members[0]) == 201
    assert evict(w, members[1]) == 429, "the second member was evicted with the first"
    w.note(f"group 1 is two in sync after {w.wait_group(1):.1f} s")
    w.wait_whole()
    assert w.codis.master(1).keys >= before[1], f"{before[1]} keys before, {w.codis.master(1).keys} now"


@case
def both_drained(w):
    """Both nodes of a group are drained at once, with writers: nothing is lost."""
    nodes = sorted({s.node for s in w.codis.group(1)})
    w.start_writers(node=next(n["metadata"]["name"] for n in w.kube.nodes() if n["metadata"]["name"] not in nodes))
    wait_evictable(w, "codis-server-0")
    for node in nodes:
        w.kube.cordon(node)
    w.writers.fault()
    answers = []

    def drained():
        """What two `kubectl drain` do: each pod on the nodes is evicted, and again after a 429."""
        left = [s.pod for s in w.codis.servers() if s.node in nodes]
        answers.extend(evict(w, pod) for pod in left)
        return not left, left
    w.note(f"drained after {wait_for('the drain', drained, 180, every=1):.0f} s")
    assert 500 not in answers, answers
    w.note(f"{answers.count(429)} evictions were refused for a while")
    for node in nodes:
        w.kube.cordon(node, False)
    w.wait_whole()
    w.assert_nothing_lost()


@case
def both_deleted(w):
    """Both members of a group are deleted at once: the master waits until the one that is made anew has its keys."""
    before = put_keys(w)
    members, master = w.codis.group(1), w.codis.master(1)
    for server in sorted(members, key=lambda s: s.is_master):
        w.delete_pod(server.pod)
    wait_for("the status", lambda: ("is being deleted and has the only data" in w.status_line(), w.status_line()), 20,
             every=0.1)
    w.note(w.status_line())
    w.wait_moved(1, master)
    w.wait_whole()
    assert w.codis.master(1).keys >= before[1], f"{before[1]} keys before, {w.codis.master(1).keys} now"
    told = [e for e in w.kube.events(NAMESPACE, master.pod) if e.startswith("OnlyCopy")]
    assert told, w.kube.events(NAMESPACE, master.pod)
    w.note(told[-1])
    assert "LOST" not in w.status_line(), w.status_line()


def group_status(w, gid):
    """What the controller that leads says of the group."""
    cluster = cluster_status(w.kube, NAMESPACE)
    return next(g for g in cluster["groups"] if g["id"] == gid)


def wait_heard(w, gid, keys):
    """Until the controller has heard from both members of the group that they have so many keys."""
    def probe():
        heard = [m["keys"] for m in group_status(w, gid)["members"]]
        return heard == [keys, keys], f"{heard}, not {keys}"
    wait_for("the controller to hear of the keys", probe, 20)


@case
def lost(w):
    """Both members of a group are killed: the loss is a Warning, and in status and StatefulSet until acknowledged."""
    keys = put_keys(w)[1]
    wait_heard(w, 1, keys)
    w.kill(*(f"{s.pod}/codis-server" for s in w.codis.group(1)))
    wait_for("the loss in the status", lambda: ("LOST ITS DATA" in w.status_line(), w.status_line()), 90)
    w.wait_whole(90)
    line = w.status_line()
    w.note(line)
    assert "DEGRADED" in line and f"about {keys:,} keys" in line, f"{keys} keys: {line}"
    loss = group_status(w, 1)["data_lost"]
    assert loss["keys"] == keys, loss
    assert annotations(w)["codis.io/data-lost"].startswith(f"1={keys}@"), annotations(w)
    told = [e for name in ("codis-server", w.codis.master(1).pod) for e in w.kube.events(NAMESPACE, name)
            if e.startswith("DataLost")]
    assert len(told) >= 2, f"Events: {told}"
    w.note(told[-1])
    w.kube.kubectl("annotate", "-n", NAMESPACE, "sts", "codis-server", "codis.io/data-lost-")
    wait_for("OK", lambda: (": OK," in w.status_line(), w.status_line()), 20)


def out_of_sync(w):
    return [g["id"] for g in w.codis.topom()["group"]["models"] if g.get("out_of_sync")]


@case
def in_sync(w):
    """No group is shown as out of sync by codis-fe when it is in sync: not after the start, not after a failover."""
    wait_for("no group out of sync", lambda: (not out_of_sync(w), f"groups {out_of_sync(w)}"), 30)
    old = w.codis.master(1)
    w.kill(f"{old.pod}/codis-server")
    w.wait_moved(1, old)
    wait_for("no group out of sync", lambda: (not out_of_sync(w), f"groups {out_of_sync(w)}"), 30)
