"""The kinds of faults. Each strikes once, and tells what it did, when, and how it is undone; run measures what follows.

A kind gets the world, a source of chance and a group (which the two faults of a pair do not share). What it chooses, it
chooses by chance alone from what it finds in an order that does not change, so that a seed does the same again.
"""
import itertools
import json
import os
import signal
import time
from dataclasses import dataclass

from cluster import send_all
from codis import SYSTEM, ordinal
from kube import is_ready
from world import NAMESPACE, wait_for

KINDS = {}


@dataclass
class Blow:
    """One fault that has struck: in words, when (wall time, microseconds), and what undoes it after so many seconds.
    hangs: what somebody else has to end. later: what is done when all is well again."""
    words: str
    at_us: int
    lasts: float = 0
    undo: object = None
    hangs: tuple = ()
    later: object = None


@dataclass
class Kind:
    """part: what of Codis it takes away. may_lose: what may be missing afterwards (below). weight: how often it comes in
    a round of all kinds; 0: only when it is asked for."""
    name: str
    strike: object
    part: str
    may_lose: str
    weight: int


TAIL = "what was acknowledged in the 50 ms around it"  # it takes away a server, or may do so, without asking
NOTHING = "nothing"  # all can be handed over before
UNSYNCED = "what a replica lacks that a person promotes before it has synced"


def kind(part, may_lose=TAIL, weight=1):
    def add(function):
        KINDS[function.__name__] = Kind(function.__name__, function, part, may_lose, weight)
        return function
    return add


def now_us():
    return time.time_ns() // 1000


# --- what is struck -----------------------------------------------------------------------------------------------------

def replica_of(w, gid):
    return next(s for s in w.codis.group(gid) if not s.is_master)


def target(server):
    return f"{server.pod}/codis-server"


def proxy(w, rng):
    return rng.choice(sorted((p for p in w.codis.pods("codis-proxy") if is_ready(p)), key=lambda p: p["spec"]["nodeName"]))


def program(pod):
    """Its only container by that name: a proxy's, a dashboard's."""
    return f"{pod['metadata']['name']}/{pod['metadata']['labels']['app']}"


def zookeepers(w):
    return sorted((p["metadata"]["name"] for p in w.codis.pods("zookeeper")), key=ordinal)


def node_with_master(w, rng):
    """The one of those with a master that has the most of a proxy, a ZooKeeper member and the leading controller. Never
    the writers'."""
    others = [p["spec"].get("nodeName") for app in ("codis-proxy", "zookeeper") for p in w.codis.pods(app)]
    others.append(w.kube.get(f"/api/v1/namespaces/{SYSTEM}/pods/{w.leader()}")["spec"]["nodeName"])
    nodes = {m.node for m in w.codis.servers() if m.is_master and m.node != w.home}
    if not nodes:
        return rng.choice([n for n in sorted(n["metadata"]["name"] for n in w.kube.nodes()) if n != w.home])
    return max(sorted(nodes), key=others.count)


# --- how ----------------------------------------------------------------------------------------------------------------

def killed(w, *targets):
    return Blow("kill -9 of " + " and ".join(targets), w.kill(*targets))


def stopped(w, *targets, seconds=0):
    """SIGSTOP: for so long, or until somebody else ends it."""
    processes = w.processes(*targets)
    at_us = send_all(processes, signal.SIGSTOP)
    words = "stop of " + " and ".join(targets)
    if not seconds:
        return Blow(f"{words}, for ever", at_us, hangs=tuple(processes))
    return Blow(f"{words}, for {seconds:.1f} s", at_us, seconds, lambda: send_all(processes, signal.SIGCONT))


def cut(w, pod, seconds):
    at_us = w.cluster.cut_pod(pod)
    return Blow(f"cut of {pod['metadata']['name']} from the network, for {seconds:.1f} s", at_us, seconds,
                lambda: w.cluster.heal_pod(pod))


# --- masters ------------------------------------------------------------------------------------------------------------

@kind("server", weight=3)
def master_killed(w, rng, gid):
    """kill -9 of a master"""
    return [killed(w, target(w.codis.master(gid)))]


@kind("server")
def master_hung(w, rng, gid):
    """a master is stopped (SIGSTOP) for ever"""
    return [stopped(w, target(w.codis.master(gid)))]


@kind("server", weight=3)
def master_paused(w, rng, gid):
    """a master is stopped for 2 to 6 s and then goes on"""
    return [stopped(w, target(w.codis.master(gid)), seconds=rng.uniform(2, 6))]


@kind("server")
def master_cut(w, rng, gid):
    """a master's pod is cut from the network for 3 to 30 s"""
    return [cut(w, w.pod(w.codis.master(gid).pod), rng.uniform(3, 30))]


@kind("server", NOTHING)
def master_deleted(w, rng, gid):
    """a master's pod is deleted"""
    name, at_us = w.codis.master(gid).pod, now_us()
    w.delete_pod(name)
    return [Blow(f"deletion of {name}", at_us)]


@kind("server")
def master_slow(w, rng, gid):
    """a master gets 5 % of a CPU for 10 s"""
    master = target(w.codis.master(gid))
    return [limited(w, [master], "cpu", "cpu.cfs_quota_us", "5000", "-1", f"5 % of a CPU for {master}")]


def limited(w, targets, controller, name, limit, no_limit, words, seconds=10):
    files = [p.group_file(controller, name) for p in w.processes(*targets)]

    def write(value):
        for file in filter(os.path.exists, files):
            with open(file, "w", encoding="ascii") as f:
                f.write(value)
    write(limit)
    return Blow(f"{words}, for {seconds} s", now_us(), seconds, lambda: write(no_limit))


@kind("server", weight=2)
def promotion(w, rng, gid):
    """a person promotes the replica through the dashboard"""
    return [promoted(w, replica_of(w, gid))]


def promoted(w, server):
    at_us = now_us()
    status, text = w.codis.promote(server)
    return Blow(f"promotion of {server.pod} by the dashboard, which said {status} {text.strip()[:60]}", at_us)


@kind("server", UNSYNCED, weight=0)
def promotion_early(w, rng, gid):
    """a person promotes the replica through the dashboard, and the old master again before it has synced"""
    old, blows = w.codis.master(gid), promotion(w, rng, gid)
    time.sleep(rng.uniform(0.2, 1))
    return [*blows, promoted(w, old)]


@kind("server")
def promotion_and_kill(w, rng, gid):
    """a person promotes the replica through the dashboard, and the new master is killed as soon as its group is in sync"""
    blows = promotion(w, rng, gid)
    w.wait_group(gid)
    return [*blows, killed(w, target(w.codis.master(gid)))]


# --- replicas -----------------------------------------------------------------------------------------------------------

@kind("server")
def replica_killed(w, rng, gid):
    """kill -9 of a replica"""
    return [killed(w, target(replica_of(w, gid)))]


@kind("server")
def replica_hung(w, rng, gid):
    """a replica is stopped for ever"""
    return [stopped(w, target(replica_of(w, gid)))]


@kind("server")
def replica_cut(w, rng, gid):
    """a replica's pod is cut from the network for 3 to 30 s"""
    return [cut(w, w.pod(replica_of(w, gid).pod), rng.uniform(3, 30))]


@kind("server", NOTHING)
def rollout(w, rng, gid):
    """all servers are restarted, one after the other (kubectl rollout restart)"""
    at_us = now_us()
    w.kube.kubectl("rollout", "restart", "-n", NAMESPACE, "sts/codis-server")
    done = w.kube.kubectl("rollout", "status", "-n", NAMESPACE, "sts/codis-server", "--timeout=170s", check=False,
                          timeout=180)
    return [Blow("rollout of all servers" + ("" if done.returncode == 0 else f": {done.stderr.strip()}"), at_us)]


# --- proxies ------------------------------------------------------------------------------------------------------------

@kind("proxy")
def proxy_killed(w, rng, gid):
    """kill -9 of a proxy"""
    return [killed(w, program(proxy(w, rng)))]


@kind("proxy")
def proxy_hung(w, rng, gid):
    """a proxy is stopped for ever"""
    return [stopped(w, program(proxy(w, rng)))]


@kind("proxy")
def proxy_cut(w, rng, gid):
    """a proxy's pod is cut from the network for 3 to 30 s"""
    return [cut(w, proxy(w, rng), rng.uniform(3, 30))]


# --- dashboard ----------------------------------------------------------------------------------------------------------

DASHBOARD = "codis-dashboard-0/codis-dashboard"


@kind("dashboard")
def dashboard_killed(w, rng, gid):
    """kill -9 of the dashboard"""
    return [killed(w, DASHBOARD)]


@kind("dashboard")
def dashboard_hung(w, rng, gid):
    """the dashboard is stopped for ever"""
    return [stopped(w, DASHBOARD)]


@kind("dashboard")
def dashboard_second(w, rng, gid):
    """a second dashboard of the same product runs beside the first for 20 s"""
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets"
    second = json.loads(json.dumps(w.kube.get(f"{path}/codis-dashboard")))
    name = "codis-dashboard-second"
    second = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": second["spec"]}
    for labels in (second["spec"]["selector"]["matchLabels"], second["spec"]["template"]["metadata"]["labels"]):
        labels["second"] = "yes"
    at_us = now_us()
    w.kube.call("POST", path, second)

    def undo():
        w.kube.delete(f"{path}/{name}")
        wait_for("the second dashboard to end", lambda: (not w.kube.pods(NAMESPACE, "second=yes"), ""), 60)
    return [Blow("a second dashboard, for 20 s", at_us, 20, undo)]


# --- ZooKeeper ----------------------------------------------------------------------------------------------------------

def member(name):
    return f"{name}/zookeeper"


@kind("zookeeper")
def zookeeper_killed(w, rng, gid):
    """kill -9 of a ZooKeeper member"""
    return [killed(w, member(rng.choice(zookeepers(w))))]


@kind("zookeeper")
def quorum_lost(w, rng, gid):
    """two of three ZooKeeper members are stopped for 20 s"""
    return [stopped(w, *map(member, rng.sample(zookeepers(w), 2)), seconds=20)]


@kind("zookeeper")
def slow_disk(w, rng, gid):
    """ZooKeeper's disks make two writes a second for 10 s"""
    device = os.stat("/var/lib").st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    return [limited(w, list(map(member, zookeepers(w))), "blkio", "blkio.throttle.write_iops_device", f"{number} 2",
                    f"{number} 0", "two writes a second for the disks of ZooKeeper")]


# --- controllers --------------------------------------------------------------------------------------------------------

def leader(w):
    return f"{SYSTEM}/{w.leader()}/controller"


@kind("controller")
def controller_killed(w, rng, gid):
    """kill -9 of the controller that leads"""
    return [killed(w, leader(w))]


@kind("controller")
def controller_stopped(w, rng, gid):
    """the controller that leads is stopped for 10 s"""
    return [stopped(w, leader(w), seconds=10)]


@kind("both")
def master_and_leader(w, rng, gid):
    """kill -9 of a master and of the controller that leads, at once"""
    return [killed(w, target(w.codis.master(gid)), leader(w))]


# --- nodes --------------------------------------------------------------------------------------------------------------

@kind("node")
def node_cut(w, rng, gid):
    """a node with a master is cut off for 5 to 25 s, both sides alive"""
    node, seconds = node_with_master(w, rng), rng.uniform(5, 25)
    return [Blow(f"cut of {node}, for {seconds:.1f} s", w.cluster.cut(node), seconds, lambda: w.cluster.heal(node))]


@kind("node", weight=0)
def leader_cut(w, rng, gid):
    """the node of the controller that leads, and of a proxy, is cut off for 5 to 25 s, both sides alive"""
    proxies = {p["spec"]["nodeName"] for p in w.codis.pods("codis-proxy") if is_ready(p)}
    controllers = w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller")
    beside = sorted(p["metadata"]["name"] for p in controllers if p["spec"]["nodeName"] in proxies - {w.home})
    if not beside:
        raise RuntimeError("no controller is beside a proxy")
    if w.leader() not in beside:
        stop = stopped(w, leader(w), seconds=10)  # one that is killed is back before its lease is over
        try:
            wait_for("another leader", lambda: (w.leader() in beside, w.leader()), 60)
        finally:
            stop.undo()
        w.wait_all_well()
    node, seconds = w.kube.get(f"/api/v1/namespaces/{SYSTEM}/pods/{w.leader()}")["spec"]["nodeName"], rng.uniform(5, 25)
    return [Blow(f"cut of {node}, for {seconds:.1f} s", w.cluster.cut(node), seconds, lambda: w.cluster.heal(node))]


@kind("node")
def node_off(w, rng, gid):
    """a node with a master loses its power for 10 to 30 s"""
    node, seconds = node_with_master(w, rng), rng.uniform(10, 30)
    return [Blow(f"power-off of {node}, for {seconds:.1f} s", w.cluster.power_off(node), seconds,
                 lambda: w.cluster.power_on(node))]


@kind("node")
def node_gone(w, rng, gid):
    """a node with a master loses its power and its Node object is deleted; it comes back when all is well without it"""
    node = node_with_master(w, rng)
    at_us = w.cluster.power_off(node)
    w.kube.delete(f"/api/v1/nodes/{node}")
    return [Blow(f"power-off and deletion of {node}", at_us, later=lambda: w.cluster.power_on(node))]


@kind("node", NOTHING)
def node_drained(w, rng, gid):
    """a node with a master is drained and then used again"""
    node, at_us = node_with_master(w, rng), now_us()
    done = w.kube.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=100s", check=False,
                          timeout=110)
    why = "" if done.returncode == 0 else ": " + (done.stderr.strip().splitlines() or [""])[-1]
    return [Blow(f"drain of {node}{why}", at_us, 0.1, lambda: w.kube.cordon(node, False))]


@kind("node", NOTHING)
def node_cordoned(w, rng, gid):
    """a node with a master is cordoned for 15 s"""
    node, at_us = node_with_master(w, rng), now_us()
    w.kube.cordon(node)
    return [Blow(f"cordon of {node}, for 15 s", at_us, 15, lambda: w.kube.cordon(node, False))]


# --- others -------------------------------------------------------------------------------------------------------------

@kind("none", NOTHING)
def nothing(w, rng, gid):
    """no fault at all: what the writers measure by themselves, for 10 s"""
    return [Blow("nothing, for 10 s", now_us(), 10, lambda: None)]


ALONE = ("two", "rollout", "node_drained", "node_gone", "promotion_and_kill")


def agree(one, other):
    """Whether two kinds may strike at once and all that is promised still holds: never may both members of a group be
    hit, nor more than one member of ZooKeeper beside those that a node takes along. Two of servers hit two groups."""
    parts = {one.part, other.part}
    if one.name in ALONE or other.name in ALONE or "none" in parts:
        return False
    if "node" in parts and parts & {"server", "both", "zookeeper"}:
        return False
    return len(parts) == 2 or parts in ({"server"}, {"both"})


def pairs():
    ordered = sorted((k for k in KINDS.values() if k.weight), key=lambda k: k.name)
    return [(a, b) for a, b in itertools.combinations_with_replacement(ordered, 2) if agree(a, b)]


@kind("any", weight=4)
def two(w, rng, gid):
    """two faults of those above within half a second, in different groups or parts"""
    chosen = list(rng.choice(pairs()))
    rng.shuffle(chosen)
    blows = []
    for k, g in zip(chosen, (gid, 3 - gid)):
        try:
            blows += k.strike(w, rng, g)
        except (RuntimeError, OSError, StopIteration, IndexError) as e:
            if not blows:
                raise
            blows[-1].words += f"; then no {k.name}, for the first one was faster: {e}"
        time.sleep(rng.uniform(0, 0.5))
    return blows
