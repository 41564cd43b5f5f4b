"""A private Codis on loopback: own ports, own folder, own processes, all of them ended at the end."""
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

import resp
from zk import Zk

ports_lock = threading.Lock()
ports_given = set()


def free_port():
    """A port that nobody listens on and that this run has not given out before."""
    with ports_lock:
        while True:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
            if port not in ports_given:
                ports_given.add(port)
                return port


def wait(what, condition, seconds=10.0, step=0.02):
    """Waits until the condition gives something true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError("waited %g s for %s" % (seconds, what))
        time.sleep(step)


def xauth(*parts):
    text = "Codis-XAuth" + "".join("-[%s]" % p for p in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def listens(addr):
    host, port = addr.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 1).close()
        return True
    except OSError:
        return False


def http_call(addr, method, path, body=None, timeout=15):
    """(status, JSON or text); body: anything that JSON can hold, or text as it is."""
    conn = http.client.HTTPConnection(addr, timeout=timeout)
    try:
        headers = {}
        if body is not None:
            body = body if isinstance(body, str) else json.dumps(body)
            headers["Content-Type"] = "application/json"
        conn.request(method, urllib.parse.quote(path), body, headers)
        answer = conn.getresponse()
        text = answer.read().decode()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text
    finally:
        conn.close()


class Process:
    def __init__(self, name, args, folder, env=None):
        os.makedirs(folder, exist_ok=True)
        self.name, self.args, self.folder = name, args, folder
        self.log_path = os.path.join(folder, "stdout")
        with open(self.log_path, "ab") as out:
            # Under nohup SIGHUP is ignored, which Go leaves so.
            self.popen = subprocess.Popen(["env", "--default-signal=HUP", *args], cwd=folder, stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=out, start_new_session=True,
                                          env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def log(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def signal(self, signum):
        if self.running():
            self.popen.send_signal(signum)

    def kill(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def exit_code(self, seconds=10):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


def start_zookeeper(folder):
    port = free_port()
    os.makedirs(folder)
    with open(os.path.join(folder, "zoo.cfg"), "w") as f:
        f.write("tickTime=500\ndataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
                "maxClientCnxns=0\nforceSync=no\n" % (folder, port))
    p = Process("zookeeper", ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
                              "-cp", "/usr/share/java/zookeeper.jar",
                              "org.apache.zookeeper.server.ZooKeeperServerMain", os.path.join(folder, "zoo.cfg")], folder)
    addr = "127.0.0.1:%d" % port
    wait("ZooKeeper at " + addr, lambda: answers(addr), 30)
    return p, addr


def answers(zk_addr):
    try:
        Zk(zk_addr).close()
        return True
    except OSError:
        return False


class Cluster:
    """One product: dashboard, proxies, servers. Names in answers stand for what is volatile: <server-1>, <proxy-1>, ..."""

    def __init__(self, bin_dir, zk_addr, product, folder, auth=""):
        self.bin, self.zk_addr, self.product, self.folder, self.auth = bin_dir, zk_addr, product, folder, auth
        self.zk = Zk(zk_addr)
        self.procs, self.names = [], {}
        self.dashboard = self.dashboard_addr = None
        self.proxies, self.servers = [], []

    # --- processes ---------------------------------------------------------------------------------------------------
    def name(self, volatile, stands_for):
        self.names[volatile] = stands_for

    def program(self, name):
        return os.path.join(self.bin, name)

    def spawn(self, name, args, env=None):
        p = Process(name, args, os.path.join(self.folder, name), env)
        self.procs.append(p)
        return p

    def conf(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def start_dashboard(self, port=None, extra=(), wait_for=True):
        port = port or free_port()
        n = sum(1 for p in self.procs if p.name.startswith("dashboard")) + 1
        addr = "127.0.0.1:%d" % port
        self.name(addr, "<dashboard>")
        conf = self.conf("dashboard-%d.toml" % n, 'admin_addr = "%s"\n' % addr)
        args = [self.program("codis-dashboard"), "--ncpu=1", "-c", conf, "--host-admin", addr, "--zookeeper", self.zk_addr,
                "--product_name", self.product, *extra]
        if self.auth:
            args += ["--product_auth", self.auth]
        self.dashboard, self.dashboard_addr = self.spawn("dashboard-%d" % n, args), addr
        if wait_for:
            wait("the dashboard", lambda: listens(addr) and self.topom()[0] == 200)
            self.name(self.topom()[1]["model"]["token"], "<dashboard-token>")
        return self.dashboard

    def start_proxy(self, online=True, extra=(), toml="", env=None):
        n = len(self.proxies) + 1
        admin, data = "127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()
        self.name(admin, "<proxy-%d-admin>" % n)
        self.name(data, "<proxy-%d>" % n)
        conf = self.conf("proxy-%d.toml" % n, 'proto_type = "tcp4"\nproxy_addr = "%s"\nadmin_addr = "%s"\n'
                         'proxy_heap_placeholder = "1mb"\njodis_name = "zookeeper"\njodis_addr = "%s"\njodis_timeout = "5s"\n'
                         "%s" % (data, admin, self.zk_addr, toml))
        args = [self.program("codis-proxy"), "--ncpu=1", "--max-ncpu=1", "-c", conf, "--host-admin", admin,
                "--host-proxy", data, "--product_name", self.product, *extra]
        if self.auth:
            args += ["--product_auth", self.auth]
        p = self.spawn("proxy-%d" % n, args, env)
        p.admin, p.data, p.number = admin, data, n
        self.proxies.append(p)
        wait("proxy %d" % n, lambda: listens(admin) and listens(data))
        p.token = http_call(admin, "GET", "/proxy/model")[1]["token"]
        self.name(p.token, "<token-%d>" % n)
        if online:
            self.must("PUT", "proxy/create", admin)
        return p

    def start_server(self, guarded=False, extra=(), port=None, wait_for=True):
        port = port or free_port()
        addr = "127.0.0.1:%d" % port
        known = self.names.get(addr)
        n = len(self.servers) + 1 if not known else int(known.strip("<>").split("-")[1])
        self.name(addr, "<server-%d>" % n)
        folder = os.path.join(self.folder, "server-%d" % n)
        os.makedirs(folder, exist_ok=True)
        conf = os.path.join(folder, "redis.conf")
        if not os.path.exists(conf):
            with open(conf, "w") as f:
                f.write('save ""\n')
        args = [self.program("codis-server"), conf, "--port", str(port), "--bind", "127.0.0.1", "--protected-mode", "no"]
        if guarded:
            args += ["--slaveof", "127.0.0.1", "1", "--slave-serve-stale-data", "no"]
        if self.auth:
            args += ["--requirepass", self.auth, "--masterauth", self.auth]
        p = self.spawn("server-%d" % n, args + list(extra))
        p.addr, p.port, p.number = addr, port, n
        if not known:
            self.servers.append(p)
        else:
            self.servers[n - 1] = p
        if wait_for:
            wait("server %d" % n, lambda: listens(addr))
        return p

    def stop(self):
        for p in reversed(self.procs):
            if p.running():
                p.kill()
        self.zk.close()

    # --- calls -------------------------------------------------------------------------------------------------------
    @property
    def xauth(self):
        return xauth(self.product)

    def proxy_xauth(self, p):
        return xauth(self.product, self.auth, p.token)

    def topom(self):
        return http_call(self.dashboard_addr, "GET", "/topom")

    def call(self, method, action, *args, body=None, timeout=15):
        """PUT /api/topom/<action>/<xauth>/<args...>"""
        path = "/".join(["/api/topom", action, self.xauth, *[str(a) for a in args]])
        return http_call(self.dashboard_addr, method, path, body, timeout)

    def must(self, method, action, *args, **kw):
        status, answer = self.call(method, action, *args, **kw)
        if status != 200:
            raise AssertionError("%s %s: %s %s" % (method, action, status, json.dumps(answer)[:300]))
        return answer

    def proxy_call(self, p, method, action, *args, body=None, timeout=15):
        path = "/".join(["/api/proxy", action, self.proxy_xauth(p), *[str(a) for a in args]])
        return http_call(p.admin, method, path, body, timeout)

    def stats(self):
        return self.topom()[1]["stats"]

    def group(self, gid):
        return next((g for g in self.stats()["group"]["models"] if g["id"] == gid), None)

    def admin(self, *args, timeout=30):
        """Runs codis-admin: (exit code, stdout, stderr)."""
        done = subprocess.run([self.program("codis-admin"), *args], capture_output=True, text=True, timeout=timeout,
                              cwd=self.folder, check=False)
        return done.returncode, done.stdout, done.stderr

    def admin_dash(self, *args):
        return self.admin("--dashboard=" + self.dashboard_addr, *args)

    def path(self, rest):
        return "/codis3/%s/%s" % (self.product, rest)

    # --- a usual cluster -----------------------------------------------------------------------------------------------
    def build(self, proxies=2, servers=4, groups=2, assign=True, toml=""):
        """Groups of servers/groups members, replicating, all slots assigned evenly, proxies online."""
        self.start_dashboard()
        for _ in range(proxies):
            self.start_proxy(toml=toml)
        for _ in range(servers):
            self.start_server()
        each = servers // groups
        for g in range(groups):
            self.must("PUT", "group/create", g + 1)
            for s in self.servers[g * each:(g + 1) * each]:
                self.must("PUT", "group/add", g + 1, s.addr)
            for s in self.servers[g * each + 1:(g + 1) * each]:
                self.ask(s, "SLAVEOF", "127.0.0.1", self.servers[g * each].port)
        if assign:
            size = 1024 // groups
            body = [{"id": i, "group_id": min(i // size, groups - 1) + 1} for i in range(1024)]
            self.must("PUT", "slots/assign", body=body, timeout=60)
        for g in range(groups):
            for s in self.servers[g * each + 1:(g + 1) * each]:
                wait("replication", lambda s=s: self.link(s) == "up", 15)
        return self

    def ask(self, server, *args, timeout=5.0):
        addr = server.addr if hasattr(server, "addr") else server.data
        if not self.auth or not hasattr(server, "addr"):
            return resp.ask(addr, *args, timeout=timeout)
        with resp.Resp(addr, timeout) as r:
            r("AUTH", self.auth)
            return r(*args)

    def link(self, server):
        text = self.ask(server, "INFO", "replication")
        m = re.search(r"master_link_status:(\w+)", text or "")
        return m.group(1) if m else None


VOLATILE = {"start_time", "pid", "pwd", "sys", "hostname", "version", "compile", "unixtime", "start"}


def normalise(value, names, key=None):
    """Puts names for what differs from run to run; the type of a volatile value is kept as its text."""
    if isinstance(value, dict):
        return {normalise(k, names): ("<%s>" % type(v).__name__ if k in VOLATILE else normalise(v, names, k))
                for k, v in value.items() if k != "Stack"}
    if isinstance(value, (list, tuple)):
        return [normalise(v, names) for v in value]
    if isinstance(value, str):
        for volatile in sorted(names, key=len, reverse=True):
            value = value.replace(volatile, names[volatile])
        return value
    return value


def make_folder():
    return tempfile.mkdtemp(prefix="codis-contract-")


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
