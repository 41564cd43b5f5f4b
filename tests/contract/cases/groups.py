"""Groups: create, add, del, promote, remove, resync, replica groups, sync actions."""
import json

from cluster import wait
import resp


def setup(c):
    c.start_dashboard()
    c.start_proxy()
    c.start_proxy()
    for _ in range(4):
        c.start_server()


def node(c, gid):
    text = c.zk.get(c.path("group/group-%04d" % gid))[0]
    return json.loads(text) if text else None


def case_create(c):
    return [c.call("PUT", "group/create", 1), node(c, 1), c.group(1)]


def case_create_again(c):
    return c.call("PUT", "group/create", 1)


def case_create_out_of_range(c):
    return [c.call("PUT", "group/create", 0), c.call("PUT", "group/create", 10000), c.call("PUT", "group/create", "x")]


def case_add(c):
    a, b = c.servers[:2]
    return [c.call("PUT", "group/add", 1, a.addr), c.call("PUT", "group/add", 1, b.addr), node(c, 1)]


def case_add_again(c):
    return c.call("PUT", "group/add", 1, c.servers[0].addr)


def case_add_to_no_group(c):
    return c.call("PUT", "group/add", 77, c.servers[2].addr)


def case_add_dead_server(c):
    status, answer = c.call("PUT", "group/add", 1, "127.0.0.1:1")
    return [status, answer["Cause"]]


def case_add_leaves_the_role(c):
    """group/add does not make a replica of anybody."""
    return c.ask(c.servers[1], "ROLE")[0]


def case_add_with_datacenter(c):
    c.must("PUT", "group/create", 9)
    out = [c.call("PUT", "group/add", 9, c.servers[3].addr, "dc1"), node(c, 9)]
    c.must("PUT", "group/del", 9, c.servers[3].addr)
    c.must("PUT", "group/remove", 9)
    return out


def case_sync_action(c):
    """pending -> syncing -> synced; the replica becomes one; its Codis clients are cut off."""
    replica = c.servers[1]
    with resp.Resp(replica.addr) as client:
        client("PING")
        out = [c.call("PUT", "group/action/create", replica.addr)]
        wait("synced", lambda: node(c, 1)["servers"][1]["action"].get("state") == "synced", 15)
        out.append(node(c, 1)["servers"][1])
        wait("link", lambda: c.link(replica) == "up", 15)
        try:
            out.append(client("PING"))
        except resp.Closed:
            out.append("(closed)")
    return out + [c.ask(replica, "ROLE")[:2]]


def case_sync_action_writes_the_config(c):
    """CONFIG REWRITE has put the role into the server's file."""
    with open(c.servers[1].folder + "/redis.conf", encoding="utf-8") as f:
        return [line.split()[1:2] for line in f if line.split()[:1] in (["slaveof"], ["replicaof"])]


def case_sync_action_unknown_server(c):
    return [c.call("PUT", "group/action/create", "127.0.0.1:1"), c.call("PUT", "group/action/remove", "127.0.0.1:1")]


def case_sync_action_remove(c):
    """Removing what is not there; a finished action is removed."""
    return [c.call("PUT", "group/action/remove", c.servers[0].addr), c.call("PUT", "group/action/remove", c.servers[1].addr),
            node(c, 1)["servers"][1]]


def case_sync_action_twice(c):
    """A second action on a pending one is refused, on a finished one it is not."""
    c.must("PUT", "group/action/create", c.servers[1].addr)
    wait("synced", lambda: node(c, 1)["servers"][1]["action"].get("state") == "synced", 15)
    wait("link", lambda: c.link(c.servers[1]) == "up", 15)
    return c.call("PUT", "group/action/create", c.servers[1].addr)


def case_sync_action_of_dead_server(c):
    """synced_failed."""
    c.must("PUT", "group/add", 1, c.servers[2].addr)
    c.servers[2].kill()
    out = [c.call("PUT", "group/action/create", c.servers[2].addr)]
    wait("synced_failed", lambda: node(c, 1)["servers"][2]["action"].get("state") == "synced_failed", 15)
    out.append(node(c, 1)["servers"][2])
    c.must("PUT", "group/del", 1, c.servers[2].addr)
    c.start_server(port=c.servers[2].port)
    return out


def case_sync_action_on_index_0(c):
    """SLAVEOF NO ONE."""
    c.ask(c.servers[0], "SLAVEOF", "127.0.0.1", "1")
    before = c.ask(c.servers[0], "ROLE")[0]
    c.must("PUT", "group/action/create", c.servers[0].addr)
    wait("synced", lambda: node(c, 1)["servers"][0]["action"].get("state") == "synced", 15)
    wait("link", lambda: c.link(c.servers[1]) == "up", 15)
    return [before, c.ask(c.servers[0], "ROLE")[0]]


def case_assign_sets_out_of_sync(c):
    c.must("PUT", "slots/assign", body=[{"id": i, "group_id": 1} for i in range(4)])
    return [node(c, 1)["out_of_sync"], json.loads(c.zk.get(c.path("slots/slot-0002"))[0])]


def case_resync(c):
    return [c.call("PUT", "group/resync", 1), node(c, 1)["out_of_sync"], c.call("PUT", "group/resync", 77),
            c.call("PUT", "group/resync-all")]


def case_replica_groups(c):
    """The proxies get replica_groups with the next resync; the group is out of sync until then."""
    a, b = c.servers[:2]
    out = [c.call("PUT", "group/replica-groups", 1, a.addr, 1), c.call("PUT", "group/replica-groups", 1, b.addr, 1), node(c, 1)]
    c.must("PUT", "group/resync", 1)
    out.append(c.proxy_call(c.proxies[0], "GET", "slots")[1][1])
    out.append(c.call("PUT", "group/replica-groups", 1, b.addr, 0))
    c.must("PUT", "group/replica-groups", 1, a.addr, 0)
    c.must("PUT", "group/resync", 1)
    out.append(c.proxy_call(c.proxies[0], "GET", "slots")[1][1])
    out.append(c.call("PUT", "group/replica-groups", 1, "127.0.0.1:1", 1))
    return out


def case_del_master_in_use(c):
    return c.call("PUT", "group/del", 1, c.servers[0].addr)


def case_del_unknown(c):
    return [c.call("PUT", "group/del", 1, "127.0.0.1:1"), c.call("PUT", "group/del", 77, c.servers[0].addr)]


def case_remove_not_empty(c):
    return [c.call("PUT", "group/remove", 1), c.call("PUT", "group/remove", 77)]


def case_promote_master(c):
    return c.call("PUT", "group/promote", 1, c.servers[0].addr)


def case_promote_unknown(c):
    return [c.call("PUT", "group/promote", 1, "127.0.0.1:1"), c.call("PUT", "group/promote", 77, c.servers[0].addr)]


def case_promote(c):
    """The new master is first, the old one last; it is a master now; the old master is not repointed; slots move over."""
    out = [c.call("PUT", "group/promote", 1, c.servers[1].addr), node(c, 1)]
    out += [c.ask(s, "ROLE")[0] for s in c.servers[:2]]
    out += [c.proxy_call(p, "GET", "slots")[1][1] for p in c.proxies]
    return out


def case_promote_cuts_clients(c):
    """Every normal connection to the promoted server is closed, a controller's own too."""
    a, b = c.servers[:2]
    c.ask(a, "SLAVEOF", "127.0.0.1", b.port)
    wait("link", lambda: c.link(a) == "up", 15)
    with resp.Resp(a.addr) as client:
        out = [client("PING"), c.call("PUT", "group/promote", 1, a.addr)]
        try:
            out.append(client("PING"))
        except resp.Closed:
            out.append("(closed)")
    return out


def case_promote_with_dead_master(c):
    a, b = c.servers[:2]
    c.ask(b, "SLAVEOF", "127.0.0.1", a.port)
    wait("link", lambda: c.link(b) == "up", 15)
    a.kill()
    return [c.call("PUT", "group/promote", 1, b.addr), c.ask(b, "ROLE")[0], node(c, 1)]


def case_promote_says_ok_though_the_server_is_dead(c):
    """The error of SLAVEOF NO ONE is only logged."""
    return [c.call("PUT", "group/promote", 1, c.servers[0].addr), node(c, 1)]


def case_promote_back(c):
    out = c.call("PUT", "group/promote", 1, c.servers[1].addr)
    c.start_server(port=c.servers[0].port)
    return [out, node(c, 1)]


def case_del_replica(c):
    return [c.call("PUT", "group/del", 1, c.servers[0].addr), node(c, 1)]


def case_del_last_with_slots(c):
    return c.call("PUT", "group/del", 1, c.servers[1].addr)


def case_assign_offline_then_del_and_remove(c):
    out = [c.call("PUT", "slots/assign", "offline", body=[{"id": i, "group_id": 0} for i in range(4)])]
    out += [c.call("PUT", "group/del", 1, c.servers[1].addr), node(c, 1), c.call("PUT", "group/remove", 1), node(c, 1)]
    return out


def case_promoting_blocks_others(c):
    """While a promote is unfinished, add, del and sync actions of its group are refused."""
    c.must("PUT", "group/create", 2)
    for s in c.servers[2:4]:
        c.must("PUT", "group/add", 2, s.addr)
    g = node(c, 2)
    g["promoting"] = {"index": 1, "state": "preparing"}
    c.zk.set(c.path("group/group-0002"), json.dumps(g))
    c.must("PUT", "reload")
    s = c.servers
    return [c.call("PUT", "group/add", 2, s[0].addr), c.call("PUT", "group/del", 2, s[3].addr),
            c.call("PUT", "group/action/create", s[3].addr), c.call("PUT", "group/replica-groups", 2, s[3].addr, 1),
            c.call("PUT", "group/promote", 2, s[2].addr), c.group(2)["promoting"]]


def case_promote_resumes(c):
    """promote of servers[promoting.index] finishes it, also index and order; a finished state, too."""
    out = [c.call("PUT", "group/promote", 2, c.servers[3].addr), node(c, 2)]
    g = node(c, 2)
    g["promoting"] = {"state": "finished"}
    c.zk.set(c.path("group/group-0002"), json.dumps(g))
    c.must("PUT", "reload")
    return out + [c.call("PUT", "group/promote", 2, c.servers[2].addr), c.call("PUT", "group/promote", 2, c.servers[3].addr),
                  node(c, 2)]
