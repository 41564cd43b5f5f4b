"""Programs of a test on this machine alone: in a network of their own, with their lines, their use of memory and of CPU."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
MOVED = "CODIS_TEST_NAMESPACE"


def into_namespace(*more):
    """Runs this program again in a network namespace and a session of its own; more: other namespaces, as unshare has them."""
    if os.environ.get(MOVED):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ[MOVED] = "1"
    flags = ["-n"] if os.geteuid() == 0 else ["-r", "-n"]
    again = subprocess.Popen(["unshare", *flags, *more, sys.executable, *sys.argv], start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_: again.terminate())
    try:
        sys.exit(again.wait())
    except KeyboardInterrupt:
        again.terminate()
        sys.exit(again.wait())


@contextlib.contextmanager
def ahead(pid):
    """Meanwhile the process and this thread, which asks it, go before what else runs on the machine, where that is allowed:
    a process that had the core when a request came would be seen, and not who answers. Not for full load, where it would
    not let go."""
    def schedule(policy, priority):
        with contextlib.suppress(OSError):
            for task in [0, *map(int, os.listdir(f"/proc/{pid}/task"))]:
                os.sched_setscheduler(task, policy, os.sched_param(priority))

    schedule(os.SCHED_RR, 1)
    try:
        yield
    finally:
        schedule(os.SCHED_OTHER, 0)


class Lines:
    """A process' lines, each with the time when it came (monotonic, microseconds), and a way to wait for one."""

    def __init__(self, stream, log):
        self.got, self.changed = [], threading.Condition()
        self.stream, self.log = stream, log
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.stream:
            now = time.monotonic_ns() / 1000
            with contextlib.suppress(ValueError):  # the test is over
                self.log.write(line)
            with self.changed:
                self.got.append((now, line.rstrip("\n")))
                self.changed.notify_all()
        with self.changed:
            self.got.append((0, None))  # it has ended
            self.changed.notify_all()

    def count(self):
        with self.changed:
            return len(self.got)

    def last(self, n):
        with self.changed:
            return [line for _, line in self.got[-n - 1:] if line is not None][-n:]

    def wait(self, pattern, since, seconds):
        """(time, match) of the first line behind `since` that holds the pattern, or None."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for at, line in self.got[since:]:
                    found = line is not None and re.search(pattern, line)
                    if found:
                        return at, found
                since = len(self.got)
                left = end - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    return None


GIVEN = set()


def free_port():
    """One that was not given before: the kernel may name a port twice that nobody has taken meanwhile."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


def start(stack, folder, name, command, **how):
    """(process, its lines). Ends with the stack."""
    log = stack.enter_context(open(os.path.join(folder, name + ".log"), "w", buffering=1))
    if "stdout" in how:
        process = subprocess.Popen(command, stderr=log, **how)
        lines = None
    else:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   stdin=subprocess.PIPE, text=True, errors="replace", bufsize=1, **how)
        lines = Lines(process.stdout, log)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process, lines


def start_zookeeper(stack, folder, address):
    host, port = address.rsplit(":", 1)
    config = os.path.join(folder, "zoo.cfg")
    with open(config, "w") as f:
        f.write(f"tickTime=500\ndataDir={folder}/zk\nclientPort={port}\nclientPortAddress={host}\n"
                "maxClientCnxns=0\nadmin.enableServer=false\n")
    return start(stack, folder, "zookeeper", ["java", "-Xmx256m", "-cp", "/usr/share/java/*",
                                              "org.apache.zookeeper.server.quorum.QuorumPeerMain", config],
                 stdout=subprocess.DEVNULL)[0]


def start_world(stack, folder, products, groups, zookeeper, seconds=40):
    """controller-world: (process, its lines, the port of its API server)."""
    world, said = start(stack, folder, "world", [os.path.join(BUILD, "controller-world"), str(products), str(groups),
                                                 zookeeper], cwd=TOP)
    ready = said.wait(r"^api (\d+)", 0, seconds)
    if not ready:
        sys.exit("the world did not come up: " + "\n".join(said.last(20)))
    return world, said, int(ready[1].group(1))


def write_kubeconfig(folder, url, cluster="", user=""):
    """The file's name. cluster, user: more of their members, in YAML."""
    config = os.path.join(folder, "kubeconfig")
    with open(config, "w") as f:
        f.write(f"apiVersion: v1\nkind: Config\ncurrent-context: test\n"
                f"clusters: [{{name: test, cluster: {{server: '{url}'{cluster}}}}}]\n"
                f"users: [{{name: test, user: {{{user}}}}}]\n"
                f"contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n")
    return config


def make_certificate(folder):
    """tls.crt and tls.key of codis-webhook, on this machine."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3",
                    "-keyout", "tls.key", "-out", "tls.crt", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,DNS:codis-webhook.codis-system.svc,IP:127.0.0.1"],
                   cwd=folder, check=True, stderr=subprocess.DEVNULL)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid, what="VmRSS"):
    """VmRSS: now; VmHWM: the most that it had."""
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(what + r":\s+(\d+)", f.read()).group(1)) / 1024
