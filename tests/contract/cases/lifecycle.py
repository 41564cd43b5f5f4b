"""Starting and stopping: command lines, the lock, signals, reload, shutdown, waiting for ZooKeeper."""
import json
import os
import signal
import subprocess
import time

import cluster
from cluster import http_call, listens, wait


def setup(c):
    pass


def run(c, program, *args, timeout=10):
    done = subprocess.run([c.program(program), *args], capture_output=True, text=True, timeout=timeout, cwd=c.folder, check=False)
    return done.returncode, done.stdout, done.stderr


def keys(toml):
    out = {}
    for line in toml.splitlines():
        if "=" in line and not line.startswith("#"):
            k, v = line.split("=", 1)
            out[k.strip()] = v.strip()
    return out


def case_default_config_dashboard(c):
    code, out, _ = run(c, "codis-dashboard", "--default-config")
    return [code, keys(out)]


def case_default_config_proxy(c):
    code, out, _ = run(c, "codis-proxy", "--default-config")
    return [code, keys(out)]


def case_version(c):
    return [[line.split(":")[0] for line in run(c, p, "--version")[1].splitlines()] for p in ("codis-dashboard", "codis-proxy")]


def case_wrong_arguments(c):
    """Usage, status 1."""
    return [[run(c, p, "--nonsense")[0], "Usage:" in "".join(run(c, p, "--nonsense")[1:])] for p in
            ("codis-dashboard", "codis-proxy", "codis-admin", "codis-fe")]


def case_start_takes_the_lock(c):
    d = c.start_dashboard(extra=["--pidfile", "dashboard.pid", "--log-level=WARN"])
    lock = json.loads(c.zk.get(c.path("topom"))[0])
    with open(os.path.join(d.folder, "dashboard.pid"), encoding="ascii") as f:
        pid = f.read()
    return [lock["pid"] == d.pid, lock["admin_addr"], pid == str(d.pid), lock["pwd"] == d.folder]


def case_second_dashboard_waits(c):
    """It logs that the lock cannot be had; it answers calls, but with an error."""
    first, addr = c.dashboard, c.dashboard_addr
    d = c.start_dashboard(wait_for=False)
    wait("its log", lambda: "acquire lock of %s failed" % c.product in d.log() and listens(c.dashboard_addr))
    status, answer = c.topom()
    out = [status, answer["Cause"], c.call("PUT", "reload")[1]["Cause"], c.call("GET", "xping"),
           "dashboard online failed [0]" in d.log(), d.running()]
    d.signal(signal.SIGTERM)
    out += [d.exit_code(), json.loads(c.zk.get(c.path("topom"))[0])["pid"] == first.pid]
    c.dashboard, c.dashboard_addr = first, addr
    return out


def case_reload(c):
    return c.call("PUT", "reload")


def case_log_level(c):
    return [c.call("PUT", "loglevel", "INFO"), c.call("PUT", "loglevel", "xx")]


def case_sigterm_releases_the_lock(c):
    d = c.dashboard
    d.signal(signal.SIGTERM)
    return [d.exit_code(), c.zk.get(c.path("topom"))[0], os.path.exists(os.path.join(d.folder, "dashboard.pid"))]


def case_shutdown_releases_the_lock(c):
    d = c.start_dashboard()
    return [c.call("PUT", "shutdown"), d.exit_code(), c.zk.get(c.path("topom"))[0]]


def case_kill_leaves_the_lock(c):
    d = c.start_dashboard()
    d.kill()
    return c.zk.get(c.path("topom"))[0] is not None


def case_stale_lock_keeps_the_next_out(c):
    """Within 3 s it does not serve; it goes on trying, and takes over when the lock is removed."""
    d = c.start_dashboard(wait_for=False)
    wait("its log", lambda: d.log().count("acquire lock of") >= 2, 5)
    out = [c.topom()[0], "dashboard is working" in d.log(), d.running(),
           c.admin("--remove-lock", "--product=" + c.product, "--zookeeper=" + c.zk_addr)[0]]
    wait("the dashboard", lambda: c.topom()[0] == 200, 6)
    out.append("dashboard is working" in d.log())
    d.kill()
    return out


def case_remove_lock_flag(c):
    """--remove-lock takes it at once."""
    start = time.monotonic()
    d = c.start_dashboard(extra=["--remove-lock"])
    out = [time.monotonic() - start < 10, json.loads(c.zk.get(c.path("topom"))[0])["pid"] == d.pid]
    d.signal(signal.SIGTERM)
    return out + [d.exit_code()]


def case_flags_win_over_the_file(c):
    """In the file another product and another coordinator."""
    port = cluster.free_port()
    addr = "127.0.0.1:%d" % port
    conf = c.conf("other.toml", 'coordinator_name = "filesystem"\ncoordinator_addr = "/nowhere"\nproduct_name = "other"\n'
                  '# a comment\nadmin_addr = "%s" # another\nmigration_method = "sync"\n' % addr)
    d = c.spawn("dashboard-flags", [c.program("codis-dashboard"), "--config=" + conf, "--host-admin=127.0.0.1:%d" % port,
                                    "--zookeeper=" + c.zk_addr, "--product_name=" + c.product, "-l", "log/x.log"])
    wait("the dashboard", lambda: listens(addr) and http_call(addr, "GET", "/topom")[0] == 200)
    top = http_call(addr, "GET", "/topom")[1]
    d.signal(signal.SIGTERM)
    return [top["config"]["product_name"], top["config"]["coordinator_name"], top["config"]["migration_method"], d.exit_code(),
            os.path.isdir(os.path.join(d.folder, "log"))]


def case_bad_config(c):
    conf = c.conf("bad.toml", 'migration_method = "never"\n')
    missing = run(c, "codis-dashboard", "-c", "/nonexistent.toml")
    code, _, err = run(c, "codis-dashboard", "-c", conf)
    return [code, "invalid migration_method" in err, missing[0]]


def case_bad_product(c):
    code, _, err = run(c, "codis-dashboard", "--product_name=a b", "--zookeeper=" + c.zk_addr)
    return [code, "bad product name = a b" in err]


def case_unresolvable_zookeeper(c):
    """The dashboard and codis-admin end at once."""
    code, _, err = run(c, "codis-dashboard", "--zookeeper=no.such.name.invalid:2181", "--product_name=" + c.product, timeout=30)
    admin = run(c, "codis-admin", "--dashboard-list", "--zookeeper=no.such.name.invalid:2181", timeout=30)
    return [code, "create 'zookeeper' client to 'no.such.name.invalid:2181' failed" in err, admin[0]]


def case_address_in_use(c):
    d = c.start_dashboard()
    code, _, err = run(c, "codis-dashboard", "-c", os.path.join(c.folder, [n for n in sorted(os.listdir(c.folder)) if
                       n.endswith(".toml") and c.dashboard_addr in open(os.path.join(c.folder, n), encoding="utf-8").read()][0]),
                       "--zookeeper=" + c.zk_addr, "--product_name=" + c.product)
    return [code, "address already in use" in err, d.running()]


def case_proxy_onlines_by_the_dashboard(c):
    p = c.start_proxy(online=False, extra=["--dashboard=" + c.dashboard_addr, "--pidfile=proxy.pid", "-l", "log/p.log"])
    wait("online", lambda: c.proxy_call(p, "GET", "stats")[1]["online"], 8)
    model = next(m for m in c.stats()["proxy"]["models"] if m["token"] == p.token)
    return [model["id"], os.path.exists(os.path.join(p.folder, "proxy.pid"))]


def case_proxy_onlines_by_zookeeper(c):
    p = c.start_proxy(online=False, extra=["--zookeeper=" + c.zk_addr])
    wait("online", lambda: c.proxy_call(p, "GET", "stats")[1]["online"], 8)
    return next(m["id"] for m in c.stats()["proxy"]["models"] if m["token"] == p.token)


def case_proxy_without_coordinator_waits(c):
    p = c.start_proxy(online=False)
    time.sleep(1.5)
    return [c.proxy_call(p, "GET", "stats")[1]["online"], "proxy waiting online" in p.log()]


def case_proxy_sigterm(c):
    """It ends; its jodis node goes, its node in the tree stays."""
    p = c.proxies[0]
    path = "/jodis/%s/proxy-%s" % (c.product, p.token)
    wait("jodis", lambda: c.zk.get(path)[0])
    p.signal(signal.SIGTERM)
    return [p.exit_code(), c.zk.get(path)[0], c.zk.get(c.path("proxy/proxy-" + p.token))[0] is not None]


def case_proxy_sighup(c):
    """It has no handler for that: it ends at once, where it otherwise takes up to a second."""
    p, begin = c.start_proxy(online=False), time.monotonic()
    p.signal(signal.SIGHUP)
    return [p.exit_code(), time.monotonic() - begin < 0.5]


def case_proxy_of_another_product_is_refused(c):
    """It ends: unexpected product."""
    admin, data = "127.0.0.1:%d" % cluster.free_port(), "127.0.0.1:%d" % cluster.free_port()
    conf = c.conf("alien.toml", 'proxy_addr = "%s"\nadmin_addr = "%s"\nproxy_heap_placeholder = "1mb"\n' % (data, admin))
    code, _, err = run(c, "codis-proxy", "-c", conf, "--product_name=alien", "--dashboard=" + c.dashboard_addr)
    return [code, "unexcepted product name" in err]


def case_proxy_of_a_wrong_auth_is_refused(c):
    p = c.start_proxy(online=False, extra=["--product_auth=wrong"])
    status, answer = c.call("PUT", "proxy/create", p.admin)
    return [status, answer["Cause"], c.call("PUT", "proxy/online", p.admin)]


def case_dashboard_restart_keeps_the_cluster(c):
    """After a restart the tree is the same; stats are missing at first."""
    before = [m["token"] for m in c.stats()["proxy"]["models"]]
    c.dashboard.signal(signal.SIGTERM)
    c.dashboard.exit_code()
    c.start_dashboard()
    top = c.stats()
    return [[m["token"] for m in top["proxy"]["models"]] == before, len(top["slots"])]


def case_fe(c):
    """codis-fe lists the products and passes calls on to the dashboard of the one asked for."""
    addr = "127.0.0.1:%d" % cluster.free_port()
    assets = os.path.join(c.folder, "assets")
    os.makedirs(assets)
    with open(os.path.join(assets, "index.html"), "w", encoding="utf-8") as f:
        f.write("<html>hello</html>")
    c.spawn("fe", [c.program("codis-fe"), "--zookeeper=" + c.zk_addr, "--listen=" + addr, "--assets=" + assets])
    wait("codis-fe", lambda: listens(addr))
    wait("the list", lambda: c.product in (http_call(addr, "GET", "/list")[1] or []), 10)
    import http.client
    conn = http.client.HTTPConnection(addr)
    conn.request("GET", "/topom?forward=" + c.product)
    status = conn.getresponse()
    top = json.loads(status.read())
    conn.request("GET", "/topom?forward=nobody")
    answer = conn.getresponse()
    answer.read()
    conn.request("GET", "/")
    page = conn.getresponse()
    return [sorted(top), answer.status, page.status, page.read().decode()]
