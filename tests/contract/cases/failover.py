"""Failover: what a dead or hung proxy does to a promote, and the way without the dashboard."""
import json
import signal
import threading
import time

import resp
from cluster import wait

WEIGHT = 2


def setup(c):
    c.build(proxies=3, servers=4, groups=2, toml='backend_recv_timeout = "1s"\n')


def node(c, gid):
    return json.loads(c.zk.get(c.path("group/group-%04d" % gid))[0])


def locked(c, p, sid=0):
    return c.proxy_call(p, "GET", "slots")[1][sid].get("locked", False)


def case_dead_proxy_makes_promote_fail(c):
    """The group stays preparing; live proxies stay locked: clients hang."""
    dead = c.proxies[2]
    dead.kill()
    status, answer = c.call("PUT", "group/promote", 1, c.servers[1].addr)
    out = [status, answer["Cause"], node(c, 1)["promoting"], [locked(c, p) for p in c.proxies[:2]]]
    with resp.Resp(c.proxies[0].data, 0.5) as r:
        try:
            out.append(r("GET", "k3"))
        except OSError:
            out.append("(held)")
    return out


def case_dead_proxy_makes_resync_and_assign_fail(c):
    out = [c.call("PUT", "group/resync", 2), c.call("PUT", "slots/assign", body=[{"id": 1023, "group_id": 2}])]
    return [[s, a["Cause"]] for s, a in out]


def case_promote_is_resumed(c):
    """The proxy taken out (its node deleted, reload), the same promote again: index stays what it was."""
    c.zk.delete(c.path("proxy/proxy-" + c.proxies[2].token))
    out = [c.call("PUT", "reload"), len(c.stats()["proxy"]["models"]), c.group(1)["promoting"],
           c.call("PUT", "group/promote", 1, c.servers[1].addr), node(c, 1), [locked(c, p) for p in c.proxies[:2]],
           c.ask(c.servers[1], "ROLE")[0]]
    return out


def case_promote_with_a_hung_master(c):
    """The locking waits for the requests in flight to the hung master: backend_recv_timeout."""
    a, b = c.servers[1], c.servers[0]
    c.ask(b, "SLAVEOF", "127.0.0.1", a.port)
    wait("link", lambda: c.link(b) == "up", 15)
    stop = threading.Event()

    def writer(p):
        with resp.Resp(p.data, 20) as r:
            i = 0
            while not stop.is_set():
                r("SET", "k%d" % (i % 50), i)
                i += 1
    threads = [threading.Thread(target=writer, args=(p,)) for p in c.proxies[:2]]
    for t in threads:
        t.start()
    time.sleep(0.2)
    a.signal(signal.SIGSTOP)
    time.sleep(0.2)
    start = time.monotonic()
    status = c.call("PUT", "group/promote", 1, b.addr, timeout=30)
    took = time.monotonic() - start
    stop.set()
    for t in threads:
        t.join()
    a.kill()
    c.start_server(port=a.port, guarded=True)
    return [status, 0.3 < took < 6, c.ask(b, "ROLE")[0]]


def case_promote_is_quick_when_the_master_is_dead(c):
    """kill -9, promote at once: clients wait, none sees more than a few errors."""
    a, b = c.servers[0], c.servers[1]
    c.ask(b, "SLAVEOF", "127.0.0.1", a.port)
    wait("link", lambda: c.link(b) == "up", 15)
    stop, gaps = threading.Event(), []

    def writer(p):
        with resp.Resp(p.data, 20) as r:
            last, i = time.monotonic(), 0
            while not stop.is_set():
                if r("SET", "k%d" % (i % 50), i) == "+OK":
                    gaps.append(time.monotonic() - last)
                    last = time.monotonic()
                i += 1
    threads = [threading.Thread(target=writer, args=(p,)) for p in c.proxies[:2]]
    for t in threads:
        t.start()
    time.sleep(0.3)
    a.kill()
    status = c.call("PUT", "group/promote", 1, b.addr)
    time.sleep(0.3)
    stop.set()
    for t in threads:
        t.join()
    c.start_server(port=a.port, guarded=True)
    return [status, max(gaps) < 1.5]


def case_without_the_dashboard(c):
    """Dashboard dead, master dead: group node edited, SLAVEOF NO ONE, fillslots by XAuth from the token; a dashboard that
    is started afterwards reads a consistent tree."""
    a, b = c.servers[2], c.servers[3]
    c.dashboard.kill()
    a.kill()
    g = node(c, 2)
    stat = c.zk.get(c.path("group/group-0002"))[1]
    g["servers"].reverse()
    c.zk.set(c.path("group/group-0002"), json.dumps(g), stat["version"])
    out = [c.ask(b, "SLAVEOF", "NO", "ONE")]
    body = [{"id": i, "backend_addr": b.addr, "backend_addr_group_id": 2} for i in range(512, 1024)]
    out += [c.proxy_call(p, "PUT", "fillslots", body=body) for p in c.proxies[:2]]
    out.append([resp.ask(p.data, "SET", "k0", "after") for p in c.proxies[:2]])
    c.zk.delete(c.path("topom"))
    c.start_dashboard()
    out += [c.group(2), c.call("GET", "slots")[1][600], c.proxy_call(c.proxies[0], "GET", "slots")[1][600]]
    return out


def case_edited_node_needs_a_reload(c):
    """With a live dashboard a changed node is not seen before reload."""
    g = node(c, 1)
    g["out_of_sync"] = not g["out_of_sync"]
    c.zk.set(c.path("group/group-0001"), json.dumps(g))
    before = c.group(1)["out_of_sync"] == g["out_of_sync"]
    c.must("PUT", "reload")
    return [before, c.group(1)["out_of_sync"] == g["out_of_sync"]]


def case_dashboard_overwrites_without_versions(c):
    """Its writes carry no version: what somebody else wrote meanwhile is gone."""
    g = node(c, 1)
    g["servers"][1]["datacenter"] = "elsewhere"
    c.zk.set(c.path("group/group-0001"), json.dumps(g))
    c.must("PUT", "group/replica-groups", 1, g["servers"][0]["server"], 0)
    return node(c, 1)["servers"][1]["datacenter"]


def case_hung_proxy_blocks_the_dashboard(c):
    """While a promote waits for a hung proxy nothing else is answered; it goes on when the proxy does."""
    proxy = c.proxies[1]
    a, b = node(c, 1)["servers"][0]["server"], node(c, 1)["servers"][1]["server"]
    proxy.signal(signal.SIGSTOP)
    done = []
    t = threading.Thread(target=lambda: done.append(c.call("PUT", "group/promote", 1, b, timeout=60)))
    t.start()
    time.sleep(0.4)
    try:
        c.call("GET", "stats", timeout=1)
        out = ["(answered)"]
    except OSError:
        out = ["(no answer)"]
    out.append([node(c, 1)["promoting"], locked(c, c.proxies[0])])
    proxy.signal(signal.SIGCONT)
    t.join()
    return out + [done, node(c, 1)["servers"][0]["server"] == b, a != b]
