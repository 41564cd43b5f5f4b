"""The proxy's own administration: /proxy, xping, stats, slots, fillslots, start, shutdown, its token."""
import hashlib
import json
import os
import signal
import threading
import time

import cluster
import resp
from cases.overview import shape
from cluster import http_call, wait

AUTH = "secret"


def setup(c):
    c.start_dashboard()
    c.start_proxy(online=False)
    c.start_proxy(online=False)
    for _ in range(2):
        c.start_server()


def fill(c, slots, n=0, **kw):
    return c.proxy_call(c.proxies[n], "PUT", "fillslots", body=slots, **kw)


def slot(c, i, n=0):
    return c.proxy_call(c.proxies[n], "GET", "slots")[1][i]


def ask(c, *args, n=0):
    return resp.ask(c.proxies[n].data, *args)


def case_overview_shape(c):
    status, o = http_call(c.proxies[0].admin, "GET", "/proxy")
    return [status, len(o["slots"]), shape(o)]


def case_overview_values(c):
    _, o = http_call(c.proxies[0].admin, "GET", "/proxy")
    o["config"]["jodis_addr"] = "<zookeeper>"
    return [o["config"], o["model"], o["slots"][:2], o["stats"]["online"], o["stats"]["closed"]]


def case_model(c):
    return [http_call(c.proxies[0].admin, "GET", p) for p in ("/proxy/model", "/api/proxy/model")]


def case_no_xauth_reads(c):
    return [http_call(c.proxies[0].admin, "GET", p)[0] for p in ("/proxy/stats", "/proxy/slots", "/")]


def case_token(c):
    """Token: md5 of the MACs, the product and both listen addresses."""
    macs = []
    for name in os.listdir("/sys/class/net"):
        with open("/sys/class/net/%s/address" % name, encoding="ascii") as f:
            mac = f.read().strip()
        if mac and (mac != "00:00:00:00:00:00" or name != "lo"):
            macs.append(mac)
    p = c.proxies[0]
    text = "Codis-Token@[%s]-{%s}-{%s}-{%s}" % (" ".join(sorted(macs)), c.product, p.data, p.admin)
    return hashlib.md5(text.encode()).hexdigest() == p.token


def case_xping(c):
    return [c.proxy_call(c.proxies[0], "GET", "xping"), http_call(c.proxies[0].admin, "GET", "/api/proxy/xping/00"),
            http_call(c.proxies[0].admin, "GET", "/api/proxy/xping/" + cluster.xauth(c.product, "", c.proxies[0].token))]


def case_not_online(c):
    """A proxy that nobody has started answers one error and closes."""
    with resp.Resp(c.proxies[0].data) as r:
        out = [r.read()]
        try:
            out.append(r("PING"))
        except resp.Closed:
            out.append("(closed)")
        return out


def case_fillslots(c):
    """Unknown and missing members; answers."""
    a = c.servers[0].addr
    return [fill(c, [{"id": 0, "backend_addr": a, "backend_addr_group_id": 1}]), slot(c, 0),
            fill(c, [{"id": 1, "backend_addr": a, "forward_method": 1, "nonsense": 5}]), slot(c, 1),
            fill(c, [{"id": 0}]), slot(c, 0), fill(c, [])]


def case_fillslots_errors(c):
    a = c.servers[0].addr
    return [fill(c, [{"id": 1024, "backend_addr": a}]), fill(c, [{"id": -1}]),
            fill(c, [{"id": 2, "backend_addr": a, "forward_method": 2}]), slot(c, 2),
            fill(c, [{"id": 2, "backend_addr": a}, {"id": 1024}]), slot(c, 2)]


def case_fillslots_wrong_xauth(c):
    return http_call(c.proxies[0].admin, "PUT", "/api/proxy/fillslots/" + "0" * 32, [])


def case_fillslots_bad_json(c):
    """Nothing is filled, and the answer is OK all the same."""
    return [fill(c, "[{"), fill(c, '{"id":3}'), fill(c, '[{"id":"3"}]'), slot(c, 3)]


def case_fillslots_replica_groups(c):
    a, b = c.servers[0].addr, c.servers[1].addr
    fill(c, [{"id": 4, "backend_addr": a, "replica_groups": [[a, b], [], [b]]}])
    return slot(c, 4)


def case_fillslots_migrate_from(c):
    a, b = c.servers[0].addr, c.servers[1].addr
    fill(c, [{"id": 4, "backend_addr": a, "backend_addr_group_id": 1, "migrate_from": b, "migrate_from_group_id": 2,
              "forward_method": 1}])
    return slot(c, 4)


def case_start(c):
    """start makes it online; twice is fine; jodis is registered."""
    p = c.proxies[0]
    path = "/jodis/%s/proxy-%s" % (c.product, p.token)
    out = [c.proxy_call(p, "GET", "stats")[1]["online"], c.zk.get(path)[0] is None, c.proxy_call(p, "PUT", "start"),
           c.proxy_call(p, "PUT", "start"), c.proxy_call(p, "GET", "stats")[1]["online"]]
    wait("jodis", lambda: c.zk.get(path)[0])
    return out


def case_locked_slot_holds(c):
    """A request to a locked slot waits; unlocking by a fill lets it through."""
    a = c.servers[0].addr
    everything = [{"id": i, "backend_addr": a, "backend_addr_group_id": 1, "forward_method": 1} for i in range(1024)]
    out = [fill(c, everything), ask(c, "SET", "x", "1"), fill(c, [dict(s, locked=True) for s in everything]), slot(c, 9)]
    with resp.Resp(c.proxies[0].data, 0.3) as r:
        try:
            out.append(r("GET", "x"))
        except OSError:
            out.append("(held)")
        out.append(fill(c, everything))
        r.sock.settimeout(5)
        out.append(r.read())
    return out


def case_locked_fill_answers(c):
    """A locked slot can be filled again (as a resumed promote does), and other calls are answered meanwhile."""
    a = c.servers[0].addr
    lock = [{"id": 9, "backend_addr": a, "locked": True}]
    out = [fill(c, lock), fill(c, lock), c.proxy_call(c.proxies[0], "GET", "xping"), slot(c, 9)]
    return out + [fill(c, [{"id": 9, "backend_addr": a}]), slot(c, 9)]


def case_fill_waits_for_requests_in_flight(c):
    """fillslots of a slot with a request at a server that hangs waits for it; other calls then wait for the fill."""
    hung = c.servers[0]
    b = c.servers[1].addr
    hung.signal(signal.SIGSTOP)
    got = []
    client = threading.Thread(target=lambda: got.append(ask(c, "GET", "x")))
    client.start()
    time.sleep(0.2)
    filled = []
    everything = [{"id": i, "backend_addr": b, "forward_method": 1} for i in range(1024)]
    t = threading.Thread(target=lambda: filled.append(fill(c, everything)))
    t.start()
    t.join(0.5)
    out = [t.is_alive()]
    try:
        out.append(c.proxy_call(c.proxies[0], "GET", "stats", timeout=0.5)[0])
    except OSError:
        out.append("(no answer)")
    model = http_call(c.proxies[0].admin, "GET", "/api/proxy/model", timeout=0.5)[0]
    hung.signal(signal.SIGCONT)
    t.join()
    client.join()
    return out + [model, got, filled, slot(c, 9)]


def case_fill_swaps_at_once(c):
    """One fill without locked moves the traffic: no request fails."""
    stop, bad = threading.Event(), []

    def reader():
        with resp.Resp(c.proxies[0].data) as r:
            i = 0
            while not stop.is_set():
                if r("SET", "s%d" % (i % 500), i) != "+OK":
                    bad.append(i)
                i += 1
    t = threading.Thread(target=reader)
    t.start()
    out = []
    for n in range(6):
        out.append(fill(c, [{"id": i, "backend_addr": c.servers[n % 2].addr, "forward_method": 1} for i in range(1024)])[0])
    stop.set()
    t.join()
    return [out, bad]


def case_stats_flags(c):
    return [sorted(c.proxy_call(c.proxies[0], "GET", "stats", f)[1]) for f in (0, 1, 4)]


def case_stats_count(c):
    """ops.total and the command's own counters."""
    out = [c.proxy_call(c.proxies[0], "PUT", "stats/reset")]
    for _ in range(7):
        ask(c, "GET", "x")

    def counted():
        s = c.proxy_call(c.proxies[0], "GET", "stats", 1)[1]
        return s["ops"]["total"] == 7 and s["sessions"]["alive"] == 0 and s
    s = wait("the counters", counted, 3)
    get = next(e for e in s["ops"]["cmd"] if e["opstr"] == "GET")
    return out + [sorted(get), get["calls"], get["fails"], s["sessions"]["alive"]]


def case_forcegc_loglevel(c):
    p = c.proxies[0]
    return [c.proxy_call(p, "PUT", "forcegc"), c.proxy_call(p, "PUT", "loglevel", "DEBUG"),
            c.proxy_call(p, "PUT", "loglevel", "xx"), c.proxy_call(p, "PUT", "loglevel", "INFO")]


def case_sentinels(c):
    p = c.proxies[0]
    return [c.proxy_call(p, "PUT", "sentinels", body={"out_of_sync": False}), c.proxy_call(p, "GET", "stats")[1]["sentinels"]]


def case_dashboard_creates(c):
    out = [c.call("PUT", "proxy/create", c.proxies[0].admin), c.call("PUT", "proxy/create", c.proxies[0].admin),
           c.call("PUT", "proxy/create", "127.0.0.1:1")]
    out[2] = [out[2][0], out[2][1]["Cause"].split(",")[0]]
    return out + [slot(c, 0), c.stats()["proxy"]["models"]]


def case_dashboard_onlines(c):
    """online takes new and known ones."""
    return [c.call("PUT", "proxy/online", c.proxies[1].admin), c.call("PUT", "proxy/online", c.proxies[0].admin),
            c.call("PUT", "proxy/online", "127.0.0.1:1"), [p["id"] for p in c.stats()["proxy"]["models"]]]


def case_dashboard_reinits(c):
    """reinit fills all slots anew from the dashboard's tables."""
    fill(c, [{"id": 5, "backend_addr": c.servers[0].addr, "forward_method": 1}])
    before = slot(c, 5)
    return [before, c.call("PUT", "proxy/reinit", c.proxies[0].token), slot(c, 5), c.call("PUT", "proxy/reinit", "xyz")]


def case_dashboard_removes(c):
    """remove shuts it down; the process ends with status 0 and its jodis node goes."""
    p = c.proxies[1]
    out = [c.call("PUT", "proxy/remove", p.token, 0), p.exit_code(), [m["id"] for m in c.stats()["proxy"]["models"]],
           c.zk.get("/jodis/%s/proxy-%s" % (c.product, p.token))[0]]
    return out + [c.call("PUT", "proxy/remove", p.token, 0), c.call("PUT", "proxy/remove", p.token, 1)]


def case_dashboard_removes_dead_only_by_force(c):
    p = c.proxies[0]
    p.kill()
    return [c.call("PUT", "proxy/remove", p.token, 0), c.call("PUT", "proxy/remove", p.token, 1),
            c.stats()["proxy"]["models"], c.stats()["proxy"]["stats"] == {} or "pending"][:3]


def case_dashboard_onlines_by_itself(c):
    """A proxy that is in the tree but not started is taken in within seconds (as after its restart)."""
    p = c.start_proxy(online=False)
    model = http_call(p.admin, "GET", "/proxy/model")[1]
    model["id"] = 5
    c.zk.create(c.path("proxy/proxy-" + p.token), json.dumps(model))
    c.must("PUT", "reload")
    wait("online", lambda: c.proxy_call(p, "GET", "stats")[1]["online"], 8)
    return c.stats()["proxy"]["models"][0]["id"]


def case_shutdown(c):
    p = c.proxies[-1]
    return [c.proxy_call(p, "PUT", "shutdown"), p.exit_code(), cluster.listens(p.admin), cluster.listens(p.data)]
