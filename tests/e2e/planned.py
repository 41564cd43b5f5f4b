"""What people do on purpose, with clients that read and write registers through the proxies all the time: every history
is linearizable (tests/linearizable), and what each step cost the unluckiest client is told."""
import contextlib
import json
import os
import subprocess
from collections import Counter

from cli import codisctl
from kube import is_ready
from scale import wait_scaled
from world import NAMESPACE, SERVERS, Timeout, case, wait_for

# With 8, by hand, they are rolled as well, and two nodes are drained at once; that takes minutes.
MORE = int(os.environ.get("PLANNED_SERVERS", "4"))
SCALED_S = 300  # as long as codisctl itself waits for servers that are scaled

# Few keys, so that each is read and written by several at once.
REGISTERS = {"writers": 8, "rate": 100, "registers": 16}
BEHIND_S = 0.6


class Histories:
    """Clients of registers meanwhile; each step is told with its longest gap and what was answered with an error."""

    def __init__(self, w, name, **how):
        self.w, self.name, self.how, self.steps = w, name, {**REGISTERS, **how}, []

    def __enter__(self):
        self.w.start_writers(**self.how)
        return self

    def __exit__(self, kind, *_):
        if not kind:
            self.end()

    def step(self, name):
        self.steps.append((name, self.w.writers.fault()))

    def end(self):
        writers = self.w.writers
        report = writers.report()
        folder = os.path.join(self.w.logs, "histories")
        os.makedirs(folder, exist_ok=True)
        linearizable, sentence = writers.judge(os.path.join(folder, f"{self.name}.jsonl"))
        for (name, _), f in zip(self.steps, report["faults"]):
            self.w.note(f"{name}: longest gap {f['outage_us'] / 1000:.0f} ms, of all clients {f['all_writers_outage_us'] / 1000:.0f} ms")
        self.w.note(f"errors: {report['errors'] or 'none'}; {sentence.splitlines()[-1]}")
        writers.stop()
        self.w.writers = None
        assert linearizable, sentence
        self.report = report


def rollout(w, what):
    w.kube.kubectl("rollout", "restart", "-n", NAMESPACE, what)
    w.kube.kubectl("rollout", "status", "-n", NAMESPACE, what, "--timeout=150s", timeout=170)


def delete_while_behind(w, gid):
    """Deletes a master's pod while nothing of what it writes gets to its replica, for so long or until that one leads."""
    old = w.codis.master(gid)
    replica = next(s for s in w.codis.group(gid) if not s.is_master)
    pods = w.pod(old.pod), w.pod(replica.pod)
    w.cluster.cut_pair(*pods)
    try:
        behind = old.pod + " to be ahead of its replica"
        wait_for(behind, lambda: (w.codis.master(gid).info["master_repl_offset"] != offset(w, replica), "it is not"), 5, every=0.02)
        w.delete_pod(old.pod)
        with contextlib.suppress(Timeout):
            wait_for("another master", lambda: (w.codis.server(w.pod(replica.pod)).is_master, "waits"), BEHIND_S, every=0.02)
    finally:
        w.cluster.heal_pair(*pods)
    w.wait_moved(gid, old)


def offset(w, replica):
    return w.codis.server(w.pod(replica.pod)).info["slave_repl_offset"]


@case
def switched(w):
    """A master's pod is deleted while its replica is behind, then all servers are restarted: linearizable."""
    with Histories(w, "switched") as histories:
        for gid in (1, 2):
            histories.step(f"pod of the master of group {gid} deleted, its replica behind")
            delete_while_behind(w, gid)
        histories.step("rollout of all servers")
        rollout(w, "sts/codis-server")
        w.wait_whole()


def busiest(w):
    """A node with a master, and a proxy if there is such a one."""
    masters = {s.node for s in w.codis.servers() if s.is_master}
    proxies = {p["spec"]["nodeName"] for p in w.codis.pods("codis-proxy")}
    return sorted(masters & proxies or masters)[0]


@case
def drained(w):
    """A node with a master is drained, the dashboard restarted, the proxies are rolled: linearizable, no answer is an error."""
    node = busiest(w)
    elsewhere = next(n["metadata"]["name"] for n in w.kube.nodes() if n["metadata"]["name"] != node)
    with Histories(w, "drained", node=elsewhere) as histories:
        histories.step(f"drain of {node}")
        w.kube.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=100s", timeout=120)
        w.kube.cordon(node, False)
        w.wait_whole()
        histories.step("dashboard restarted")
        rollout(w, "sts/codis-dashboard")
        w.wait_whole()
        histories.step("proxies rolled")
        rollout(w, "deployment/codis-proxy")
        w.wait_whole()
    answered = {text: n for text, n in histories.report["errors"].items() if text.startswith(("ERR", "READONLY"))}
    assert not answered, answered


def drain(w, *nodes):
    """All of them at once; they take pods again afterwards."""
    def begin(node):
        return subprocess.Popen([w.kube.program, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data",
                                 "--pod-selector=app!=codis-writers", "--timeout=150s"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=w.kube.env)
    try:
        begun = [begin(node) for node in nodes]
        for node, running in zip(nodes, begun):
            said = running.communicate(timeout=170)[0]
            assert running.returncode == 0, f"drain of {node}: {said}"
    finally:
        for node in nodes:
            w.kube.cordon(node, False)


def roll_by_hand(w):
    """OnDelete: each pod is made anew when somebody deletes it."""
    w.kube.merge(SERVERS, {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
    try:
        for i in range(MORE):
            w.delete_pod(f"codis-server-{i}")
            wait_scaled(w, MORE // 2)
    finally:
        w.kube.merge(SERVERS, {"spec": {"updateStrategy": {"type": "RollingUpdate"}}})


@case
def each_node_drained(w):
    """Each node is drained, one right behind the other: linearizable, no answer is an error."""
    nodes = sorted(n["metadata"]["name"] for n in w.kube.nodes())
    if MORE > 4:
        w.note(codisctl(w, "scale-server", str(MORE), within=SCALED_S)[0].splitlines()[-1])
        wait_scaled(w, MORE // 2)
    with Histories(w, "each_node_drained") as histories:
        for node in nodes:
            histories.step(f"drain of {node}, with {sum(s.is_master and s.node == node for s in w.codis.servers())} masters")
            drain(w, node)
            wait_scaled(w, MORE // 2)
        if MORE > 4:
            histories.step("rollout of all servers")
            rollout(w, "sts/codis-server")
            wait_scaled(w, MORE // 2)
            histories.step("rolled by hand")
            roll_by_hand(w)
            histories.step(f"drain of {nodes[0]} and {nodes[1]} at once")
            drain(w, *nodes[:2])
            wait_scaled(w, MORE // 2)
    if MORE > 4:
        w.note(codisctl(w, "scale-server", "4", within=SCALED_S)[0].splitlines()[-1])
    w.wait_whole()
    answered = {text: n for text, n in histories.report["errors"].items() if text.startswith(("ERR", "READONLY"))}
    assert not answered, answered


@case
def ended(w):
    """A kubelet ends a master's pod by itself, without a deletionTimestamp: its preStop hook alone tells, and it is switched."""
    with Histories(w, "ended") as histories:
        old = w.codis.master(1)
        histories.step("pod of a master ended by its kubelet")
        w.kube.merge(f"/api/v1/namespaces/{NAMESPACE}/pods/{old.pod}", {"spec": {"activeDeadlineSeconds": 1}})
        w.wait_moved(1, old)
        w.wait_whole()
    told = [e for e in w.kube.events(NAMESPACE, w.codis.master(1).pod) if "the master's pod is being ended by its kubelet" in e]
    assert told, f"Events: {w.kube.events(NAMESPACE, w.codis.master(1).pod)}"
    w.note(told[-1])
    assert not histories.report["errors"], histories.report["errors"]


def allocated(w, pod):
    """What its node has set aside for the server's memory."""
    status = next(c for c in w.pod(pod)["status"]["containerStatuses"] if c["name"] == "codis-server")
    return status.get("allocatedResources", {}).get("memory")


@case
def resized(w):
    """A master's memory is resized in place: its process stays, and leads on; linearizable, no error."""
    if not w.resizes_pods():
        w.note("this Kubernetes resizes no pod in place: nothing is to be seen")
        return
    with Histories(w, "resized") as histories:
        old = w.codis.master(1)
        histories.step("a master resized")
        more = {"spec": {"containers": [{"name": "codis-server", "resources": {"requests": {"memory": "192Mi"}}}]}}
        w.kube.kubectl("patch", "pod", "-n", NAMESPACE, old.pod, "--subresource", "resize", "--patch", json.dumps(more))
        wait_for("the node to have resized it", lambda: (allocated(w, old.pod) == "192Mi", allocated(w, old.pod)), 30)
        w.wait_whole()
    new = w.codis.master(1)
    assert (new.pod, new.info["run_id"]) == (old.pod, old.info["run_id"]), f"{new.pod} leads"
    assert not histories.report["errors"], histories.report["errors"]


@case
def shut_down(w):
    """A node with a master is shut down as by systemctl poweroff: its kubelet ends the pods, whose hooks alone tell: linearizable."""
    node = busiest(w)
    elsewhere = next(n["metadata"]["name"] for n in w.kube.nodes() if n["metadata"]["name"] != node)
    led = [s for s in w.codis.servers() if s.is_master and s.node == node]
    with Histories(w, "shut_down", node=elsewhere) as histories:
        histories.step(f"{node}, with {len(led)} of 2 masters, shut down")
        w.cluster.shut_down(node)
        for old in led:
            w.wait_moved(old.group, old)
        w.cluster.power_on(node)
        w.wait_whole()
    for phase in ("Succeeded", "Failed"):  # such a shutdown leaves the pods that it has ended, until somebody takes them away
        w.kube.kubectl("delete", "pods", "-A", "--field-selector", f"status.phase={phase}")
    w.wait_system()
    answered = {text: n for text, n in histories.report["errors"].items() if text.startswith(("ERR", "READONLY"))}
    assert not answered, answered


def members(w):
    return [p["metadata"]["name"] for p in w.kube.pods(NAMESPACE, "app=zookeeper")]


def tree_of(w, member):
    """How many nodes this member of ZooKeeper has, and what it is; it answers so only while it serves."""
    said = w.kube.run_in(NAMESPACE, member, "sh", "-c", "echo srvr | nc 127.0.0.1 2181")
    fields = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    return int(fields.get("Node count", 0)), fields.get("Mode", "not serving")


def acts(w, gid):
    """The dashboard reads and the controller writes the tree: it is read anew, and a group gets another master."""
    trees = {member: tree_of(w, member) for member in members(w)}
    assert len({count for count, _ in trees.values()}) == 1 and min(trees.values())[0] > 1024, f"ZooKeeper has {trees}"
    w.codis.put("reload/:xauth")
    w.wait_whole()
    w.note(codisctl(w, "switchover", str(gid))[0].splitlines()[-1])
    w.wait_whole()


def replace_member(w):
    """A follower on another node than before, with an empty folder of data."""
    member = next(m for m in members(w) if tree_of(w, m)[1] == "follower")
    node = w.pod(member)["spec"]["nodeName"]
    uid = w.pod(member)["metadata"]["uid"]

    def probe():
        pod = w.kube.find(f"/api/v1/namespaces/{NAMESPACE}/pods/{member}")
        return bool(pod) and pod["metadata"]["uid"] != uid and is_ready(pod), "it does not serve"
    w.kube.cordon(node)
    try:
        w.delete_pod(member)
        seconds = wait_for(f"{member} on another node", probe, 60, every=0.2)
    finally:
        w.kube.cordon(node, False)
    assert w.pod(member)["spec"]["nodeName"] != node, f"{member} is on {node} again"
    w.note(f"{member} serves again after {seconds:.1f} s, on another node")


@case
def zookeeper_rolled(w):
    """ZooKeeper is rolled, and a member comes back empty on another node: no client notices, and controller and dashboard act on."""
    with Histories(w, "zookeeper_rolled") as histories:
        histories.step("rollout of ZooKeeper")
        rollout(w, "sts/zookeeper")
        w.wait_whole()
        histories.step("switch after it")
        acts(w, 1)
        histories.step("a member of ZooKeeper replaced")
        replace_member(w)
        w.wait_whole()
        histories.step("switch after it")
        acts(w, 2)
    assert not histories.report["errors"], histories.report["errors"]


@case
def zookeeper_rolled_wrongly(w):
    """A roll of ZooKeeper by which members do not find each other ends at the first of them: the tree is not lost."""
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/zookeeper"
    uids = {p["metadata"]["name"]: p["metadata"]["uid"] for p in w.kube.pods(NAMESPACE, "app=zookeeper")}
    first = max(uids)

    def others():
        return {p["metadata"]["name"]: p["metadata"]["uid"] for p in w.kube.pods(NAMESPACE, "app=zookeeper")
                if p["metadata"]["name"] != first}

    def probe():
        assert others() == {m: uid for m, uid in uids.items() if m != first}, "the roll goes on with members that do not serve"
        pod = w.kube.find(f"/api/v1/namespaces/{NAMESPACE}/pods/{first}")
        uid = pod["metadata"]["uid"] if pod else uids[first]
        told = [e["message"] for e in w.kube.items(f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=involvedObject.uid={uid}")]
        return uid != uids[first] and any("not currently serving requests" in words for words in told), f"{first}: {told}"
    container = w.kube.get(path)["spec"]["template"]["spec"]["containers"][0]["name"]
    try:
        w.kube.kubectl("set", "env", "-n", NAMESPACE, "sts/zookeeper", "-c", container, "ZK_DOMAIN=nowhere.invalid")
        wait_for(f"{first} to be found unready", probe, 60, every=0.2)
        w.wait_whole()
    finally:
        w.kube.kubectl("set", "env", "-n", NAMESPACE, "sts/zookeeper", "-c", container, "ZK_DOMAIN-")
        w.kube.kubectl("rollout", "status", "-n", NAMESPACE, "sts/zookeeper", "--timeout=90s", timeout=100)
    acts(w, 1)


@case
def proxies_rolled(w):
    """The proxies are rolled: each client that stays connected is closed once, and connects once more."""
    writers = w.start_writers(writers=16, rate=100)
    before = writers.status()["connections"]
    writers.fault()
    rollout(w, "deployment/codis-proxy")
    wait_for("the old proxies to be gone", lambda: (len(w.codis.pods("codis-proxy")) == 2, "they end"), 60, every=0.2)
    w.wait_whole()
    status = writers.status()
    made = Counter(after - n for n, after in zip(before, status["connections"]))
    w.note(f"connections of 16 clients since: {dict(made)}; errors: {status['errors'] or 'none'}")
    w.assert_nothing_lost()
    assert made == {1: 16}, dict(made)
    assert not [text for text in status["errors"] if text.startswith("ERR")], status["errors"]
