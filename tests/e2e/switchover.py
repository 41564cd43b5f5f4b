"""codisctl switchover, with writers through the proxies: what it costs, and what it refuses."""
import contextlib
import re
import signal
import subprocess
import time

import cluster
from cli import CODISCTL
from codis import SYSTEM
from planned import Histories
from world import NAMESPACE, SERVERS, case, wait_for


def switchover(w, *args, status=0):
    """What it says last: on stdout where it is done, else on stderr."""
    done = subprocess.run([CODISCTL, "switchover", *args, "-n", NAMESPACE], capture_output=True, text=True, env=w.kube.env, timeout=60)
    assert done.returncode == status, f"switchover {' '.join(args)} ends with {done.returncode}: {done.stdout}{done.stderr}"
    return (done.stderr if status else done.stdout).splitlines()[-1]


def done(w, old, new, *args):
    """It is done, as it says, and as the group is led."""
    w.writers.fault()
    said = switchover(w, "1", *args)
    assert re.fullmatch(rf"{new.pod} \([0-9.]+:6379\) replaces {old.pod} \([0-9.]+:6379\) as the master of group 1; \d+ ms, "
                        r"for \d+ of which its slots were held", said), said
    w.note(said)
    w.wait_group(1)
    assert w.codis.master(1).pod == new.pod, w.codis.topology()
    wait_for("the controller to see that", lambda: (": OK, " in w.status_line(), w.status_line()), 10)


def refused(w, words, *args):
    said = switchover(w, *args, status=1)
    assert said == f"codisctl: refused, and nothing was done: {words}", said


@case
def there_and_back(w):
    """codisctl switchover: the best replica leads, then by --to the old master, then by kubectl's annotation; what cannot be is refused; 0 missing."""
    first = w.codis.master(1)
    second = next(s for s in w.codis.group(1) if s.pod != first.pod)
    elsewhere = w.codis.master(2)
    w.start_writers(writers=16)
    done(w, first, second)
    refused(w, "codis-test has no group 9", "9")
    refused(w, f"{elsewhere.pod} is no server of group 1", "1", "--to", elsewhere.pod)
    assert switchover(w, "1", "--to", second.pod) == f"{second.pod} leads group 1 already"
    w.kube.merge(SERVERS, {"metadata": {"annotations": {"codis.io/paused": "e2e"}}})
    try:
        wait_for("the pause", lambda: ("PAUSED" in w.status_line(), w.status_line()), 10)
        refused(w, 'codis-test is paused ("e2e"): codisctl resume ends that', "1")
    finally:
        w.kube.merge(SERVERS, {"metadata": {"annotations": {"codis.io/paused": None}}})
    wait_for("the end of the pause", lambda: ("PAUSED" not in w.status_line(), w.status_line()), 10)
    done(w, second, first, "--to", first.pod)
    w.writers.fault()
    w.kube.merge(SERVERS, {"metadata": {"annotations": {"codis.io/switchover": f"1={second.pod}"}}})

    wait_for("the answer", lambda: (answered(w), "there is none"), 10, every=0.1)
    assert answered(w).startswith(f"done 1={second.pod}@"), answered(w)
    w.wait_group(1)
    assert w.codis.master(1).pod == second.pod, w.codis.topology()
    w.assert_nothing_lost()


def proxy_away_from_leader(w):
    """The controller's pod that leads, a proxy on another node, and a group that has nobody on that node but could be switched."""
    leader = w.pod(w.leader(), SYSTEM)
    proxy = next(p for p in w.codis.pods("codis-proxy") if p["spec"]["nodeName"] != leader["spec"]["nodeName"])
    node = proxy["spec"]["nodeName"]
    for s in w.codis.servers():
        if s.is_master and s.node == node:
            switchover(w, str(s.group))
            w.wait_whole()
    return leader, proxy, next(g for g in (1, 2) if all(s.node != node for s in w.codis.group(g)))


def dashboard_on(w, node):
    return [p for p in w.codis.pods("codis-dashboard") if p["spec"]["nodeName"] == node]


@contextlib.contextmanager
def hidden(w, pods, leader):
    for pod in pods:
        w.cluster.cut_pair(pod, leader)
    try:
        yield
    finally:
        for pod in pods:
            w.cluster.heal_pair(pod, leader)


def wait_out_of_list(w, proxy):
    admin = proxy["status"]["podIP"] + ":11080"
    seconds = wait_for("the proxy to be out of the list", lambda: (admin not in w.codis.proxies(), "it is there"), 30, every=0.1)
    w.note(f"it is out of the list after {seconds:.1f} s")


@case
def hidden_proxy(w):
    """A proxy that the leading controller alone does not hear is taken out of the list and serves on: no switch past it; linearizable, no error."""
    leader, proxy, gid = proxy_away_from_leader(w)
    node = proxy["spec"]["nodeName"]
    if dashboard_on(w, node):  # heard there, it would tell that the node is well, and that the proxy hangs
        w.kube.cordon(node)
        try:
            w.delete_pod(dashboard_on(w, node)[0]["metadata"]["name"])
            wait_for("the dashboard to be elsewhere", lambda: (not dashboard_on(w, node), "it is there"), 60)
            w.wait_whole()
        finally:
            w.kube.cordon(node, False)
        w.wait_whole()
    there = [p for p in w.codis.pods() if p["spec"]["nodeName"] == node]
    with Histories(w, "hidden_proxy") as histories:
        with hidden(w, there, leader):
            wait_out_of_list(w, proxy)
            histories.step("switchover that is refused")
            refused(w, f"group {gid} could not be switched for 10 s: a proxy does not answer", str(gid))
        w.wait_whole()
    assert not histories.report["errors"], histories.report["errors"]


@case
def proxy_that_seems_to_hang(w):
    """A proxy that the leading controller alone does not hear, though its neighbours, is deleted: no switch before it has ended; linearizable."""
    leader, proxy, gid = proxy_away_from_leader(w)
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{proxy['metadata']['name']}"

    def is_deleted():
        pod = w.kube.find(path)
        return not pod or "deletionTimestamp" in pod["metadata"], "it is not"
    with Histories(w, "proxy_that_seems_to_hang") as histories:
        with hidden(w, [proxy], leader):
            wait_out_of_list(w, proxy)
            wait_for("the proxy to be deleted", is_deleted, 90, every=0.05)  # without neighbours after a minute
            histories.step("switchover")
            w.note(switchover(w, str(gid)))
            wait_for("the proxy to be gone", lambda: (not w.kube.find(path), "it is there"), 30)
        w.wait_whole()
    # Not ERR: without a preStop hook's time a proxy of Codis answers so between SIGTERM and its end.
    wrong = {text: n for text, n in histories.report["errors"].items() if text.startswith(("READONLY", "MASTERDOWN"))}
    assert not wrong, wrong


def answered(w):
    """As codis-controller says that a wish has ended."""
    annotations = w.kube.get(SERVERS)["metadata"]["annotations"]
    return "codis.io/switchover" not in annotations and annotations["codis.io/switched"]


@case
def leader_killed(w):
    """The leading controller is killed as a switchover is under way: the next one says truly how it ended, the dashboard knows, too; linearizable."""
    with Histories(w, "leader_killed") as histories:
        for gid, ms in ((1, 20), (2, 30)):  # the role is given about then
            old = w.codis.master(gid)
            leader = w.processes(f"{SYSTEM}/{w.leader()}/controller")
            histories.step(f"group {gid}, the leader killed {ms} ms after it has begun")
            w.kube.merge(SERVERS, {"metadata": {"annotations": {"codis.io/switchover": str(gid)}}})
            wait_for("it to be begun", lambda: (w.kube.get(SERVERS)["metadata"]["annotations"].get("codis.io/switchover") != str(gid), "it is not"), 10, every=0.005)
            time.sleep(ms / 1000)
            cluster.send_all(leader, signal.SIGKILL)
            seconds = wait_for("an answer", lambda: (answered(w), "there is none"), 60)
            w.wait_whole()  # by the dashboard's word as well
            new = w.codis.master(gid)
            w.note(f"{answered(w)} after {seconds:.1f} s: {old.pod} -> {new.pod}")
            assert answered(w).startswith("done ") == (new.pod != old.pod), f"{new.pod} leads"
            w.wait_system()
    wrong = {text: n for text, n in histories.report["errors"].items() if text.startswith(("ERR", "READONLY", "MASTERDOWN"))}
    assert not wrong, wrong
