"""What people do on purpose, with clients that read and write registers through the proxies all the time: every history
is linearizable (tests/linearizable), and what each step cost the unluckiest client is told."""
import contextlib
import os

from world import NAMESPACE, Timeout, case, wait_for

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
    answered = {text: n for text, n in histories.report["errors"].items() if text.startswith(("ERR", "READONLY"))}
    assert not answered, answered
