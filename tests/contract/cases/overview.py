"""What the dashboard shows: shapes of its JSON, XAuth, the coordinator's tree."""
import json
import time

import cluster
from cluster import http_call, wait


def shape(value):
    """Keys and types; a map whose keys are data is shown by its first value."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items() if k not in ("raw",)}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def setup(c):
    c.build()
    wait("stats", lambda: len(c.stats()["group"]["stats"]) == 4 and len(c.stats()["proxy"]["stats"]) == 2)


def case_topom_shape(c):
    """GET /topom: every key and its type."""
    status, top = c.topom()
    stats = top["stats"]
    stats["group"]["stats"] = {}
    stats["proxy"]["stats"] = {}
    return [status, len(stats["slots"]), shape(top)]


def case_topom_values(c):
    """GET /topom: the values that do not depend on the machine."""
    _, top = c.topom()
    top["config"]["coordinator_addr"] = "<zookeeper>"
    return [top["config"], top["model"], top["stats"]["slot_action"], top["stats"]["sentinels"], top["stats"]["closed"],
            top["stats"]["group"]["models"], top["stats"]["proxy"]["models"], top["stats"]["slots"][:2],
            top["stats"]["slots"][1022:]]


def case_server_stats(c):
    """group.stats of a master and of a replica: INFO as strings, with maxmemory and master_addr put in."""
    out = {}
    for s in c.servers[:2]:
        entry = c.stats()["group"]["stats"][s.addr]
        info = entry["stats"]
        keep = ("role", "master_addr", "master_host", "master_link_status", "maxmemory", "loading", "connected_slaves",
                "slave_read_only", "slave_priority")
        out[s.addr] = [sorted(entry), {k: info.get(k) for k in keep}, len(info["run_id"]),
                       all(isinstance(v, str) for v in info.values()),
                       all(k in info for k in ("used_memory", "master_repl_offset", "uptime_in_seconds", "tcp_port",
                                               "process_id", "connected_clients", "rdb_bgsave_in_progress"))]
    return out


def case_replica_info_fields(c):
    """INFO replication of a replica has what is needed to choose the best one."""
    text = c.ask(c.servers[1], "INFO", "replication")
    return [k for k in ("role", "master_host", "master_port", "master_link_status", "master_last_io_seconds_ago",
                        "master_sync_in_progress", "slave_repl_offset", "slave_priority", "slave_read_only",
                        "connected_slaves", "master_repl_offset") if k + ":" in text]


def case_proxy_stats(c):
    """proxy.stats of a proxy."""
    entry = next(iter(c.stats()["proxy"]["stats"].values()))
    return shape(entry)


def case_dead_server_stats(c):
    """A server that is gone has error, one that hangs has timeout."""
    import signal
    dead, hung = c.servers[1], c.servers[3]
    dead.kill()
    hung.signal(signal.SIGSTOP)

    def both():
        stats = c.stats()["group"]["stats"]
        return "error" in stats.get(dead.addr, {}) and stats.get(hung.addr, {}).get("timeout")
    wait("error and timeout", both)
    stats = c.stats()["group"]["stats"]
    hung.signal(signal.SIGCONT)
    cause = stats[dead.addr]["error"]["Cause"]
    return [sorted(stats[dead.addr]), sorted(stats[dead.addr]["error"]), "connection refused" in cause or "EOF" in cause,
            stats[hung.addr]]


def case_topom_slots(c):
    """GET /topom/slots: slots as proxies get them."""
    status, slots = http_call(c.dashboard_addr, "GET", "/topom/slots")
    return [status, len(slots), slots[0], slots[1023]]


def case_api_slots(c):
    return c.call("GET", "slots")[1][5]


def case_api_stats(c):
    return sorted(c.call("GET", "stats")[1])


def case_topom_stats(c):
    return sorted(http_call(c.dashboard_addr, "GET", "/topom/stats")[1])


def case_model(c):
    """GET /api/topom/model and /topom/model, without XAuth."""
    return [http_call(c.dashboard_addr, "GET", "/api/topom/model"), http_call(c.dashboard_addr, "GET", "/topom/model")]


def case_xping(c):
    return c.call("GET", "xping")


def case_xauth_wrong(c):
    status, answer = http_call(c.dashboard_addr, "GET", "/api/topom/xping/0123")
    return [status, answer["Cause"], sorted(answer), answer["Stack"]]


def case_xauth_wrong_put(c):
    return http_call(c.dashboard_addr, "PUT", "/api/topom/reload/" + "0" * 32)


def case_error_body(c):
    """HTTP 800 {Cause, Stack: [{Name, File, Line}]}."""
    status, answer = c.call("PUT", "group/create", 1)
    return [status, answer["Cause"], sorted(answer), [sorted(r) for r in answer["Stack"][:1]]]


def case_not_found(c):
    return http_call(c.dashboard_addr, "GET", "/api/topom/nothing")[0]


def case_wrong_method(c):
    return http_call(c.dashboard_addr, "GET", "/api/topom/reload/" + c.xauth)[0]


def case_root_redirects(c):
    return http_call(c.dashboard_addr, "GET", "/")[0]


def case_content_type(c):
    import http.client
    conn = http.client.HTTPConnection(c.dashboard_addr)
    conn.request("GET", "/api/topom/model")
    answer = conn.getresponse()
    text = answer.read().decode()
    conn.close()
    return [answer.getheader("Content-Type"), text.startswith('{\n    "token": "'), text.endswith("}")]


def case_tree(c):
    """The coordinator's tree: names, and which nodes are ephemeral."""
    zk, out = c.zk, {}
    for path in [c.path("")[:-1], c.path("group"), c.path("proxy"), "/jodis/" + c.product]:
        out[path] = sorted(cluster.normalise(zk.children(path), c.names))
    owners = [bool(zk.get(p)[1]["ephemeral_owner"]) for p in (
        c.path("topom"), c.path("group/group-0001"), c.path("proxy/proxy-" + c.proxies[0].token),
        "/jodis/%s/proxy-%s" % (c.product, c.proxies[0].token))]
    return [out, len(zk.children(c.path("slots"))), owners]


def case_node_lock(c):
    return json.loads(c.zk.get(c.path("topom"))[0])


def case_node_group(c):
    text = c.zk.get(c.path("group/group-0001"))[0]
    return [json.loads(text), cluster.normalise(text, c.names)]


def case_node_slot(c):
    return c.zk.get(c.path("slots/slot-0512"))[0]


def case_node_proxy(c):
    return json.loads(c.zk.get(c.path("proxy/proxy-" + c.proxies[0].token))[0])


def case_node_jodis(c):
    text = c.zk.get("/jodis/%s/proxy-%s" % (c.product, c.proxies[0].token))[0]
    return [json.loads(text), [k.split('"')[1] for k in text.splitlines() if '"' in k]]


def case_reads_wait_for_the_mutex(c):
    """Reading /topom waits while another call holds the dashboard: here a promote that waits for a proxy's slots."""
    import signal
    import threading
    proxy = c.proxies[1]
    proxy.signal(signal.SIGSTOP)
    done = []
    t = threading.Thread(target=lambda: done.append(c.call("PUT", "group/resync", 2, timeout=30)))
    t.start()
    time.sleep(0.3)
    waited = False
    try:
        http_call(c.dashboard_addr, "GET", "/topom", timeout=1)
    except OSError:
        waited = True
    model_answers = http_call(c.dashboard_addr, "GET", "/api/topom/model", timeout=1)[0]
    proxy.signal(signal.SIGCONT)
    t.join()
    return [waited, model_answers, done[0]]
