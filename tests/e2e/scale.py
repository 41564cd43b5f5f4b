"""More servers, and fewer: slots move, and every key with them."""
import contextlib
import copy
import os
import subprocess
import threading

from cli import CODISCTL
from codis import SYSTEM, cluster_status
from inputs import applied, container, listed, set_env, small, wait_event, wait_line, workload
from resp import Connection, Keys
from writers import Writers
from world import NAMESPACE, SERVERS, case, wait_for

# More of them, one of so many bytes, and more groups, by hand: SCALE_KEYS=200000 SCALE_BIG=52428800 SCALE_TO=8.
KEYS = int(os.environ.get("SCALE_KEYS", "20000"))
BIG = int(os.environ.get("SCALE_BIG", "0"))
MORE = int(os.environ.get("SCALE_TO", "6"))


def notes(w):
    return w.kube.get(SERVERS)["metadata"].get("annotations", {})


def slots(w):
    """How many slots each group has, and how many are on their way, as the dashboard says."""
    found, moving = {}, 0
    for slot in w.codis.overview()["stats"]["slots"]:
        found[slot["group_id"]] = found.get(slot["group_id"], 0) + 1
        moving += bool(slot["action"].get("state"))
    return found, moving


def proxy(codis):
    pods = codis.pods("codis-proxy")
    return pods[0]["status"]["podIP"] + ":19000"


@contextlib.contextmanager
def connected(codis):
    connection = Connection(proxy(codis))
    try:
        yield connection
    finally:
        connection.close()


class Reader(threading.Thread):
    """Reads keys through a proxy all the time: what it is told, and how long the longest answer took."""

    def __init__(self, codis, keys):
        super().__init__(daemon=True)
        self.codis, self.keys, self.ended, self.errors, self.rounds = codis, keys, threading.Event(), [], 0

    def run(self):
        with connected(self.codis) as c:
            while not self.ended.is_set():
                for i, answer in enumerate(c.all([self.keys.written(k)[1] for k in range(0, len(self.keys.names), 10)])):
                    if isinstance(answer, RuntimeError):
                        self.errors.append(f"{self.keys.names[10 * i]}: {answer}")
                self.rounds += 1

    def end(self):
        self.ended.set()
        self.join(60)
        return self.errors


def wait_scaled(w, groups, limit=180):
    """Until each of so many groups has its share of the slots, all is in sync, and nothing is noted any more."""
    def probe():
        found, moving = slots(w)
        left = {k: v for k, v in notes(w).items() if k in ("codis.io/moving", "codis.io/scale-to")}
        even = sorted(found) == list(range(1, groups + 1)) and max(found.values()) - min(found.values()) <= 1
        whole = f": OK, {groups}/{groups} groups led" in w.status_line()
        return even and not moving and not left and whole, f"{found}, {moving} on their way, {left}, {w.status_line()}"
    return wait_for(f"{groups} groups with their slots", probe, limit, every=0.5)


def wait_moving(w, least):
    """Until so many slots have moved."""
    def probe():
        cluster = cluster_status(w.kube, NAMESPACE)
        return cluster["scaling"]["moved"] >= least, cluster["line"]
    wait_for(f"{least} slots that have moved", probe, 90, every=0.2)


def turned_off(w):
    """Slots that wait for a person who has disabled their moving: status and Event say so, until it is turned on again."""
    words = "it waits: slot actions are disabled in the dashboard, by a person: codis-admin --dashboard="
    try:
        wait_for("words of what is disabled", lambda: (words in w.status_line(), w.status_line()), 60, every=0.2)
        wait_event(w, NAMESPACE, "codis-server", "SlotsWait", "--slot-action --disabled=0 turns them on again")
        assert slots(w)[1] == 0, slots(w)
        status, text = w.kube.request("PATCH", f"{SERVERS}/scale", {"spec": {"replicas": 4}}, "application/merge-patch+json")
        assert status == 422 and "slots are moving to group 3" in text and "codisctl scale-server 4" in text, (status, text)
    finally:
        assert w.codis.put("slots/action/disabled/:xauth/0")[0] == 200


@case
def servers_are_scaled_out_and_in(w):
    """4 servers become 6, and 4 again, a person holds the slots, the leading controller is killed on the way: every key, value and time to live is there."""
    keys = Keys(KEYS, big=BIG)
    with connected(w.codis) as c:
        c.all([("DEL", name) for name in keys.names])
        keys.write(c)
    reader = Reader(w.codis, keys)
    reader.start()
    w.kube.merge(SERVERS, {"metadata": {"annotations": {"codis.io/migration-parallel": "64"}}})
    assert w.codis.put("slots/action/disabled/:xauth/1")[0] == 200
    try:
        w.kube.kubectl("scale", "-n", NAMESPACE, "sts", "codis-server", f"--replicas={MORE}")
        turned_off(w)
        wait_moving(w, 100)
        w.delete_pod(w.leader(), SYSTEM, grace=0)
        w.note(f"{MORE} servers after {wait_scaled(w, MORE // 2):.0f} s more")
        with connected(w.codis) as c:
            assert not keys.wrong(c)[:5]
        status, text = w.kube.request("PATCH", f"{SERVERS}/scale", {"spec": {"replicas": 4}}, "application/merge-patch+json")
        assert status == 422 and "codisctl scale-server 4" in text, (status, text)
        done = subprocess.run([CODISCTL, "scale-server", "4", "-n", NAMESPACE, "--wait", "4m"], capture_output=True,
                              text=True, env=w.kube.env, timeout=300, check=False)
        said = done.stdout.splitlines()
        assert done.returncode == 0 and said[-1] == "PONG", f"{done.returncode}: {done.stdout}{done.stderr}"
        w.note(f"codisctl scale-server 4: {said[0]}, and after {len(said)} lines {said[-1]}")
        wait_scaled(w, 2, 10)
    finally:
        errors = reader.end()
    assert w.kube.get(SERVERS)["spec"]["replicas"] == 4
    assert sorted(w.codis.declared_groups()) == [1, 2], w.codis.declared_groups()
    with connected(w.codis) as c:
        assert not keys.wrong(c)[:5]
        c.all([("DEL", name) for name in keys.names])
    assert not errors, f"{len(errors)} reads failed: {errors[0]}"
    w.note(f"{KEYS} keys were read {reader.rounds} times meanwhile, without one error")


SIZES = "sizes"
# More of them by hand: SERVER_REPLICAS=1,2,3,2. Each step moves all slots, which takes Codis a minute and a half.
STEPS = [int(size) for size in os.environ.get("SERVER_REPLICAS", "1,2").split(",")]


def of_size(objects, name, size, start):
    """A StatefulSet beside the first one: one group of so many servers, behind the groups of the others."""
    found = copy.deepcopy(workload(objects, "codis-server"))
    found["metadata"]["name"] = name
    found["spec"].update(replicas=size, ordinals={"start": start})
    set_env(container([found], name), SERVER_REPLICA=str(size))
    return found


def empty_into(w, codis, old, group, keys):
    """By the one command: old has no servers then, all slots are the group's, and each key is there."""
    done = subprocess.run([CODISCTL, "scale-server", "0", "--set", old, "-n", SIZES, "--wait", "4m"], capture_output=True,
                          text=True, env=w.kube.env, timeout=270, check=False)
    said = done.stdout.splitlines()
    assert done.returncode == 0 and said[-1] == "PONG", f"{done.returncode}: {done.stdout}{done.stderr}"
    w.note(f"{said[0]}; {said[-3]}")
    assert w.kube.get(f"/apis/apps/v1/namespaces/{SIZES}/statefulsets/{old}")["spec"]["replicas"] == 0
    assert sorted(codis.declared_groups()) == [group], codis.declared_groups()
    with connected(codis) as c:
        assert not keys.wrong(c)[:5]


@case
def another_server_replica(w):
    """SERVER_REPLICA from 1 to 2, by a StatefulSet beside the old one: every key is there, and no read fails."""
    objects, keys = small(w), Keys(3000)
    set_env(container(objects, "codis-server"), SERVER_REPLICA=str(STEPS[0]))
    workload(objects, "codis-server")["metadata"].setdefault("annotations", {})["codis.io/migration-parallel"] = "64"
    with applied(w, SIZES, objects) as codis:
        groups = f"{2 // STEPS[0]}/{2 // STEPS[0]} groups led"
        wait_line(w, SIZES, f": OK, {groups}, 1 proxy, 1024/1024 slots served", 120)
        with connected(codis) as c:
            keys.write(c)
        w.writers = Writers(w.kube, SIZES)
        w.writers.start(writers=4, rate=100)
        reader = Reader(codis, keys)
        reader.start()
        try:
            env = [{"name": "SERVER_REPLICA", "value": "3"}]
            patch = {"spec": {"template": {"spec": {"containers": [{"name": "codis-server", "env": env}]}}}}
            status, text = w.kube.request("PATCH", f"/apis/apps/v1/namespaces/{SIZES}/statefulsets/codis-server", patch,
                                          "application/strategic-merge-patch+json")
            words = f"with SERVER_REPLICA 3 and ordinals.start {6 // STEPS[0]}, and then codisctl scale-server 0 --set codis-server"
            assert status == 422 and words in text, (status, text)
            old = "codis-server"
            for step, size in enumerate(STEPS[1:], 1):
                new = f"codis-server-r{size}-{step}"
                w.kube.apply(listed([of_size(objects, new, size, 10 * step * size)]), SIZES)
                empty_into(w, codis, old, 10 * step + 1, keys)
                w.kube.kubectl("delete", "-n", SIZES, "sts", old)
                old = new
        finally:
            errors = reader.end()
        assert not errors, f"{len(errors)} reads failed: {errors[0]}"
        w.note(f"{len(keys.names)} keys were read {reader.rounds} times meanwhile, without one error")
        wait_line(w, SIZES, ": OK, 1/1 groups led, 1 proxy, 1024/1024 slots served")
        w.assert_nothing_lost()
