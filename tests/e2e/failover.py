"""Faults of single parts, with clients writing."""
import signal
import time

import kube
from codis import SYSTEM, controller_status
from world import NAMESPACE, case, wait_for


def kill_master(w, gid):
    master = w.codis.master(gid)
    w.writers.fault(w.kill(f"{master.pod}/codis-server"))
    return master


@case
def master_killed(w):
    """kill -9 of a master: the replica takes over, nothing is lost, two in sync again."""
    w.start_writers()
    old = kill_master(w, 1)
    w.wait_moved(1, old)
    assert w.codis.master(1).pod != old.pod, "the restarted server was made master"
    w.wait_whole()
    w.assert_nothing_lost()


def roles(w):
    """What the label codis.io/role of each server's pod says, by their names."""
    return {p["metadata"]["name"]: p["metadata"]["labels"].get("codis.io/role") for p in w.codis.pods("codis-server")}


def wait_roles(w):
    """Until the labels say who leads, and of all others that they are replicas."""
    def probe():
        expected = {s.pod: s.role for s in w.codis.servers()}
        return roles(w) == expected, f"{roles(w)}, where the servers are {expected}"
    seconds = wait_for("the labels of roles", probe, 20, every=0.1)
    w.note(f"labelled after {seconds:.1f} s")


@case
def roles_labelled(w):
    """codis.io/role on the servers' pods: it moves with the master, also where the pod of the old one is made anew."""
    wait_roles(w)
    old = w.codis.master(1)
    w.kill(f"{old.pod}/codis-server")
    w.wait_moved(1, old)
    wait_roles(w)
    assert roles(w)[old.pod] == "replica", f"{old.pod} led, and its label says {roles(w)[old.pod]}"
    old = w.codis.master(2)
    w.delete_pod(old.pod)
    w.wait_moved(2, old)
    wait_roles(w)
    masters = w.kube.pods(NAMESPACE, "codis.io/role=master")
    assert len(masters) == 2, f"{len(masters)} pods are labelled as masters"


@case
def killed_again(w):
    """Three more kills in one group, each as soon as it is in sync: a server that crash-loops is not awaited."""
    w.start_writers()
    for _ in range(3):
        old = kill_master(w, 2)
        w.wait_moved(2, old)
        time.sleep(1)
    w.wait_whole()
    w.assert_nothing_lost()


@case
def replica_killed(w):
    """kill -9 of a replica: the master stays, the replica comes back in sync."""
    w.start_writers()
    replica = next(s for s in w.codis.group(1) if not s.is_master)
    master = w.codis.master(1)
    w.writers.fault(w.kill(f"{replica.pod}/codis-server"))
    time.sleep(0.5)
    w.note(f"two in sync after {w.wait_group(1):.1f} s")
    assert w.codis.master(1).info["run_id"] == master.info["run_id"], "the master was replaced"
    w.assert_nothing_lost()


@case
def leader_killed(w):
    """The controller that leads is killed with the master: the other one does the failover, before it leads."""
    w.start_writers()
    old = w.codis.master(1)
    w.writers.fault(w.kill(f"{old.pod}/codis-server", f"{SYSTEM}/{w.leader()}/controller"))
    w.wait_moved(1, old)
    w.wait_whole()
    outage = w.assert_nothing_lost()["faults"][0]["outage_us"]
    assert outage < 1500000, f"clients waited {outage / 1000:.0f} ms: as long as a lease of 4 s may take"


def crash_at(w, point, tries=5):
    """Lets the leader die by itself at a point of its next promotion."""
    deployment = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/codis-controller"
    env = [{"name": "CODIS_CRASH_AT", "value": point}]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "controller", "env": env}]}}}}
    w.kube.call("PATCH", deployment, patch, "application/strategic-merge-patch+json")
    w.kube.kubectl("rollout", "status", "-n", SYSTEM, "deployment/codis-controller", "--timeout=60s")
    # The leader dies once, so that the kubelet will wait before it starts it again the next time.
    leader = wait_for_leader(w)
    before = w.restarts(leader, SYSTEM)
    w.kill(f"{SYSTEM}/{leader}/controller")
    wait_for("its restart", lambda: (w.restarts(leader, SYSTEM) > before, "not yet"), 30)
    leader = wait_for_leader(w)
    if w.restarts(leader, SYSTEM) == 0:
        assert tries > 1, "the controller that was ended never led again"
        return crash_at(w, point, tries - 1)  # the other one was faster
    w.kill(f"{SYSTEM}/{leader}/controller", signal_number=signal.SIGUSR2)
    return leader


def wait_for_leader(w):
    """The pod that leads, once it says so itself, holds the Lease, and both controllers are ready."""
    w.wait_system()
    wait_for("a leader", lambda: (controller_status(w.kube)["identity"] == w.leader(), "nobody leads"), 30)
    return w.leader()


def crash_in_promotion(w, point):
    leader = crash_at(w, point)
    before = w.restarts(leader, SYSTEM)
    w.start_writers()
    old = kill_master(w, 2)
    w.wait_moved(2, old)
    w.wait_whole()
    state = w.pod(leader, SYSTEM)["status"]["containerStatuses"][0]["state"]
    died = w.restarts(leader, SYSTEM) > before or "running" not in state
    assert died, f"{leader} was to die at {point} and still runs"
    assert w.leader() != leader, "the leader that died leads again: it was not the other one that finished"
    w.assert_nothing_lost()


@case
def crash_before_fence(w):
    """The leader dies when it has decided on a promotion and has done nothing yet: the other does it."""
    crash_in_promotion(w, "promote.begin")


@case
def crash_after_fence(w):
    """The leader dies when the coordinator has the new master and the server does not know yet: the other goes on."""
    crash_in_promotion(w, "promote.fenced")


@case
def crash_after_role(w):
    """The leader dies when the server has its role and the proxies do not know yet: the other goes on."""
    crash_in_promotion(w, "promote.role")


@case
def interrupted_promotion(w):
    """A promotion that a dying proxy has left half done, with its slots locked, is finished."""
    w.start_writers()
    replica = next(s for s in w.codis.group(2) if not s.is_master)
    at_us = w.kill(w.codis.pods("codis-proxy")[0]["metadata"]["name"] + "/codis-proxy")
    status, text = w.codis.promote(replica)
    w.writers.fault(at_us)
    w.note(f"the dashboard said {status}: {text.strip()[:80]!r}")

    def probe():
        promoting = next(g for g in w.codis.topom()["group"]["models"] if g["id"] == 2)["promoting"]
        return not promoting.get("state"), f"promoting: {promoting}"
    w.note(f"finished after {wait_for('the promotion', probe, 60, every=0.1):.1f} s")
    w.wait_whole()
    w.assert_nothing_lost()


@case
def proxy_gone(w):
    """A proxy's pod that vanishes leaves no entry behind that would block the next failover."""
    old = w.codis.pods("codis-proxy")[0]
    w.start_writers()
    w.writers.fault()
    w.delete_pod(old["metadata"]["name"], grace=0)
    gone = old["status"]["podIP"] + ":11080"
    seconds = wait_for("the entry to go", lambda: (gone not in w.codis.proxies(), w.codis.proxies()), 60, every=0.1)
    w.note(f"the entry was gone after {seconds:.1f} s")
    w.wait_whole()
    w.assert_nothing_lost()


@case
def dashboard_killed(w):
    """A master dies while there is no dashboard: the failover does not wait for it."""
    w.start_writers()
    old = w.codis.master(1)
    w.writers.fault(w.kill("codis-dashboard-0/codis-dashboard", f"{old.pod}/codis-server"))
    w.wait_whole(120)
    assert w.codis.master(1).info["run_id"] != old.info["run_id"]
    w.assert_nothing_lost()


def dry_runner(w):
    """A pod like the controller's, but that it does nothing."""
    deployment = w.kube.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/codis-controller")
    spec = deployment["spec"]["template"]["spec"]
    spec["containers"][0].setdefault("env", []).append({"name": "CODIS_DRY_RUN", "value": "true"})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dry-run", "namespace": SYSTEM}, "spec": spec}


@case
def dry_run(w):
    """A controller with --dry-run, alone when a master is killed: it says what it would do, and does nothing."""
    w.kube.call("POST", f"/api/v1/namespaces/{SYSTEM}/pods", dry_runner(w))
    try:
        wait_for("the dry run", lambda: (kube.is_ready(w.pod("dry-run", SYSTEM)), "it is not ready"), 30)
        scale_controllers(w, 0)
        old = w.codis.master(1)
        declared = w.codis.declared_groups()
        w.kill(f"{old.pod}/codis-server")
        wait_for("what it would do", lambda: (any("action=promote" in line for line in would(w)), said(w)[-3:]), 20)
        time.sleep(3)
        w.note("; ".join(would(w)))
        assert not [s for s in w.codis.group(1) if s.is_master], "somebody has got the role"
        assert w.codis.declared_groups() == declared, (w.codis.declared_groups(), declared)
        assert not w.restarts("dry-run", SYSTEM), "it has ended meanwhile"
    finally:
        scale_controllers(w, 2)
        w.delete_pod("dry-run", SYSTEM, grace=0)
    w.wait_moved(1, old)
    w.wait_whole()


def scale_controllers(w, replicas):
    w.kube.kubectl("scale", "-n", SYSTEM, "deployment/codis-controller", f"--replicas={replicas}")
    wait_for(f"{replicas} controllers", lambda: (
        len(w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller")) == replicas, "not yet"), 40)


def said(w):
    return w.kube.kubectl("logs", "-n", SYSTEM, "dry-run", "--tail=-1").stdout.splitlines()


def would(w):
    """What the dry run says that it would do."""
    return [line.split(" ", 3)[3] for line in said(w) if "event=action.would" in line]


@case
def pod_deleted(w):
    """A master's pod is deleted by hand: it is switched first."""
    w.start_writers()
    old = w.codis.master(2)
    w.writers.fault()
    w.delete_pod(old.pod)
    w.wait_moved(2, old)
    w.wait_whole()
    w.assert_nothing_lost()


@case
def node_lost(w):
    """A node with a master loses its power: the group goes on, and all is whole when it comes back."""
    masters = {s.node: s for s in w.codis.servers() if s.is_master}
    zookeeper = w.codis.pods("zookeeper")
    assert len({p["spec"]["nodeName"] for p in zookeeper}) == 3
    node, old = sorted(masters.items())[0]
    elsewhere = next(n["metadata"]["name"] for n in w.kube.nodes() if n["metadata"]["name"] != node)
    w.start_writers(node=elsewhere)
    proxies = sum(p["spec"]["nodeName"] == node for p in w.codis.pods("codis-proxy"))
    try:
        w.writers.fault(w.cluster.power_off(node))
        took = wait_for(f"another master of group {old.group}", lambda: (
            any(s.is_master and s.pod != old.pod for s in w.codis.group(old.group)), "none yet"), 60, every=0.1)
        w.note(f"{node} with a master and {proxies} proxies; another master after {took:.1f} s")
        time.sleep(5)
        w.assert_nothing_lost()
    finally:
        w.cluster.power_on(node)
    w.note(f"whole {w.wait_whole(180):.0f} s after the power came back")


def master_beside_zookeeper(w):
    """All masters may be on the one node that has no member: their replicas are not, so one of them is made to lead."""
    members = {p["spec"]["nodeName"] for p in w.codis.pods("zookeeper")}

    def found():
        return next((s for s in w.codis.servers() if s.is_master and s.node in members), None)
    if not found():
        old = w.codis.master(1)
        w.delete_pod(old.pod)
        w.wait_moved(1, old)
        w.wait_whole()
    return found()


@case
def node_stays_dead(w):
    """A node with a master and a member of ZooKeeper loses its power for good: all its pods are made anew elsewhere."""
    old = master_beside_zookeeper(w)
    node, began = old.node, time.monotonic()
    w.start_writers(node=next(n["metadata"]["name"] for n in w.kube.nodes() if n["metadata"]["name"] != node))
    proxies = {p["metadata"]["name"] for p in w.codis.pods("codis-proxy") if p["spec"]["nodeName"] == node}

    def ready_proxies():
        return {p["metadata"]["name"] for p in w.codis.pods("codis-proxy") if kube.is_ready(p)}

    def replaced():
        # codis-fe is of a Deployment: Kubernetes gives it another place after 300 s.
        pods = [p for app in ("codis-server", "codis-proxy", "codis-dashboard", "zookeeper") for p in w.codis.pods(app)]
        left = [p["metadata"]["name"] for p in pods if p["spec"].get("nodeName") == node]
        zookeeper = sum(map(kube.is_ready, w.codis.pods("zookeeper")))
        return not left and zookeeper == 3, f"left on {node}: {left}; {zookeeper} of ZooKeeper are ready"
    try:
        w.cluster.power_off(node)
        w.writers.fault(time.time_ns() // 1000)
        if proxies:
            took = wait_for("its proxies to leave the Service",
                            lambda: (not proxies & ready_proxies(), ready_proxies()), 30, every=0.1)
            w.note(f"{node}: {len(proxies)} proxies out of the Service after {took:.1f} s")
        wait_for("its pods to be made anew", replaced, 240, every=0.5)
        w.note(f"made anew after {time.monotonic() - began:.0f} s")
        w.wait_whole(60)
        w.note(f"whole after {time.monotonic() - began:.0f} s: {w.status_line()}")
        w.assert_nothing_lost()
    finally:
        w.cluster.power_on(node)
    w.wait_whole(120)
