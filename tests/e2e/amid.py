"""Slots move while a node's power goes, the leading controller ends, a person changes his mind, or the webhook is away."""
import contextlib
import os
import signal
import subprocess
import threading
import zlib

from cli import CODISCTL
from cluster import main_processes, send_all
from codis import SYSTEM
from kube import Error
from planned import Histories, rollout
from resp import Keys
from scale import connected, wait_moving, wait_scaled
from world import NAMESPACE, SERVERS, case, wait_for

# More of them, more groups, and the node left without power until the slots have moved, by hand:
# SCALE_KEYS=200000 SCALE_BIG=52428800 SCALE_TO=8 SCALE_OFF=1.
KEYS = int(os.environ.get("SCALE_KEYS", "20000"))
BIG = int(os.environ.get("SCALE_BIG", "0"))
MORE = int(os.environ.get("SCALE_TO", "6"))
STAYS_OFF = bool(os.environ.get("SCALE_OFF"))
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


class Moves(threading.Thread):
    """Where each slot is and goes, as the dashboard says, a few times a second: what was on its way at a moment."""

    def __init__(self, w):
        super().__init__(daemon=True)
        self.w, self.ended, self.seen = w, threading.Event(), []

    def run(self):
        while not self.ended.wait(0.05):
            try:
                found = self.w.codis.overview()["stats"]["slots"]
            except (OSError, RuntimeError, ValueError, KeyError):
                continue
            self.seen.append({s["id"]: (s["group_id"], s["action"].get("target_id", 0) if s["action"].get("state") else 0) for s in found})

    def end(self):
        """slots that were seen on their way in the last four looks: {slot: the groups that they went to}"""
        self.ended.set()
        self.join(30)
        moved = {}
        for before, after in zip(self.seen[-4:], self.seen[-3:]):
            for slot, (group, target) in after.items():
                was, meant = before[slot]
                for gid in {target, meant} | ({group} if group != was else set()):
                    moved.setdefault(slot, set()).add(gid)
        return {slot: gids - {0} for slot, gids in moved.items() if gids - {0}}


def hit(w, gid):
    """The power of the node with the master of a group goes; when another one leads, it comes back. What may lack: the slots
    that were on their way to a group whose master was on that node."""
    old = w.codis.master(gid)
    dead = {s.group for s in w.codis.servers() if s.is_master and s.node == old.node}
    moves = Moves(w)
    moves.start()
    wait_for("three looks at the slots", lambda: (len(moves.seen) >= 3, len(moves.seen)), 10, every=0.05)
    w.cluster.power_off(old.node)
    tail = {slot for slot, gids in moves.end().items() if gids & dead}
    seconds = wait_for("another master", lambda: (all(w.codis.master(g).node != old.node for g in dead), "none"), 30, every=0.2)
    w.note(f"{old.node} off, with the masters of {sorted(dead)}: others lead after {seconds:.1f} s, {len(tail)} slots were on their way to them")
    if not STAYS_OFF:
        w.cluster.power_on(old.node)
    return old.node, tail


def there(w, keys, tail):
    """Every key is as it was written, but those of slots of the tail; these are written anew."""
    with connected(w.codis) as c:
        wrong = keys.wrong(c)
        lost = [text for text in wrong if slot_of(text) not in tail]
        w.note(f"{len(keys.names)} keys: {len(lost)} lost, {len(wrong) - len(lost)} words about the tail")
        assert not lost, f"{len(lost)} of {len(keys.names)}: {lost[:5]}; on their way were {sorted(tail)[:40]}"
        if wrong:
            c.all([("DEL", name) for name in keys.names])
            keys.write(c)


def slot_of(text):
    """Of the key that a sentence of Keys.wrong() is about."""
    name = next((word for word in text.split() if word.startswith("key:")), "")
    return zlib.crc32(name.encode()) % 1024 if name else 1023  # the big one: resp.py


def scale_server(w, *args):
    return subprocess.Popen([CODISCTL, "scale-server", *args, "-n", NAMESPACE, "--wait", "5m"], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, env=w.kube.env)


def ended(running, limit=300):
    said = running.communicate(timeout=limit)[0]
    assert running.returncode == 0, f"{running.returncode}: {said}"
    return said.splitlines()


def pace(w, parallel):
    """A webhook that was on the node without power is called for a while yet, and the API server says 500 then."""
    def write():
        try:
            w.kube.merge(SERVERS, {"metadata": {"annotations": {"codis.io/migration-parallel": str(parallel)}}})
        except Error as refusal:
            if refusal.status != 500:
                raise
            return False, str(refusal)
        return True, ""
    wait_for("the pace", write, 60, every=1)


def hooks_away(w):
    """Without the webhook's refusals; returns what is to be applied to have them back."""
    name = next(h["metadata"]["name"] for h in w.kube.get(HOOKS)["items"] if "codis" in h["metadata"]["name"])
    had = w.kube.get(f"{HOOKS}/{name}")
    w.kube.delete(f"{HOOKS}/{name}")
    for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
        had["metadata"].pop(key, None)
    return had


def cancel(w):
    """Halfway, codisctl scale-server --cancel: the groups get their share again."""
    running = scale_server(w, "4")
    wait_moving(w, 40)
    w.note("--cancel: " + ended(scale_server(w, "--cancel"))[-1])
    said = running.communicate(timeout=60)[0].splitlines()
    assert running.returncode == 1 and said[-1] == "codisctl: somebody has taken codis.io/scale-to away", said
    w.note(f"slots are even again after {wait_scaled(w, MORE // 2):.0f} s")
    assert w.kube.get(SERVERS)["spec"]["replicas"] == MORE


@contextlib.contextmanager
def controllers_asleep(w):
    pods = [p for p in w.kube.pods(SYSTEM) if p["metadata"]["name"].startswith("codis-controller-")]
    processes = main_processes([(p, p["spec"]["containers"][0]["name"]) for p in pods])
    send_all(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        send_all(processes, signal.SIGCONT)


def past_the_webhook(w):
    """Plain kubectl scale below groups with slots, which nobody refuses, and both pods of a group are deleted before the
    controller hears of it: it takes that back, and says so; the master holds its end up until the other one, made anew, has
    its data."""
    had, last = hooks_away(w), [f"codis-server-{MORE - 2}", f"codis-server-{MORE - 1}"]
    scaled = [f"/api/v1/namespaces/{NAMESPACE}/pods/{name}" for name in last]
    try:
        with controllers_asleep(w):
            def let():
                done = w.kube.kubectl("scale", "-n", NAMESPACE, "sts", "codis-server", "--replicas=4", check=False)
                return done.returncode == 0, done.stderr
            wait_for("a scale that comes past the webhook", let, 30)
            wait_for("both to be deleted", lambda: (all("deletionTimestamp" in w.kube.get(pod)["metadata"] for pod in scaled), last), 10, every=0.02)
        seconds = wait_for("the servers again", lambda: (w.kube.get(SERVERS)["spec"]["replicas"] == MORE, w.status_line()), 30, every=0.02)
    finally:
        w.kube.call("POST", HOOKS, had)
    words = f"ScaledBack: {MORE} servers: groups that have slots would go, and codis.io/scale-to does not say so"
    wait_for("its Event", lambda: (words in w.kube.events(NAMESPACE, "codis-server"), w.kube.events(NAMESPACE, "codis-server")), 10)
    w.note(f"a plain scale to 4, with both members of a group deleted, is taken back after {seconds:.2f} s")
    wait_scaled(w, MORE // 2)
    w.wait_whole(120, groups=MORE // 2)


@case
def nodes_go_off(w):
    """4 servers become 6, and 4 again; each time a node with a master of a group that slots move to, or from, loses its power,
    and once the leading controller ends as well; in between servers are scaled away past the webhook, and it is cancelled:
    it goes on by itself, and every key, value and time to live is there."""
    keys = Keys(KEYS, big=BIG)
    with connected(w.codis) as c:
        keys.write(c)
    pace(w, 8)
    w.kube.kubectl("scale", "-n", NAMESPACE, "sts", "codis-server", f"--replicas={MORE}")
    wait_moving(w, 40)
    node, tail = hit(w, MORE // 2)
    pace(w, 64)
    w.delete_pod(w.leader(), SYSTEM, grace=0)
    w.note(f"{MORE} servers after {wait_scaled(w, MORE // 2, 300):.0f} s more")
    if STAYS_OFF:
        w.cluster.power_on(node)
    there(w, keys, tail)
    w.wait_system(120)
    w.wait_whole(120, groups=MORE // 2)
    past_the_webhook(w)
    there(w, keys, set())
    pace(w, 8)
    cancel(w)
    running = scale_server(w, "4")
    wait_moving(w, 40)
    node, tail = hit(w, MORE // 2)
    pace(w, 64)
    assert ended(running)[-1] == "PONG"
    if STAYS_OFF:
        w.cluster.power_on(node)
    wait_scaled(w, 2, 120)
    assert sorted(w.codis.declared_groups()) == [1, 2], w.codis.declared_groups()
    there(w, keys, tail)
    with connected(w.codis) as c:
        c.all([("DEL", name) for name in keys.names])


def switch(w, gid):
    """Whether another one leads: a switch may be refused while a slot does not come to rest, and then nothing was done."""
    w.wait_group(gid)
    old = w.codis.master(gid)
    done = subprocess.run([CODISCTL, "switchover", str(gid), "-n", NAMESPACE], capture_output=True, text=True, env=w.kube.env,
                          timeout=60, check=False)
    said = (done.stdout or done.stderr).splitlines()[-1]
    w.note(said)
    w.wait_group(gid)
    assert (w.codis.master(gid).pod != old.pod) == (done.returncode == 0), said
    assert done.returncode == 0 or said.startswith("codisctl: refused, and nothing was done: "), said
    return done.returncode == 0


@case
def masters_are_switched(w):
    """4 servers become 6, and 4 again; while slots move, masters are switched by command and by a deleted pod, the dashboard is
    restarted and the proxies are rolled: linearizable."""
    with Histories(w, "amid", registers=64) as histories:
        pace(w, 8)
        w.kube.kubectl("scale", "-n", NAMESPACE, "sts", "codis-server", f"--replicas={MORE}")
        wait_moving(w, 20)
        histories.step("switchovers while slots move out")
        switched = [switch(w, gid) for gid in (1, 2, MORE // 2)]
        histories.step("pod of a master deleted")
        w.delete_pod(w.codis.master(1).pod)
        histories.step("dashboard restarted")
        rollout(w, "sts/codis-dashboard")
        pace(w, 64)
        w.note(f"{MORE} servers after {wait_scaled(w, MORE // 2, 300):.0f} s more")
        pace(w, 8)
        running = scale_server(w, "4")
        wait_moving(w, 20)
        histories.step("switchovers while slots move in")
        switched += [switch(w, gid) for gid in (MORE // 2, 1)]
        histories.step("proxies rolled")
        rollout(w, "deployment/codis-proxy")
        pace(w, 64)
        assert ended(running)[-1] == "PONG"
        w.wait_whole(120)
    assert any(switched), "no master was switched while slots moved"
