"""Faults that are no clean end, with clients writing: what hangs, wakes, is cut off; and a person at the dashboard."""
import concurrent.futures
import contextlib
import signal
import time

from inputs import applied, container, set_env, small, wait_line
from world import NAMESPACE, case, wait_for
from writers import Writers


def stop_master(w, gid):
    """SIGSTOP; (the server, its process)."""
    master = w.codis.master(gid)
    processes = w.processes(f"{master.pod}/codis-server")
    w.writers.fault(w.kill(f"{master.pod}/codis-server", signal_number=signal.SIGSTOP))
    return master, processes[0]


@case
def master_hung(w):
    """A master that is stopped for ever: its replica leads, and the hung process is ended and replaced within 30 s."""
    w.start_writers()
    old, process = stop_master(w, 1)
    w.wait_moved(1, old, 40)
    assert not process.send(0), "the process that hangs is still there"
    w.wait_whole()
    w.assert_nothing_lost()


@case
def master_paused(w):
    """A master that is stopped for 3 s and goes on: nothing that it acknowledges afterwards is lost."""
    w.start_writers()
    for gid in (1, 2, 1):
        old, process = stop_master(w, gid)
        time.sleep(3)
        assert process.send(signal.SIGCONT), "it was ended within 3 s"
        w.wait_group(gid)
        w.note(f"group {gid}: {old.pod} led, {w.codis.master(gid).pod} leads")
        time.sleep(1)
    w.wait_whole()
    w.assert_nothing_lost()


@case
def node_cut(w):
    """A node with a master is cut off for 10 s, both sides alive: the other side goes on; the old master follows later."""
    masters = {s.node: s for s in w.codis.servers() if s.is_master}
    node, old = sorted(masters.items())[0]
    w.start_writers(node=next(n["metadata"]["name"] for n in w.kube.nodes() if n["metadata"]["name"] != node))
    at_us = w.cluster.cut(node)
    try:
        begin = time.monotonic()
        w.writers.fault(at_us)
        took = wait_for("another master", lambda: (
            any(s.is_master and s.pod != old.pod for s in w.codis.group(old.group)), "none yet"), 30, every=0.1)
        w.note(f"{node} with {old.pod} is cut; another master after {took:.1f} s")
        time.sleep(max(0, begin + 10 - time.monotonic()))
    finally:
        w.cluster.heal(node)
    w.note(f"whole {w.wait_whole(90):.1f} s after it was connected again")
    assert [s.role for s in w.codis.group(old.group) if s.pod == old.pod] == ["replica"]
    w.assert_nothing_lost()


@case
def promoted_by_hand(w):
    """A person promotes through the dashboard, six times: nothing is lost, and the controller keeps its hands off."""
    w.start_writers()
    begun = changes(w)
    for n in range(6):
        gid = n % 2 + 1
        replica = next(s for s in w.codis.group(gid) if not s.is_master)
        w.writers.fault()
        status, text = w.codis.promote(replica)
        assert status == 200, f"{status}: {text}"
        w.wait_group(gid)
        assert w.codis.master(gid).pod == replica.pod, "the promotion was undone"
        time.sleep(1)
    w.wait_whole()
    w.assert_nothing_lost()
    assert changes(w) == begun, f"the controller has changed masters, too: {set(changes(w)) - set(begun)}"


def changes(w):
    """The Events of all changes of masters by the controller."""
    return [e for s in w.codis.servers() for e in w.kube.events(NAMESPACE, s.pod)
            if e.startswith(("Promoted", "Switched"))]


@contextlib.contextmanager
def three(w, namespace):
    """A Codis of one group of three, when all is well with it."""
    objects = small(w, servers=3)
    set_env(container(objects, "codis-server"), SERVER_REPLICA="3")
    with applied(w, namespace, objects) as codis:
        wait_line(w, namespace, ": OK, 1/1 groups led, 1 proxy, 1024/1024 slots served")
        yield codis


@case
def second_failure(w):
    """Of three members the master is killed, and the next one too before the third has synced with it: the third leads."""
    with three(w, "three") as codis:
        writers = Writers(w.kube, "three")
        writers.start()
        time.sleep(5)
        first = codis.master(1)
        writers.fault(w.kill(f"three/{first.pod}/codis-server"))
        wait_for("another master", lambda: (codis.master(1).pod != first.pod, first.pod), 20, every=0.02)
        second = codis.master(1)
        writers.fault(w.kill(f"three/{second.pod}/codis-server"))
        w.note(f"{first.pod}, then {second.pod} killed; {[f'{s.pod} {s.words}' for s in codis.group(1)]}")
        w.note(f"three in sync after {wait_three(codis):.1f} s, {codis.master(1).pod} leads")
        report = writers.report()
        writers.stop()
        w.note(f"missing {report['missing']} of {report['acknowledged']}: {report['faults']}")
        assert not report["check_failure"], report["check_failure"]
        assert report["faults"][0]["missing_before"] == 0, "what the third had is missing"


# "seconds microseconds answer" of each write. A busybox's date knows no fractions.
WRITES = """end=$(($(date +%s) + 9)) n=0
while [ "$(date +%s)" -lt "$end" ]; do
  n=$((n + 1)) answer=$(redis-cli set cut-$n 1 2>&1)
  echo $(redis-cli time) $answer
  sleep 0.05
done"""


@case
def bound_writes(w):
    """In a group of three a master that is cut off acknowledges nothing later than 5 s after the cut, and others lead."""
    with three(w, "bound") as codis:
        old = codis.master(1)
        w.note(f"bound {wait_bound(w, old.pod):.1f} s after all was well")
        w.note(f"after the cut: {writes_of_cut(w, codis, old)}")
        w.note(f"three in sync {wait_three(codis):.1f} s after it was connected again, {codis.master(1).pod} leads")
        for s in codis.group(1):
            wait_bound(w, s.pod, "1" if s.is_master else "0")


def bound_of(w, pod):
    return w.kube.run_in("bound", pod, "redis-cli", "config", "get", "min-slaves-to-write").split()[-1]


def wait_bound(w, pod, replicas="1"):
    def probe():
        bound = bound_of(w, pod)
        return bound == replicas, f"it is {bound}"
    return wait_for(f"min-slaves-to-write {replicas} of {pod}", probe, 30, every=0.2)


def writes_of_cut(w, codis, old):
    """A client beside the master writes to it all the time while it is cut off."""
    pod = w.pod(old.pod, "bound")
    threads = concurrent.futures.ThreadPoolExecutor(1)
    client = threads.submit(w.kube.run_in, "bound", old.pod, "sh", "-c", WRITES, timeout=40)
    wait_for("a write of its", lambda: (w.kube.run_in("bound", old.pod, "redis-cli", "exists", "cut-1").strip() == "1", "none yet"), 20, every=0.2)
    at_us = w.cluster.cut_pod(pod)
    try:
        took = wait_for("another master", lambda: (
            any(s.is_master and s.pod != old.pod for s in codis.group(1)), "none yet"), 20, every=0.1)
        lines = [line.split(" ", 2) for line in client.result().splitlines()]
    finally:
        w.cluster.heal_pod(pod)
    done = [int(s) + (int(us) - at_us) / 1e6 for s, us, answer in lines if answer == "OK"]
    refused = [answer for _, _, answer in lines if answer.startswith("NOREPLICAS")]
    assert min(done) < 0, "nothing was written before the cut"
    assert max(done) <= 5, f"acknowledged {max(done):.2f} s after the cut"
    assert refused, f"it refused nothing: {lines[-1]}"
    return f"acknowledged for {max(done):.2f} s, then refused ({refused[0]}); another master after {took:.1f} s"


def wait_three(codis):
    def probe():
        why = codis.group_trouble(1, members=3)
        return not why, why
    return wait_for("the group", probe, 90, every=0.2)
