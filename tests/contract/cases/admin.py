"""codis-admin: the verbs that hooks and people use, their exit codes and what they print."""
import json

from cluster import wait


def setup(c):
    c.start_dashboard()
    for _ in range(2):
        c.start_proxy(online=False)
    for _ in range(4):
        c.start_server()


def quiet(result):
    """(code, stdout, first line of what went wrong without its time and place)"""
    code, out, err = result
    lines = [line.split(" ", 3)[3] if line[:2] == "20" else line for line in err.splitlines()[:2]]
    return [code, out, lines if code else bool(err.strip())]


def node(c, gid):
    text = c.zk.get(c.path("group/group-%04d" % gid))[0]
    return json.loads(text) if text else None


def case_dashboard_list(c):
    code, out, _ = c.admin("--dashboard-list", "--zookeeper=" + c.zk_addr)
    mine = [e for e in json.loads(out) if e["name"] == c.product]
    return [code, mine, out.startswith('[\n    {\n        "name": ')]


def case_dashboard_list_two_words(c):
    return c.admin("--dashboard-list", "--zookeeper", c.zk_addr)[0]


def case_no_dashboard(c):
    code, out, err = c.admin("--dashboard=127.0.0.1:1", "--reload")
    return [code, out, "call rpc model to dashboard 127.0.0.1:1 failed" in err]


def case_reload(c):
    return quiet(c.admin_dash("--reload"))


def case_create_group(c):
    return [quiet(c.admin_dash("--create-group", "--gid=1")), quiet(c.admin_dash("--create-group", "-g", "2")), node(c, 1)]


def case_create_group_again(c):
    code, _, err = c.admin_dash("--create-group", "--gid=1")
    return [code, "call rpc create-group to dashboard %s failed" % c.dashboard_addr in err,
            "[Remote Error] group-[1] already exists" in err]


def case_group_add(c):
    out = [quiet(c.admin_dash("--group-add", "--gid=%d" % (1 + i // 2), "--addr=" + s.addr)) for i, s in enumerate(c.servers)]
    return out + [node(c, 1)]


def case_group_add_datacenter(c):
    c.admin_dash("--group-del", "--gid=2", "--addr=" + c.servers[3].addr)
    return [quiet(c.admin_dash("--group-add", "--gid=2", "--addr=" + c.servers[3].addr, "--datacenter=dc1")), node(c, 2)]


def case_group_add_fails(c):
    return [c.admin_dash("--group-add", "--gid=1", "--addr=127.0.0.1:1")[0], c.admin_dash("--group-add", "--gid=1")[0],
            c.admin_dash("--group-add", "--gid=x", "--addr=127.0.0.1:1")[0]]


def case_sync_action(c):
    out = quiet(c.admin_dash("--sync-action", "--create", "--addr=" + c.servers[1].addr))
    wait("synced", lambda: node(c, 1)["servers"][1]["action"].get("state") == "synced", 15)
    wait("link", lambda: c.link(c.servers[1]) == "up", 15)
    return [out, quiet(c.admin_dash("--sync-action", "--remove", "-x", c.servers[1].addr)), node(c, 1)]


def case_create_proxy(c):
    return [quiet(c.admin_dash("--create-proxy", "--addr=" + c.proxies[0].admin)),
            quiet(c.admin_dash("--online-proxy", "--addr=" + c.proxies[1].admin)),
            c.admin_dash("--create-proxy", "--addr=" + c.proxies[0].admin)[0], [p["id"] for p in c.stats()["proxy"]["models"]]]


def case_slots_assign(c):
    """Without --confirm it is only shown."""
    code, out, _ = c.admin_dash("--slots-assign", "--beg=0", "--end=1", "--gid=1")
    return [code, json.loads(out), quiet(c.admin_dash("--slots-assign", "--beg=0", "--end=511", "--gid=1", "--confirm")),
            quiet(c.admin_dash("--slots-assign", "--beg=511", "--end=511", "--offline", "--confirm")),
            [s["group_id"] for s in c.stats()["slots"][510:512]]]


def case_slot_action(c):
    out = [quiet(c.admin_dash("--slot-action", "--create-range", "--beg=511", "--end=600", "--gid=2")),
           quiet(c.admin_dash("--slot-action", "--create", "--sid=601", "--gid=1"))]
    wait("the slots", lambda: not any(s["action"] for s in c.stats()["slots"]), 20)
    out += [quiet(c.admin_dash("--slot-action", "--create-some", "--gid-from=2", "--gid-to=1", "--num-slots=2"))]
    wait("the slots", lambda: not any(s["action"] for s in c.stats()["slots"]), 20)
    out += [[s["group_id"] for s in c.stats()["slots"][510:515]], quiet(c.admin_dash("--slot-action", "--interval=5")),
            quiet(c.admin_dash("--slot-action", "--disabled=1")), c.stats()["slot_action"],
            c.admin_dash("--slot-action", "--create", "--sid=601", "--gid=1")[0]]
    c.must("PUT", "slots/action/interval", 0)
    return out


def case_slot_action_remove(c):
    c.admin_dash("--slot-action", "--create", "--sid=700", "--gid=1")
    out = [quiet(c.admin_dash("--slot-action", "--remove", "--sid=700")), c.admin_dash("--slot-action", "--remove", "--sid=700")[0]]
    c.must("PUT", "slots/action/disabled", 0)
    return out


def case_rebalance(c):
    code, out, _ = c.admin_dash("--rebalance")
    lines = out.splitlines()
    done = c.admin_dash("--rebalance", "--confirm")
    wait("the slots", lambda: not any(s["action"] for s in c.stats()["slots"]), 60)
    slots = c.stats()["slots"]
    return [code, lines, done[0], done[1] == out, [sum(1 for s in slots if s["group_id"] == g) for g in (0, 1, 2)],
            quiet(c.admin_dash("--rebalance", "--confirm"))]


def case_slots_status(c):
    code, out, _ = c.admin_dash("--slots-status")
    return [code, len(json.loads(out)), out[:180]]


def case_list_group(c):
    """3.2.2 takes the flag in its usage, but not in what it does with it."""
    code, out, _ = c.admin_dash("--list-group")
    return [code, json.loads(out) if code == 0 else out]


def case_list_proxy(c):
    code, out, _ = c.admin_dash("--list-proxy")
    return [code, json.loads(out) if code == 0 else out]


def case_overview_parts(c):
    out = []
    for part in ("config", "model", "stats", "slots", "group", "proxy"):
        code, text, _ = c.admin_dash(part)
        value = json.loads(text)
        out.append([part, code, sorted(value) if isinstance(value, dict) else len(value)])
    return out + [sorted(json.loads(c.admin_dash()[1]))]


def case_group_status(c):
    wait("stats", lambda: len(c.stats()["group"]["stats"]) == 4)
    code, out, _ = c.admin_dash("--group-status")
    import cluster
    lines = cluster.normalise(out, c.names).splitlines()
    return [code, [" ".join(line.split()) for line in lines]]


def case_promote_server(c):
    wait("link", lambda: c.link(c.servers[1]) == "up", 15)
    code, out, _ = c.admin_dash("--promote-server", "--gid=1", "--addr=" + c.servers[1].addr)
    return [code, len(out.splitlines()), node(c, 1)["servers"][0]["server"],
            c.admin_dash("--promote-server", "--gid=1", "--addr=" + c.servers[1].addr)[0]]


def case_resync_group(c):
    return [quiet(c.admin_dash("--resync-group", "--gid=1")), quiet(c.admin_dash("--resync-group", "--all")),
            node(c, 1)["out_of_sync"]]


def case_replica_groups(c):
    return [quiet(c.admin_dash("--replica-groups", "--gid=1", "--addr=" + c.servers[1].addr, "--enable")),
            node(c, 1)["servers"][0]["replica_group"],
            quiet(c.admin_dash("--replica-groups", "--gid=1", "--addr=" + c.servers[1].addr, "--disable"))]


def case_group_del(c):
    return [quiet(c.admin_dash("--group-del", "--gid=1", "--addr=" + c.servers[0].addr)),
            c.admin_dash("--group-del", "--gid=1", "--addr=" + c.servers[1].addr)[0], node(c, 1)]


def case_remove_group(c):
    c.admin_dash("--create-group", "--gid=3")
    return [quiet(c.admin_dash("--remove-group", "--gid=3")), c.admin_dash("--remove-group", "--gid=1")[0], node(c, 3)]


def case_config_dump(c):
    code, out, _ = c.admin("--config-dump", "--product=" + c.product, "--zookeeper=" + c.zk_addr)
    value = json.loads(out)
    return [code, sorted(value), len(value["slots"]), value["group"], [sorted(p) for p in value["proxy"]]]


def case_proxy_part(c):
    """codis-admin --proxy=ADDR --auth=..."""
    admin = c.proxies[1].admin
    code, out, _ = c.admin("--proxy=" + admin, "model")
    return [code, json.loads(out), c.admin("--proxy=" + admin, "slots")[0], quiet(c.admin("--proxy=" + admin, "--reset-stats")),
            c.admin("--proxy=" + admin, "--auth=wrong", "--reset-stats")[0], quiet(c.admin("--proxy=" + admin, "--start"))]


def case_proxy_fillslots(c):
    path = c.conf("slots.json", json.dumps([{"id": 1, "backend_addr": c.servers[0].addr, "backend_addr_group_id": 9}]))
    admin = c.proxies[1].admin
    out = [quiet(c.admin("--proxy=" + admin, "--fillslots=" + path, "--locked")), c.proxy_call(c.proxies[1], "GET", "slots")[1][1]]
    return out + [quiet(c.admin("--proxy=" + admin, "--fillslots=" + path)), c.proxy_call(c.proxies[1], "GET", "slots")[1][1]]


def case_reinit_proxy(c):
    return [quiet(c.admin_dash("--reinit-proxy", "--addr=" + c.proxies[1].admin)), c.proxy_call(c.proxies[1], "GET", "slots")[1][1],
            c.admin_dash("--reinit-proxy", "--all")[0], c.admin_dash("--reinit-proxy", "--token=xx")[0]]


def case_proxy_status(c):
    wait("stats", lambda: len(c.stats()["proxy"]["stats"]) == 2)
    import cluster
    code, out, _ = c.admin_dash("--proxy-status")
    return [code, cluster.normalise(out, c.names).splitlines()]


def case_remove_proxy(c):
    p = c.proxies[0]
    return [quiet(c.admin_dash("--remove-proxy", "--addr=" + p.admin)), p.exit_code(),
            c.admin_dash("--remove-proxy", "--addr=" + p.admin)[0], c.admin_dash("--remove-proxy", "--addr=" + p.admin, "--force")[0]]


def case_remove_proxy_by_force(c):
    p = c.proxies[1]
    p.kill()
    return [c.admin_dash("--remove-proxy", "--addr=" + p.admin)[0], quiet(c.admin_dash("--remove-proxy", "--addr=" + p.admin, "--force")),
            c.stats()["proxy"]["models"]]


def case_proxy_shutdown(c):
    p = c.start_proxy(online=False)
    return [quiet(c.admin("--proxy=" + p.admin, "--shutdown")), p.exit_code()]


def case_log_level(c):
    return [quiet(c.admin_dash("--log-level=WARN")), c.admin_dash("--log-level=xx")[0]]


def case_remove_lock(c):
    """Also while a dashboard works."""
    out = [quiet(c.admin("--remove-lock", "--product=" + c.product, "--zookeeper=" + c.zk_addr)), c.zk.get(c.path("topom"))[0]]
    return out + [quiet(c.admin("--remove-lock", "--product=" + c.product, "--zookeeper=" + c.zk_addr)),
                  c.admin("--remove-lock", "--zookeeper=" + c.zk_addr)[0]]


def case_shutdown(c):
    return [quiet(c.admin_dash("--shutdown")), c.dashboard.exit_code()]
