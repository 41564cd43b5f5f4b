"""codis-server (Redis 3.2.11): above all one that is guarded and has no master."""
import time

import resp
from cluster import wait


def setup(c):
    c.start_dashboard()
    c.start_server()
    c.start_server(guarded=True)
    c.must("PUT", "group/create", 1)


def guarded(c, *args):
    return c.ask(c.servers[1], *args)


def case_guarded_ping(c):
    return guarded(c, "PING")


def case_guarded_info(c):
    text = guarded(c, "INFO", "replication")
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {k: fields.get(k) for k in ("role", "master_host", "master_port", "master_link_status", "connected_slaves",
                                       "slave_read_only")}


def case_guarded_never_synced(c):
    """master_link_down_since_seconds of a replica that never had a master is huge."""
    text = guarded(c, "INFO", "replication")
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(fields["master_link_down_since_seconds"]) > 10**8


def case_guarded_role(c):
    role = guarded(c, "ROLE")
    return role[:3] + [role[3] in ("connect", "connecting")]


def case_guarded_reads(c):
    return [guarded(c, "GET", "a"), guarded(c, "DBSIZE"), guarded(c, "EXISTS", "a")]


def case_guarded_writes(c):
    return [guarded(c, "SET", "a", "1"), guarded(c, "DEL", "a")]


def case_guarded_config(c):
    return [guarded(c, "CONFIG", "GET", "slave-serve-stale-data"), guarded(c, "CONFIG", "SET", "masterauth", "")]


def case_guarded_multi(c):
    return [guarded(c, "MULTI")]


def case_guarded_client(c):
    return [guarded(c, "CLIENT", "LIST"), guarded(c, "CLIENT", "KILL", "TYPE", "normal")]


def case_guarded_slotsinfo(c):
    return guarded(c, "SLOTSINFO")


def case_guarded_add_is_refused(c):
    return c.call("PUT", "group/add", 1, c.servers[1].addr)


def case_guarded_promote_changes_nothing(c):
    """promote says OK, but the SLAVEOF NO ONE was inside the MULTI that the server refuses."""
    c.must("PUT", "group/add", 1, c.servers[0].addr)
    import json
    g = json.loads(c.zk.get(c.path("group/group-0001"))[0])
    g["servers"].append({"server": c.servers[1].addr, "datacenter": "", "action": {}, "replica_group": False})
    c.zk.set(c.path("group/group-0001"), json.dumps(g))
    c.must("PUT", "reload")
    out = [c.call("PUT", "group/promote", 1, c.servers[1].addr), guarded(c, "ROLE")[0]]
    return out + [c.call("PUT", "group/promote", 1, c.servers[0].addr)]


def case_guarded_slaveof_no_one(c):
    """A plain SLAVEOF is allowed, and gives the role; then everything is."""
    out = [guarded(c, "SLAVEOF", "NO", "ONE"), guarded(c, "ROLE")[0], guarded(c, "SET", "a", "1"), guarded(c, "MULTI")]
    return out


def case_slaveof_same_master_again(c):
    """Nothing happens, and no sync."""
    a = c.servers[0]
    guarded(c, "SLAVEOF", "127.0.0.1", a.port)
    wait("link", lambda: c.link(c.servers[1]) == "up", 15)
    before = resp.info(a.addr, "stats")
    out = guarded(c, "SLAVEOF", "127.0.0.1", a.port)
    after = resp.info(a.addr, "stats")
    return [out.split(" ")[0], int(after["sync_full"]) - int(before["sync_full"]), c.link(c.servers[1])]


def case_synced_replica_of_a_guard_serves(c):
    """slave-serve-stale-data no and a link that is up: all is answered, writes are refused."""
    a, b = c.servers[:2]
    c.ask(a, "SET", "s", "1")
    wait("the key", lambda: guarded(c, "GET", "s") == "1")
    return [guarded(c, "PING"), guarded(c, "MULTI"), guarded(c, "SET", "s", "2"), guarded(c, "CLIENT", "LIST")[:3],
            guarded(c, "SLOTSINFO", "0", "0"), b.addr]


def case_repoint_is_a_full_resync(c):
    """No PSYNC2: after a promote, a replica of the old master copies everything from the new one."""
    a, b = c.servers[:2]
    third = c.start_server(guarded=True)
    c.ask(third, "SLAVEOF", "127.0.0.1", a.port)
    wait("link", lambda: c.link(third) == "up", 15)
    c.ask(b, "SLAVEOF", "NO", "ONE")
    before = resp.info(b.addr, "stats")
    c.ask(third, "SLAVEOF", "127.0.0.1", b.port)
    wait("link", lambda: c.link(third) == "up" and resp.info(third.addr)["master_port"] == str(b.port), 15)
    after = resp.info(b.addr, "stats")
    return [int(after[k]) - int(before[k]) for k in ("sync_full", "sync_partial_ok")]


def case_old_master_rejoins_by_a_full_resync(c):
    a, b = c.servers[:2]
    before = resp.info(b.addr, "stats")
    c.ask(a, "SLAVEOF", "127.0.0.1", b.port)
    wait("link", lambda: c.link(a) == "up", 15)
    after = resp.info(b.addr, "stats")
    return [int(after[k]) - int(before[k]) for k in ("sync_full", "sync_partial_ok")]


def case_lost_link_is_a_partial_resync(c):
    """To the same master, after a connection that broke, only what is missing is sent."""
    a, b = c.servers[:2]
    c.ask(b, "SET", "before", "1")
    time.sleep(1.2)
    before = resp.info(b.addr, "stats")
    c.ask(b, "CLIENT", "KILL", "TYPE", "slave")
    wait("link", lambda: c.link(a) == "up" and int(resp.info(b.addr, "stats")["sync_partial_ok"]) >
         int(before["sync_partial_ok"]), 15)
    after = resp.info(b.addr, "stats")
    return [int(after[k]) - int(before[k]) for k in ("sync_full",)]


def case_restarted_master_is_empty_for_nobody(c):
    """The guard: a master that restarts empty is a replica of nothing, and its replica keeps its keys."""
    b, a = c.servers[1], c.servers[0]
    c.ask(b, "SET", "keep", "1")
    wait("the key", lambda: c.ask(a, "GET", "keep") == "1")
    b.kill()
    c.start_server(guarded=True, port=b.port)
    time.sleep(1.5)
    return [c.ask(c.servers[1], "ROLE")[0], c.ask(a, "GET", "keep"), c.link(a)]


def case_replica_of_a_guarded_server_does_not_copy_it(c):
    """PSYNC to a server that has no master link itself is refused with NOMASTERLINK."""
    return c.ask(c.servers[1], "PSYNC", "?", "-1")


def case_role_change_kills_clients_and_rewrites(c):
    """The dashboard's own way: MULTI, CONFIG SET masterauth, SLAVEOF, CONFIG REWRITE, CLIENT KILL TYPE normal, EXEC."""
    a = c.servers[0]
    c.ask(a, "SLAVEOF", "NO", "ONE")
    with resp.Resp(a.addr) as other, resp.Resp(a.addr) as r:
        other("PING")
        out = [r("MULTI"), r("CONFIG", "SET", "masterauth", ""), r("SLAVEOF", "NO", "ONE"), r("CONFIG", "REWRITE"),
               r("CLIENT", "KILL", "TYPE", "normal")]
        got = r("EXEC")
        out += [got[:3], got[3] >= 1]
        try:
            out.append(other("PING"))
        except (resp.Closed, OSError):
            out.append("(closed)")
    return out


def case_slots_commands(c):
    """What dashboard and proxies ask for: SLOTSHASHKEY, SLOTSINFO, SLOTSMGRT-EXEC-WRAPPER."""
    a = c.servers[0]
    c.ask(a, "FLUSHALL")
    c.ask(a, "SET", "{t}1", "1")
    c.ask(a, "SET", "{t}2", "2")
    return [c.ask(a, "SLOTSHASHKEY", "a", "{t}1", "{t}2"), c.ask(a, "SLOTSINFO"), c.ask(a, "SLOTSMGRT-EXEC-WRAPPER", "none", "GET", "none"),
            c.ask(a, "SLOTSMGRT-EXEC-WRAPPER", "{t}1", "GET", "{t}1")]


def case_slots_migrate(c):
    """SLOTSMGRTTAGONE moves all keys of one tag; SLOTSMGRTTAGSLOT a slot, some keys at a time."""
    a, b = c.servers[0], c.start_server()
    out = [c.ask(a, "SLOTSMGRTTAGONE", "127.0.0.1", b.port, "3000", "{t}1"), c.ask(b, "EXISTS", "{t}1", "{t}2"),
           c.ask(a, "EXISTS", "{t}1", "{t}2"), c.ask(a, "SLOTSMGRTTAGONE", "127.0.0.1", b.port, "3000", "{t}1")]
    slot = c.ask(b, "SLOTSHASHKEY", "{t}1")[0]
    moved = c.ask(b, "SLOTSMGRTTAGSLOT", "127.0.0.1", a.port, "3000", slot)
    return out + [moved, c.ask(b, "SLOTSMGRTTAGSLOT", "127.0.0.1", a.port, "3000", slot), c.ask(a, "EXISTS", "{t}1", "{t}2"),
                  c.ask(a, "SLOTSMGRTTAGSLOT-ASYNC", "127.0.0.1", b.port, "3000", "200", "33554432", slot, "500"),
                  c.ask(b, "EXISTS", "{t}1", "{t}2")]
