"""What /status.json says in the moments that the page is for."""
import os
import re

SLOTS = 1024
TROUBLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../controller/trouble.c")

with open(TROUBLES, encoding="utf-8") as f:  # what to do, by the code
    NEXT = {code: "".join(re.findall(r'"([^"]*)"', words)) for code, words in re.findall(r'\{\s*"(\w+)",\s*((?:"[^"]*"\s*)+)\}', f.read())}

PROGRAMS = [
    {"program": "codis-controller", "pod": "codis-controller-6c9d5-7xkqp", "ready": True, "version": "0.1.0"},
    {"program": "codis-controller", "pod": "codis-controller-6c9d5-m2v8s", "ready": True, "version": "0.1.0"},
    {"program": "codis-scheduler", "pod": "codis-scheduler-7d4b8-k2x9w", "ready": False},
    {"program": "codis-webhook", "pod": "codis-webhook-5f6c7-q8r2t", "ready": True, "version": "0.1.0",
     "certificate_ends": "2027-02-26T02:00:00.000000Z", "certificate_days": 89}]


def member(pod, node, state, offset=90000, keys=39315):
    return {"addr": f"10.200.{node[-1]}.{10 + int(pod.rsplit('-', 1)[1]) % 200}:6379", "pod": pod, "node": node,
            "zone": f"zone-{'ab'[int(node[-1]) % 2]}", "state": state, "listed": True,
            "guarded": True, "synced": state == "synced", "offset": offset, "keys": keys,
            "memory": 52428800 + 1000 * keys, "memory_max": 1073741824, "ops": 1840 if state == "master" else 0}


def group(gid, members, slots, led=True, why="", evidence="", **more):
    return {"id": gid, "led": led, "master": members[0]["pod"], "why": why, "evidence": evidence, "promoting": "", "busy": False, "slots": slots,
            "members": members, **more}


def proxy(number, answers=True):
    return {"addr": f"10.200.4.{20 + number}:11080", "pod": f"codis-proxy-5d9f-{number}", "registered": True, "online": True, "answers": answers}


def cluster(state, rest, groups, reasons=(), product="codis-test", namespace="shop", recent=(), **more):
    n, ranges, at = len(groups), [], 0
    for i, g in enumerate(groups):
        to = SLOTS * (i + 1) // n - 1
        if to >= at:
            ranges.append([at, to, g["id"]])
        at = to + 1
    return {"namespace": namespace, "product": product, "ok": state == "OK", "state": state,
            "line": "; ".join([f"{product}: {state}, {rest}", *(words for _, words in reasons)]),
            "reasons": [{"code": code, "words": words, "next": NEXT.get(code, code)} for code, words in reasons], "reasons_more": 0,
            "slots_served": SLOTS, "paused": False, "paused_by": "", "tilted": False, "dry_run": False, "held": [], "would": [],
            "adoption": {"asked": False, "servers": 2 * n, "unguarded": 0, "waits": ""}, "switchover": {"group": 0, "pod": "", "waits": ""},
            "scaling": {"set": "", "asked": "", "servers": 2 * n, "to": [], "from": [], "slots": 0, "moved": 0, "waits": ""},
            "recent": list(recent), "slot_ranges": ranges, "groups": groups, "proxies": [proxy(0), proxy(1)], **more}


def status(*clusters, leads=True, **more):
    return {"schema": 1, "clusters": list(clusters), "not_led": [], "leads": leads, "identity": "codis-controller-6c9d5-m2v8s",
            "programs": PROGRAMS, **more}


def pair(gid, master=0, state="synced"):
    names = [f"codis-server-{2 * gid - 2}", f"codis-server-{2 * gid - 1}"]
    nodes = [f"node{1 + gid % 4}", f"node{1 + (gid + 1) % 4}"]
    return [member(names[master], nodes[master], "master"), member(names[1 - master], nodes[1 - master], state, offset=89904)]


REPLACED = {"at": "2026-11-28T02:13:07Z",
            "words": "Promoted: group 1: codis-server-1 (10.200.3.11:6379) replaces codis-server-0 (10.200.2.10:6379): connections are refused, and its "
                     "replica lost its link (codis-server-0 refuses since 0.2 s); 41 ms"}


def healthy():
    return status(cluster("OK", "2/2 groups led, 2 proxies, 1024/1024 slots served", [group(1, pair(1), 512), group(2, pair(2), 512)],
                          recent=[REPLACED]))


def failover():
    dead = [member("codis-server-0", "node2", "refuses"), member("codis-server-1", "node3", "lost its link")]
    return status(cluster("PARTIAL", "1/2 groups led, 2 proxies, 512/1024 slots served",
                          [group(1, dead, 512, False, "connections are refused", "codis-server-0 refuses since 0.1 s; codis-server-1 lost its link"),
                           group(2, pair(2), 512)],
                          [("ActionHeld", "follow codis-server-1 in group 1 is held: a promotion is under way"),
                           ("GroupHasNoMaster", "group 1 has no master, codis-server-0: connections are refused")]))


def lost_node():
    return status(cluster("DEGRADED", "2/2 groups led, 1 proxy, 1024/1024 slots served",
                          [group(1, pair(1), 512), group(2, pair(2, 1, "its node is lost"), 512)],
                          [("ProxySilent", "proxy codis-proxy-5d9f-1 does not answer"),
                           ("ReplicasMissing", "group 2 lacks 1 synced replica (codis-server-2: its node is lost)")], recent=[REPLACED],
                          proxies=[proxy(0), proxy(1, answers=False)]), leads=False)


def loss():
    lost = group(1, pair(1), 512, data_lost={"keys": 6671, "at": "2026-11-28T02:13:09Z"})
    return status(cluster("DEGRADED", "2/2 groups led, 2 proxies, 1024/1024 slots served", [lost, group(2, pair(2), 512)],
                          [("Paused", 'codis.io/paused says "anna: looks for a dump": nothing is done until kubectl annotate -n shop sts codis-server '
                            "codis.io/paused-"),
                           ("DataLost", "group 1 LOST ITS DATA at 2026-11-28T02:13:09Z (about 6671 keys): acknowledge it with kubectl annotate -n shop "
                            "sts codis-server codis.io/data-lost-"),
                           ("SlotsWait", "128 of 512 slots have moved to groups 3 and 4; it waits: it is paused")],
                          paused=True, paused_by="anna: looks for a dump",
                          scaling={"set": "codis-server", "asked": "8", "servers": 8, "to": [3, 4], "from": [], "slots": 512, "moved": 128,
                                   "waits": "it is paused"}),
                  cluster("OK", "2/2 groups led, 2 proxies, 1024/1024 slots served", [group(1, pair(1), 512), group(2, pair(2), 512)],
                          product="orders"))


def many():
    return status(cluster("OK", "1000/1000 groups led, 2 proxies, 1024/1024 slots served", [group(i, pair(i), 1) for i in range(1, 1001)]))


def hostile():
    evil = '<script>document.title = "taken"</script>" onmouseover="alert(1)\' &amp;\u202e\n'
    bad = cluster("DEGRADED", evil,
                  [group(1, [member("x-0", "node1", evil), {"addr": evil, "pod": evil, "node": evil, "zone": evil}], 512, False, evil, evil)],
                  [(evil, evil)], product=evil, namespace=evil, recent=[{"at": evil, "words": evil}])
    bad["state"] = evil
    return status(bad, not_led=[{"namespace": evil, "pod": evil, "trouble": evil}], identity=evil,
                  programs=[{"pod": evil, "version": evil, "certificate_ends": evil, "certificate_days": 1}])


STATES = {f.__name__: f for f in (healthy, failover, lost_node, loss, many, hostile)}
