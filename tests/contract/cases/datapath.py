"""What clients of a proxy see."""
import re
import socket
import time
import zlib

import resp
from cluster import wait

WEIGHT = 2


def setup(c):
    c.build(proxies=1, servers=2, groups=2, toml='backend_recv_timeout = "2s"\n')


def connect(c, timeout=5.0):
    return resp.Resp(c.proxies[0].data, timeout)


def ask(c, *args):
    return resp.ask(c.proxies[0].data, *args)


def without_port(text):
    """Error texts hold the proxy's own port of the connection."""
    return re.sub(r"127\.0\.0\.1:\d+", "<addr>", text)


def group_of(key):
    return 0 if zlib.crc32(key.encode()) % 1024 < 512 else 1


def key_in(group, prefix="k"):
    return next("%s%d" % (prefix, i) for i in range(1000) if group_of("%s%d" % (prefix, i)) == group)


def case_ping(c):
    return [ask(c, "PING"), ask(c, "ping"), ask(c, "PING", c.servers[0].addr), ask(c, "PING", "127.0.0.1:1")]


def case_set_get(c):
    return [ask(c, "SET", "a", "1"), ask(c, "GET", "a"), ask(c, "get", "nothing"), ask(c, "INCR", "n"),
            ask(c, "SET", "bin", b"\x00\r\n\xff".decode("latin1")), ask(c, "LPUSH", "a", "x")]


def case_pipelining_keeps_order(c):
    """Replies come in the order of the requests though they come from different servers."""
    with connect(c) as r:
        r.raw(b"".join(r.encode("SET", "p%d" % i, i) for i in range(500)))
        ok = sum(r.read() == "+OK" for _ in range(500))
        r.raw(b"".join(r.encode("GET", "p%d" % i) for i in range(500)))
        return [ok, [r.read() for _ in range(500)] == [str(i) for i in range(500)]]


def case_slots_of_keys(c):
    """crc32 of the key, or of its first {tag}, modulo 1024."""
    out = []
    for key in ("a", "user:1000", "{user}:1", "x{tag}y", "{}empty", "a{b}{c}", "open{tag", "}{x}"):
        beg, end = key.find("{"), -1
        if beg >= 0:
            end = key.find("}", beg + 1)
        part = key[beg + 1:end] if beg >= 0 and end >= 0 else key
        want = group_of(part)
        ask(c, "SET", key, "v")
        out.append([key, c.ask(c.servers[want], "EXISTS", key), c.ask(c.servers[1 - want], "EXISTS", key)])
    return out


def case_mget_mset_del_exists(c):
    """Split by slot and put together again."""
    pairs = [x for i in range(20) for x in ("m%d" % i, "v%d" % i)]
    keys = pairs[::2]
    return [ask(c, "MSET", *pairs), ask(c, "MGET", *keys, "none"), ask(c, "EXISTS", *keys, "none"), ask(c, "DEL", *keys[:5], "none"),
            ask(c, "DEL", *keys), ask(c, "MGET", keys[0]), ask(c, "MSET", "a", "1"), ask(c, "EXISTS", "a")]


def case_multi_key_argument_errors(c):
    return [ask(c, "MGET"), ask(c, "MSET", "a"), ask(c, "MSET"), ask(c, "DEL"), ask(c, "EXISTS")]


def case_forbidden(c):
    return [ask(c, *cmd.split()) for cmd in (
        "MULTI", "KEYS *", "CONFIG GET x", "SUBSCRIBE x", "BLPOP a 1", "FLUSHALL", "RENAME a b", "SLAVEOF NO ONE", "client list",
        "SHUTDOWN", "WAIT 1 0", "MSETNX a 1", "SCAN 0", "DBSIZE")]


def case_unknown_command(c):
    """Passed on: the server says what it thinks of it."""
    return [ask(c, "NOSUCH", "a").split("'")[0], ask(c, "NO-SUCH", "a").split("'")[0], ask(c, "GET").split("'")[0]]


def case_command_name_length(c):
    return [ask(c, "X" * 65, "a"), ask(c, "", "a")]


def case_connection_stays_after_errors(c):
    with connect(c) as r:
        return [r("KEYS", "*"), r("PING"), r("MULTI"), r("GET", "none")]


def case_auth_without_password(c):
    return [ask(c, "AUTH", "x"), ask(c, "AUTH")]


def case_select(c):
    """Databases are kept apart."""
    with connect(c) as r:
        return [r("SELECT", "1"), r("SET", "db", "one"), r("SELECT", "0"), r("GET", "db"), r("SELECT", "1"), r("GET", "db"),
                r("SELECT", "16"), r("SELECT", "-1"), r("SELECT", "x"), r("SELECT")]


def case_quit(c):
    with connect(c) as r:
        out = [r("QUIT")]
        try:
            out.append(r("PING"))
        except (resp.Closed, OSError):
            out.append("(closed)")
        return out


def case_quit_answers_what_came_before(c):
    with connect(c) as r:
        r.raw(r.encode("SET", "q", "1") + r.encode("GET", "q") + r.encode("QUIT"))
        return [r.read(), r.read(), r.read()]


def case_info(c):
    """INFO is a server's; with an address, that server's."""
    one = ask(c, "INFO", c.servers[1].addr)
    return ["redis_version:" in ask(c, "INFO"), "tcp_port:%d\r" % c.servers[1].port in one, ask(c, "INFO", "127.0.0.1:1")]


def case_inline(c):
    """A line of words works as well."""
    with connect(c) as r:
        r.raw(b"SET inline 5\r\nGET inline\r\n")
        return [r.read(), r.read()]


def case_protocol_error_closes(c):
    out = []
    for data in (b"*0\r\n", b"*1\r\n:1\r\n", b"*x\r\n", b"*1\r\n$-5\r\n", b"\r\n", b"*2\r\n$3\r\nGETxx$1\r\na\r\n"):
        with connect(c) as r:
            r.raw(data)
            try:
                out.append(r.read())
            except (resp.Closed, OSError):
                out.append("(closed)")
    return out


def case_split_over_packets(c):
    with connect(c) as r:
        for b in r.encode("SET", "slow", "value") + r.encode("GET", "slow"):
            r.raw(bytes([b]))
        return [r.read(), r.read()]


def case_big_value(c):
    big = "x" * (8 << 20)
    with connect(c, 20) as r:
        return [r("SET", "big", big), r("GET", "big") == big, r("DEL", "big")]


def case_slotsmapping(c):
    with connect(c) as r:
        every = r("SLOTSMAPPING")
        return [len(every), every[3], r("SLOTSMAPPING", "700"), r("SLOTSMAPPING", "1024"), r("SLOTSMAPPING", "x")[:30],
                r("SLOTSMAPPING", "1", "2")]


def case_eval_uses_its_first_key(c):
    return [ask(c, "EVAL", "return redis.call('SET',KEYS[1],ARGV[1])", "1", key_in(1, "e"), "v"),
            c.ask(c.servers[1], "GET", key_in(1, "e"))]


def case_half_closed_client_gets_its_replies(c):
    with connect(c) as r:
        r.raw(r.encode("SET", "half", "1") + r.encode("GET", "half"))
        r.sock.shutdown(socket.SHUT_WR)
        out = [r.read(), r.read()]
        try:
            out.append(r.read())
        except resp.Closed:
            out.append("(closed)")
        return out


def case_unassigned_slot(c):
    c.must("PUT", "slots/assign", "offline", body=[{"id": i} for i in range(1024) if i == zlib.crc32(b"off") % 1024])
    out = [ask(c, "GET", "off"), ask(c, "SET", "off", "1"), ask(c, "MGET", "off", "a")]
    c.must("PUT", "slots/assign", body=[{"id": zlib.crc32(b"off") % 1024, "group_id": group_of("off") + 1}])
    return out + [ask(c, "SET", "off", "1")]


def case_hung_server(c):
    """After backend_recv_timeout the request in flight fails, and with it what stands behind it in the same connection."""
    import signal
    key = key_in(0)
    c.servers[0].signal(signal.SIGSTOP)
    start = time.monotonic()
    with connect(c, 10) as r:
        r.raw(r.encode("GET", key) + r.encode("GET", key) + r.encode("GET", key_in(1)))
        first = r.read()
        took = time.monotonic() - start
        rest = [r.read(), r.read()]
    other = ask(c, "GET", key_in(1))
    c.servers[0].signal(signal.SIGCONT)
    wait("service again", lambda: ask(c, "SET", key, "1") == "+OK")
    first = first.split("read tcp")[0] + ("i/o timeout" if "i/o timeout" in first else "")
    return [first, 1.5 < took < 6, rest, other]


def case_dead_server(c):
    """A request in flight fails with the connection; later ones fail at once; other groups are not touched."""
    key, other = key_in(0), key_in(1)
    c.must("PUT", "slots/action/disabled", 1)
    c.servers[0].kill()
    with connect(c) as r:
        first = r("SET", key, "1")
        errors, slowest = [], 0.0
        for _ in range(20):
            start = time.monotonic()
            errors.append(without_port(r("SET", key, "1")))
            slowest = max(slowest, time.monotonic() - start)
        alive = r("SET", other, "1")
        start = time.monotonic()
        c.start_server(port=c.servers[0].port)
        wait("the server again", lambda: r("SET", key, "1") == "+OK", 8)
        back = time.monotonic() - start
    return ["-ERR handle response, " in first, sorted(set(errors)), slowest < 1.5, alive, back < 5.5]


def case_server_restart_costs_two_requests(c):
    """A proxy reads from a server only while it waits for a reply: the first request finds the connection lost, the second
    one cannot be written to it, the third one gets a new connection."""
    key = key_in(0)
    p = c.start_proxy(toml='backend_ping_period = "0"\n')
    resp.ask(p.data, "SET", key, "1")
    c.servers[0].kill()
    c.start_server(port=c.servers[0].port)
    return [without_port(resp.ask(p.data, "SET", key, "1")) for _ in range(4)]


def case_loading_and_readonly_are_passed_on(c):
    key = key_in(0)
    wait("service", lambda: ask(c, "SET", key, "1") == "+OK")
    c.ask(c.servers[0], "SLAVEOF", "127.0.0.1", "1")
    out = [ask(c, "SET", key, "1")]
    c.ask(c.servers[0], "CONFIG", "SET", "slave-serve-stale-data", "no")
    out += [ask(c, "GET", key), ask(c, "SET", key, "1")]
    c.ask(c.servers[0], "SLAVEOF", "NO", "ONE")
    return out + [ask(c, "SET", key, "1")]


def case_many_clients(c):
    conns = [connect(c) for _ in range(100)]
    for i, r in enumerate(conns):
        r.send("SET", "c%d" % i, i)
    ok = sum(r.read() == "+OK" for r in conns)
    for r in conns:
        r.close()
    return ok


def case_max_clients(c):
    p = c.start_proxy(toml="proxy_max_clients = 2\n")
    conns = [resp.Resp(p.data) for _ in range(2)]
    out = [r("PING") for r in conns]
    with resp.Resp(p.data) as r:
        try:
            out.append(r.read())
        except resp.Closed:
            out.append("(closed)")
    for r in conns:
        r.close()
    return out


def case_session_auth(c):
    p = c.start_proxy(toml='session_auth = "pw"\n')
    with resp.Resp(p.data) as r:
        return [r("PING"), r("AUTH", "no"), r("GET", "a"), r("AUTH", "pw"), r("PING"), r("AUTH", "no"), r("PING")]


def case_break_on_failure(c):
    """session_break_on_failure closes the connection at the first error."""
    p = c.start_proxy(toml="session_break_on_failure = true\n")
    with resp.Resp(p.data) as r:
        out = [r("KEYS", "*")]
        try:
            out.append(r("PING"))
        except (resp.Closed, OSError):
            out.append("(closed)")
        return out
