"""Slots: assign, migrate one, some, a range, rebalance; data moves along; interval and disabled."""
import json
import signal
import zlib

import resp
from cluster import wait

WEIGHT = 3


def slot_of(key):
    return zlib.crc32(key.encode()) % 1024


def keys_of(slot, count):
    out, i = [], 0
    while len(out) < count:
        if slot_of("k%d" % i) == slot:
            out.append("k%d" % i)
        i += 1
    return out


def setup(c):
    c.build(assign=False)


def node(c, sid):
    text = c.zk.get(c.path("slots/slot-%04d" % sid))[0]
    return json.loads(text) if text else None


def settled(c, seconds=30):
    wait("the migration", lambda: all(not s["action"] for s in c.stats()["slots"]), seconds)


def case_offline(c):
    """Nothing is assigned: no node, and a slot that proxies call offline."""
    return [node(c, 7), c.call("GET", "slots")[1][7], c.proxy_call(c.proxies[0], "GET", "slots")[1][7],
            c.ask(c.proxies[0], "GET", "a")]


def case_rebalance_plan(c):
    """Without confirm: a plan, nothing done."""
    status, plan = c.call("PUT", "slots/rebalance", 0)
    return [status, len(plan), plan["0"], plan["511"], plan["512"], plan["1023"], node(c, 0)]


def case_assign(c):
    return [c.call("PUT", "slots/assign", body=[{"id": i, "group_id": 1 + i % 2} for i in range(1000)]), node(c, 3),
            c.proxy_call(c.proxies[1], "GET", "slots")[1][3]]


def case_assign_bad(c):
    return [c.call("PUT", "slots/assign", body=[{"id": 1024, "group_id": 1}]),
            c.call("PUT", "slots/assign", body=[{"id": 1, "group_id": 7}]),
            c.call("PUT", "slots/assign", body=[{"id": 1, "group_id": 1, "action": {"state": "pending"}}])]


def case_assign_bad_json(c):
    return c.call("PUT", "slots/assign", body="[{")[0]


def case_action_range_of_offline_slots(c):
    """The first slots of a new cluster are usually given so; nothing has to be moved."""
    out = [c.call("PUT", "slots/action/create-range", 1000, 1023, 2)]
    settled(c)
    return out + [node(c, 1010), c.proxy_call(c.proxies[0], "GET", "slots")[1][1010]]


def case_action_errors(c):
    return [c.call("PUT", "slots/action/create", 1, 2), c.call("PUT", "slots/action/create", 1, 77),
            c.call("PUT", "slots/action/create", 1024, 1), c.call("PUT", "slots/action/create-range", 5, 3, 1),
            c.call("PUT", "slots/action/create-range", 1000, 1023, 2), c.call("PUT", "slots/action/create-some", 1, 77, 1),
            c.call("PUT", "slots/action/remove", 1), c.call("PUT", "slots/action/create", "x", 1)]


def case_empty_group(c):
    c.must("PUT", "group/create", 3)
    out = [c.call("PUT", "slots/action/create", 1, 3), c.call("PUT", "slots/action/create-range", 1, 2, 3),
           c.call("PUT", "slots/assign", body=[{"id": 1, "group_id": 3}])]
    c.must("PUT", "group/remove", 3)
    return out


def case_disabled_and_pending(c):
    """With disabled set an action stays pending and can be removed."""
    out = [c.call("PUT", "slots/action/disabled", 1), c.call("PUT", "slots/action/create", 0, 2), node(c, 0)["action"],
           c.stats()["slot_action"], c.call("PUT", "slots/action/create", 0, 2), c.call("PUT", "slots/action/remove", 0),
           node(c, 0), c.call("PUT", "slots/action/disabled", 0), c.stats()["slot_action"]["disabled"]]
    return out


def case_interval(c):
    out = [c.call("PUT", "slots/action/interval", 1000), c.stats()["slot_action"]["interval"],
           c.call("PUT", "slots/action/interval", 99999999), c.stats()["slot_action"]["interval"],
           c.call("PUT", "slots/action/interval", "x")]
    c.must("PUT", "slots/action/interval", 0)
    return out


def case_migrate_moves_the_keys(c):
    """One slot with keys of several types, expiry kept."""
    sid = 0
    keys = keys_of(sid, 40)
    with resp.Resp(c.proxies[0].data) as r:
        for i, k in enumerate(keys):
            if i % 3 == 0:
                r("SET", k, "v%d" % i)
            elif i % 3 == 1:
                r("RPUSH", k, "a", "b", "c")
            else:
                r("HSET", k, "f", i)
        r("EXPIRE", keys[0], 1000)
        before = c.ask(c.servers[0], "EXISTS", *keys)
        c.must("PUT", "slots/action/create", sid, 2)
        settled(c)
        ttl = r("TTL", keys[0])
        return [before, c.ask(c.servers[0], "EXISTS", *keys), c.ask(c.servers[2], "EXISTS", *keys), node(c, sid),
                r("GET", keys[0]), r("LRANGE", keys[1], 0, -1), r("HGET", keys[2], "f"), 900 < ttl <= 1000,
                c.proxy_call(c.proxies[0], "GET", "slots")[1][sid]]


def case_migrate_under_load(c):
    """Nothing is lost and no error is seen while slots move."""
    import threading
    stop, errors, written = threading.Event(), [], {}

    def writer(n):
        with resp.Resp(c.proxies[n % 2].data, 10) as r:
            i = 0
            while not stop.is_set():
                k = "w%d-%d" % (n, i % 3000)
                if r("SET", k, i) != "+OK":
                    errors.append(k)
                written[k] = str(i)
                i += 1
    threads = [threading.Thread(target=writer, args=(n,)) for n in range(2)]
    for t in threads:
        t.start()
    wait("some writes", lambda: len(written) > 2000, 20)
    c.must("PUT", "slots/action/create-some", 1, 2, 20)
    settled(c, 40)
    stop.set()
    for t in threads:
        t.join()
    with resp.Resp(c.proxies[0].data) as r:
        lost = [k for k, v in written.items() if r("GET", k) != v]
    return [errors, lost, sum(1 for s in c.stats()["slots"] if s["group_id"] == 2)]


def case_promote_blocked_by_migration(c):
    """While a key is being moved (here: out of a master that hangs) a promote is refused."""
    sid = next(s["id"] for s in c.stats()["slots"] if s["group_id"] == 1)
    c.must("PUT", "slots/action/disabled", 1)
    c.must("PUT", "slots/action/create", sid, 2)
    c.servers[0].signal(signal.SIGSTOP)
    c.must("PUT", "slots/action/disabled", 0)
    wait("the executor", lambda: c.stats()["slot_action"]["executor"] == 1)
    out = c.call("PUT", "group/promote", 1, c.servers[1].addr)
    c.servers[0].signal(signal.SIGCONT)
    settled(c)
    return out


def case_rebalance(c):
    """With confirm the plan becomes actions, and then each group has its half."""
    status, plan = c.call("PUT", "slots/rebalance", 1, timeout=60)
    moved = len(plan)
    settled(c, 60)
    slots = c.stats()["slots"]
    return [status, moved > 0, [sum(1 for s in slots if s["group_id"] == g) for g in (1, 2)],
            c.call("PUT", "slots/rebalance", 1)]


def case_migrating_state(c):
    """Prepared and migrating as proxies see them: a tree that a dashboard left behind is taken up."""
    sid = next(s["id"] for s in c.stats()["slots"] if s["group_id"] == 1)
    c.must("PUT", "slots/action/disabled", 1)
    c.zk.set(c.path("slots/slot-%04d" % sid),
             json.dumps({"id": sid, "group_id": 1, "action": {"index": 1, "state": "migrating", "target_id": 2}}))
    c.must("PUT", "reload")
    c.must("PUT", "group/resync", 2)
    seen = c.proxy_call(c.proxies[0], "GET", "slots")[1][sid]
    key = keys_of(sid, 1)[0]
    c.ask(c.servers[0], "SET", key, "old")
    got = c.ask(c.proxies[0], "GET", key)
    put = c.ask(c.proxies[0], "SET", key, "new")
    c.must("PUT", "slots/action/disabled", 0)
    settled(c)
    seen["id"] = 0
    return [seen, got, put, c.ask(c.servers[2], "GET", key), c.ask(c.servers[0], "GET", key), c.ask(c.proxies[1], "GET", key)]
