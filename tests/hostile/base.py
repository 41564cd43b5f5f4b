"""What all cases share: a program under the eyes of a kubelet, the honest cluster beside the hostile ones, waiting."""
import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import tempfile
import threading
import time

from programs import BUILD, TOP, free_port, memory_mb, start, start_world, start_zookeeper, write_kubeconfig

ME, KUBELET = "127.0.0.1", "127.0.0.9"  # whoever attacks comes from ME; who asks honestly, from KUBELET
ZOOKEEPER = "127.0.0.1:2181"
# A kubelet asks every 5 s, waits 1 s, and ends a container after three answers that did not come. Here it asks oftener.
ASK_EVERY_S, ASK_TIMEOUT_S, ASK_FAILURES = 0.25, 1.0, 3
READY_S, ROLE_S, STOP_S = 30, 10, 9


class Failed(AssertionError):
    pass


def wait(what, condition, seconds, step=0.05):
    """Waits until the condition holds; returns what it gave."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"waited {seconds:g} s for {what}")
        time.sleep(step)


UNVERIFIED = ssl._create_unverified_context()


def call(port, path, body=None, tls=False, source=KUBELET, timeout=ASK_TIMEOUT_S):
    """(status, text) of one HTTP call on a connection of its own."""
    how = {"timeout": timeout, "source_address": (source, 0)}
    connection = http.client.HTTPSConnection(ME, port, context=UNVERIFIED, **how) if tls else \
        http.client.HTTPConnection(ME, port, **how)
    with contextlib.closing(connection):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection.request("POST" if body is not None else "GET", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")


def memory_limit_mb(program):
    """Of the container that runs it, in manifests/install.yaml."""
    with open(os.path.join(TOP, "manifests/install.yaml")) as f:
        behind = f.read().partition(f'command: ["{program}"]')[2]
    return int(re.search(r"limits:\s+memory: (\d+)Mi", behind).group(1))


class Program:
    """One of the three, started as its manifest does, and watched as a kubelet does until the stack ends."""

    def __init__(self, stack, name, api, *arguments, listen=False, kubeconfig=None, **how):
        self.name, self.ops = name, free_port()
        self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="codis-hostile-"))
        self.limit = float("inf") if os.environ.get("SANITIZE") else memory_limit_mb(name)
        self.port = free_port() if listen else None
        command = [os.path.join(BUILD, name), "--kubeconfig", kubeconfig or write_kubeconfig(self.folder, api.url),
                   "--ops-listen", f"{ME}:{self.ops}", *(["--listen", f"{ME}:{self.port}"] if listen else []), *arguments]
        self.process, self.lines = start(stack, self.folder, name, command, **how)
        self.row = self.worst_row = 0
        self.slowest, self.last_failure, self.most_mb = 0.0, "", 0.0
        self.ending = threading.Event()
        watcher = threading.Thread(target=self.be_kubelet, daemon=True)
        wait(f"{name} to serve /healthz", self.healthy, READY_S)
        watcher.start()
        stack.callback(watcher.join)
        stack.callback(self.ending.set)

    def get(self, path, **how):
        return call(self.ops, path, **how)

    def healthy(self):
        self.lives()
        try:
            status, text = self.get("/healthz")
        except (OSError, http.client.HTTPException) as e:
            self.last_failure = repr(e)
            return False
        self.last_failure = "" if status == 200 else f"{status} {text.strip()}"
        return status == 200

    def ready(self):
        self.lives()
        try:
            status, self.not_ready = self.get("/readyz")
        except (OSError, http.client.HTTPException) as e:
            self.not_ready = repr(e)
            return False
        return status == 200

    def until_ready(self):
        try:
            wait(f"{self.name} to be ready", self.ready, READY_S)
        except Failed as e:
            raise Failed("\n".join([f"{e}: {self.not_ready.strip()}; its last lines:", *self.lines.last(5)])) from e

    def be_kubelet(self):
        while not self.ending.wait(ASK_EVERY_S) and self.process.poll() is None:
            begin = time.monotonic()
            with contextlib.suppress(Failed, OSError, AttributeError):  # it has ended meanwhile
                ok = self.healthy()
                self.slowest = max(self.slowest, time.monotonic() - begin)
                self.row = 0 if ok else self.row + 1
                if not ok:
                    self.why = f"/healthz: {self.last_failure}"
                self.worst_row = max(self.worst_row, self.row)
                self.most_mb = memory_mb(self.process.pid, "VmHWM")

    def lives(self):
        if self.process.poll() is not None:
            raise Failed("\n".join([f"{self.name} ended with {self.process.returncode}; its last lines:",
                                    *self.lines.last(5)]))

    def check(self):
        """It lives, its kubelet is content, and its memory stays below the limit of its container."""
        self.lives()
        if self.worst_row >= ASK_FAILURES:
            raise Failed(f"{self.worst_row} times in a row no good answer from {self.why}")
        self.most_mb = memory_mb(self.process.pid, "VmHWM")
        if self.most_mb >= self.limit:
            raise Failed(f"{self.name} has used {self.most_mb:.0f} MiB; the limit of its container is {self.limit}")

    def stop(self):
        """Ends it as a kubelet does."""
        self.check()
        self.ending.set()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S)
        except Exception as e:
            raise Failed(f"{self.name} does not end after SIGTERM") from e
        if status:
            raise Failed("\n".join([f"{self.name} ended with {status} after SIGTERM", *self.lines.last(5)]))

    def note(self):
        with contextlib.suppress(OSError, AttributeError):  # it has ended
            self.most_mb = memory_mb(self.process.pid, "VmHWM")
        return f"{self.name} {self.most_mb:.0f} MiB, slowest /healthz {self.slowest * 1000:.0f} ms"


def percentiles(took):
    """Of seconds, sorted."""
    return (f"p50 {took[len(took) // 2] * 1000:.1f}, p99 {took[len(took) * 99 // 100] * 1000:.1f}, "
            f"max {took[-1] * 1000:.0f} ms")


class Asker:
    """Asks again and again, as an honest caller does, until the stack ends. ask() returns whether the answer is right."""

    def __init__(self, stack, ask, every=0.05):
        self.ask, self.every, self.took, self.failures = ask, every, [], []
        self.ending = threading.Event()
        thread = threading.Thread(target=self.run, daemon=True)
        stack.callback(thread.join)
        stack.callback(self.ending.set)
        thread.start()

    def run(self):
        while not self.ending.wait(self.every):
            begin = time.monotonic()
            try:
                if not self.ask():
                    self.failures.append("a wrong answer")
            except (OSError, ValueError, KeyError, http.client.HTTPException) as e:
                self.failures.append(f"{e!r} after {time.monotonic() - begin:.1f} s")
            self.took.append(time.monotonic() - begin)

    def check(self, least=5):
        took = len(self.took)
        wait("the honest caller to have asked", lambda: len(self.took) >= max(least, took + 1), 20)
        if self.failures:
            raise Failed(f"{len(self.failures)} of {len(self.took)} honest calls failed: {self.failures[0]}")

    def note(self):
        took = sorted(self.took)
        return f"{len(took)} honest calls, {percentiles(took)}"


class Honest:
    """The honest cluster: product bench-00 of 2 groups, each a master and its replica, whose objects are in `api`."""

    def __init__(self, stack, api):
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="codis-hostile-"))
        start_zookeeper(stack, folder, ZOOKEEPER)
        self.process, self.lines, port = start_world(stack, folder, 1, 2, ZOOKEEPER)
        api.take_from(port, "/api/v1/nodes", "/api/v1/namespaces", "/api/v1/pods", "/apis/apps/v1/statefulsets")
        self.killed = None

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def is_led(self, controller):
        controller.lives()
        try:
            return re.search(r"^bench-00/bench-00: OK,", controller.get("/status", timeout=5)[1], re.M)
        except (OSError, http.client.HTTPException):
            return False

    def lose_master(self, group=0):
        """Kills a master; the seconds until its replica has the role."""
        since, begin = self.lines.count(), time.monotonic()
        self.tell(f"kill {group}")
        self.killed = group
        if not self.lines.wait(r"^role \d+", since, ROLE_S):
            raise Failed(f"{ROLE_S} s after the honest cluster's master was killed, its replica has no role")
        return time.monotonic() - begin

    def mend(self):
        if self.killed is not None:
            self.tell(f"revive {self.killed}")
            self.killed = None


def cases_of(module):
    return [f for name, f in vars(module).items() if name.startswith("case_")]


def run(module, wanted, say):
    """(passed, failed) of a module's cases that are wanted (FILE or FILE.CASE; none: all). Each gets a stack of its own,
    the module's world, and a way to note what was seen."""
    passed = failed = 0
    with contextlib.ExitStack() as stack:
        world = None
        for case in cases_of(module):
            name = f"{module.__name__}.{case.__name__[5:]}"
            if wanted and not {module.__name__, name} & set(wanted):
                continue
            begin, why, notes = time.monotonic(), "", []
            try:
                world = world or module.World(stack)
                with contextlib.ExitStack() as own:
                    case(own, world, notes.append)
            except Exception as e:  # whatever it is, it is this case's failure, and the next one has its turn
                why = str(e) if isinstance(e, Failed) else f"{type(e).__name__}: {e}"
            passed, failed = passed + (not why), failed + bool(why)
            say(name, case.__doc__.strip(), time.monotonic() - begin, why, notes)
    return passed, failed
