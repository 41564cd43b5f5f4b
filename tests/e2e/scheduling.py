"""Where the servers are put, and what is said when one cannot be put anywhere."""
import contextlib
import signal
import time

import cluster
from codis import SYSTEM
from kube import is_ready
from world import NAMESPACE, Codis, case, manifests_of, wait_for

ALL = ["node1", "node2", "node3", "node4"]


def cordon_all_but(w, *open_nodes):
    for node in ALL:
        w.kube.cordon(node, node not in open_nodes)


def assert_spread(codis):
    servers = codis.servers()
    for gid in {s.group for s in servers}:
        nodes = [s.node for s in servers if s.group == gid]
        assert len(set(nodes)) == len(nodes), f"two members of group {gid} are on {nodes}"


def annotated(annotation, port):
    """The plain manifests with this annotation on the servers' template, and codis-fe on another port."""
    text = manifests_of("plain").replace("nodePort: 31080", f"nodePort: {port}")
    marker = "      labels:\n        app: codis-server\n    spec:"
    assert marker in text
    return text.replace(marker, f"      annotations:\n        {annotation}\n{marker}")


@case
def two_nodes_full(w):
    """With two of four nodes closed, servers that are moved one by one never share a node with their group."""
    cordon_all_but(w, "node1", "node2")
    for name in ("codis-server-0", "codis-server-1", "codis-server-2", "codis-server-3"):
        w.delete_pod(name)
        wait_for(f"a new {name}", lambda n=name: (is_ready(w.pod(n)), "not ready"), 60)
        w.wait_whole(60)
        assert_spread(w.codis)
    nodes = sorted(s.node for s in w.codis.servers())
    assert nodes == ["node1", "node1", "node2", "node2"], f"servers are on {nodes}"


@case
def one_node(w):
    """With one node left, the second member of a group stays Pending, with a reason that names the group."""
    servers = {s.pod: s for s in w.codis.servers()}
    stays = next(s for s in servers.values() if s.is_master)
    moves = next(s for s in servers.values() if s.group == stays.group and s is not stays)
    cordon_all_but(w, stays.node)
    w.delete_pod(moves.pod)

    def told():
        pod = w.pod(moves.pod)
        events = [e for e in w.kube.events(NAMESPACE, moves.pod) if e.startswith("FailedScheduling")]
        named = [e for e in events if f"group {stays.group}" in e]
        return not pod["spec"].get("nodeName") and named, events[-1:] or pod["status"]["phase"]
    wait_for("a reason", told, 60)
    w.note([e for e in w.kube.events(NAMESPACE, moves.pod) if f"group {stays.group}" in e][-1])
    cordon_all_but(w, *ALL)
    w.note(f"placed and in sync {w.wait_group(stays.group, 60):.1f} s after the nodes were opened")


@case
def extender_alone(w):
    """Without the scheduler's own rule members of a group never share a node; a node that opens takes a member that waits."""
    cordon_all_but(w, "node1", "node2", "node3")
    codis = Codis(w.kube, "alone")
    try:
        w.make_codis("alone", annotated("codis.io/anti-affinity: extender", 31082))
        w.note(f"whole after {w.wait_whole(180, codis):.0f} s")
        for pod in codis.pods("codis-server"):
            assert "podAntiAffinity" not in pod["spec"].get("affinity", {}), pod["spec"]["affinity"]
        assert_spread(codis)
        moves = next(s for s in codis.servers() if not s.is_master)
        stays = next(s for s in codis.servers() if s.group == moves.group and s is not moves)
        cordon_all_but(w, stays.node)
        w.kube.kubectl("delete", "pod", moves.pod, "-n", "alone", "--wait=false")

        def refused():
            events = [e for e in w.kube.events("alone", moves.pod) if e.startswith("FailedScheduling")]
            return any(f"group {stays.group} of codis-test already has {stays.pod}" in e for e in events), events[-1:]
        wait_for("the member to wait", refused, 60)
        w.kube.cordon("node4", False)
        path = f"/api/v1/namespaces/alone/pods/{moves.pod}"
        took = wait_for("node4 to take it", lambda: ((w.kube.find(path) or {"spec": {}})["spec"].get("nodeName") == "node4",
                                                      "it waits"), 30, every=0.05)
        w.note(f"placed {took:.2f} s after a node was opened")
        w.wait_whole(60, codis)
        assert_spread(codis)
    finally:
        cordon_all_but(w, *ALL)
        w.remove_codis("alone")


@case
def soft(w):
    """codis.io/spread: soft on the pod template lets a one-node cluster come up to PONG."""
    cordon_all_but(w, "node3")
    codis = Codis(w.kube, "soft")
    try:
        w.make_codis("soft", annotated("codis.io/spread: soft", 31081))
        w.note(f"whole after {w.wait_whole(180, codis):.0f} s")
        assert {s.node for s in codis.servers()} == {"node3"}
    except Exception:
        w.note("; ".join(f"{p['metadata']['name']} {p['status']['phase']}" for p in codis.pods()))
        raise
    finally:
        cordon_all_but(w, *ALL)
        w.remove_codis("soft")


LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/codis-scheduler"
GIVES_WAY_S = 30


def scheduler(w):
    """The pod whose scheduler leads."""
    return w.kube.get(LEASE)["spec"]["holderIdentity"].split("_")[0]


def place_without(w, leader, what, meanwhile):
    """A member gets a node though the leader has lost what it needs; meanwhile: called again and again."""
    moves = next(s for s in w.codis.servers() if not s.is_master)
    meanwhile()
    begin = time.monotonic()
    w.delete_pod(moves.pod)

    def placed():
        meanwhile()
        pod = w.kube.find(f"/api/v1/namespaces/{NAMESPACE}/pods/{moves.pod}")
        new = pod and "deletionTimestamp" not in pod["metadata"] and pod["spec"].get("nodeName")
        return new, f"{scheduler(w)} leads"
    wait_for("the member to have a node", placed, GIVES_WAY_S, every=0.1)
    w.note(f"placed {time.monotonic() - begin:.1f} s after the {what} was lost; {scheduler(w)} leads after {leader}")
    w.wait_group(moves.group, 60)
    assert_spread(w.codis)


def hang(w, leader, container):
    before, stopped = w.restarts(leader, SYSTEM), []

    def stop():
        if not stopped:
            stopped.append(w.kill(f"{SYSTEM}/{leader}/{container}", signal_number=signal.SIGSTOP))
    place_without(w, leader, container, stop)
    wait_for("it to be ended", lambda: (w.restarts(leader, SYSTEM) > before, "it hangs"), 60)
    w.note(f"that pod is whole after {w.wait_system(120):.0f} s more")


@case
def hung_extender(w):
    """The extender beside the scheduler that leads hangs: a member that is made anew has a node within 30 s."""
    hang(w, scheduler(w), "extender")


@case
def hung_scheduler(w):
    """The scheduler that leads hangs: the same; and it is ended, as the extender beside it says."""
    leader = scheduler(w)
    hang(w, leader, "scheduler")
    assert scheduler(w) != leader, f"{leader} still leads"


@case
def dead_extender(w):
    """The extender beside the scheduler that leads ends whenever it begins: the other scheduler leads, and a member has a node."""
    leader = scheduler(w)

    def kill():
        with contextlib.suppress(OSError, RuntimeError):  # it has not begun again
            cluster.send_all(cluster.main_processes([(w.pod(leader, SYSTEM), "extender")]), signal.SIGKILL)

    def waits():
        kill()
        states = [c["state"] for c in w.pod(leader, SYSTEM)["status"]["containerStatuses"] if c["name"] == "extender"]
        return "waiting" in states[0], states
    wait_for("the extender to be in back-off", waits, 30, every=0.1)
    place_without(w, leader, "extender", kill)

    def given_way():  # the member may have come between two ends of the extender; who cannot keep one gives way all the same
        kill()
        return scheduler(w) != leader, f"{leader} still leads"
    wait_for("another scheduler to lead", given_way, 60, every=0.1)
    w.note(f"that pod is whole after {w.wait_system(180):.0f} s")
