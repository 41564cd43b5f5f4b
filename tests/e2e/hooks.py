"""The scripts that run in pods: what they leave behind, what they cost, and what clients see of a proxy that goes.

They are run as they stand in pods that went through the webhook, in images of two kinds: busybox' shell and tools, and
Debian's (no `timeout` there), these as the strictest Pod Security has them, with nothing to write to. Process 1 is Codis' own program, to which everything comes that a script leaves."""
import concurrent.futures
import os
import signal

import cluster
import kube
from manifests import manifest
from world import NAMESPACE, case, wait_for
from writers import Writers

KINDS = {"busybox": ("codis-image:latest", ""), "debian": ("codis-debian:latest", """
        securityContext:
          runAsNonRoot: true
          runAsUser: 65534
          readOnlyRootFilesystem: true
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
          seccompProfile: {type: RuntimeDefault}""")}
RUNS = 1000
FEW = 50
NOBODY = "127.0.0.1:1"
# A probe that takes longer than the kubelet gives it, on a machine that has much else to do: the subshell of its answer,
# redis-cli's and redis-cli itself.
KILLED_LEAVES = 3

# One after the other; prints how many failed, and in its last line what they took.
LOOP = ('n=$1; shift; i=0; f=0; while [ $i -lt $n ]; do "$@" >/dev/null 2>&1 || f=$((f + 1)); i=$((i + 1)); done; '
        'echo $f; times')
# Those that wait: so many at once.
CROWD = ('n=$1; shift; i=0; while [ $i -lt $n ]; do j=0; while [ $j -lt $((n < 100 ? n : 100)) ]; do '
         '"$@" >/dev/null 2>&1 & j=$((j + 1)); done; wait; i=$((i + j)); done; echo 0; times')


class Pod:
    """A pod of this kind, which has one container."""

    def __init__(self, w, namespace, name):
        self.w, self.namespace, self.name = w, namespace, name
        self.spec = w.pod(name, namespace)["spec"]["containers"][0]
        self.container = self.spec["name"]

    @property
    def target(self):
        return f"{self.namespace}/{self.name}/{self.container}"

    @property
    def address(self):
        return self.w.pod(self.name, self.namespace)["status"]["podIP"]

    def words(self, *path):
        found = self.spec
        for name in path:
            found = found[name]
        return found["exec"]["command"]

    def run(self, loop, count, words, **env):
        """(how many failed, milliseconds of CPU of each) of so many runs."""
        script = "".join(f"export {k}='{v}'; " for k, v in env.items()) + loop
        said = self.w.kube.run_in(self.namespace, self.name, "sh", "-c", script, "loop", str(count), *words,
                                  container=self.container, timeout=900).split()
        return int(said[0]), 1000 * sum(map(seconds, said[-2:])) / count

    def others(self):
        """All processes of the container but its first, with their states (Z: a zombie)."""
        proc = f"/proc/{self.w.processes(self.target)[0].pid}/root/proc"
        found = []
        for pid in filter(str.isdigit, os.listdir(proc)):
            try:
                with open(f"{proc}/{pid}/stat", encoding="utf-8", errors="replace") as f:
                    name, rest = f.read().rsplit(")", 1)
            except OSError:
                continue  # it has ended meanwhile
            if pid != "1":
                found.append(f"{name}) {rest.split()[0]}")
        return found

    def killed(self):
        """How many probes the kubelet has given up on: of such a one it kills the shell alone (webhook/hooks.c)."""
        events = self.w.kube.get(f"/api/v1/namespaces/{self.namespace}/events")["items"]
        return sum(e.get("count") or 1 for e in events if e["involvedObject"].get("name") == self.name
                   and e.get("reason") == "Unhealthy" and "timed out" in e.get("message", ""))

    def wait_alone(self):
        """Until there is process 1 alone: the kubelet's own probes come and go, what is left stays."""
        def probe():
            others = self.others()
            killed = self.killed() if others else 0
            return len(others) <= KILLED_LEAVES * killed, \
                f"{len(others)} processes beside the first of {self.target}, {killed} probes killed: {others[:5]}"
        wait_for(f"process 1 of {self.target} alone", probe, 15, every=0.05)


def seconds(text):
    """0m1.25s"""
    minutes, rest = text.rstrip("s").split("m")
    return 60 * int(minutes) + float(rest)


class Bench:
    """Servers and a proxy of both kinds that no Codis has: they answer, and nobody gives them a role or takes them away."""

    def __init__(self, w):
        self.w = w
        self.pods = {}

    def __enter__(self):
        for kind, (image, security) in KINDS.items():
            text = "\n---\n".join([
                manifest("codis", "plain", "codis-config.yaml"),
                manifest("codis", "plain", "codis-server.yaml").replace("replicas: 4", "replicas: 2"),
                manifest("codis", "plain", "codis-proxy.yaml").replace("replicas: 2", "replicas: 1").replace(
                    "        - --dashboard\n        - $(DASHBOARD_ADDR)\n", "")])
            assert "- --dashboard" not in text and "replicas: 4" not in text
            self.w.make_codis(f"hooks-{kind}", text.replace("codis-image:latest", image + security))
        for kind in KINDS:
            self.pods[kind] = self.find(f"hooks-{kind}")
        return self

    def __exit__(self, *_):
        for kind in KINDS:
            self.w.kube.kubectl("delete", "pods", "--all", "-n", f"hooks-{kind}", "--grace-period=1", "--wait=false")
            self.w.remove_codis(f"hooks-{kind}")

    def find(self, namespace):
        def probe():
            pods = self.w.kube.pods(namespace)
            run = [p for p in pods if all("running" in c["state"] for c in p["status"].get("containerStatuses", [{"state": {}}]))]
            return len(run) == 3, f"{len(run)} of {len(pods)} pods run"
        wait_for(f"the pods of {namespace}", probe, 60)
        proxy = next(p["metadata"]["name"] for p in self.w.kube.pods(namespace, "app=codis-proxy"))
        return [Pod(self.w, namespace, name) for name in ("codis-server-0", "codis-server-1", proxy)]

    def dashboard_stop(self):
        return Pod(self.w, NAMESPACE, "codis-dashboard-0").words("lifecycle", "preStop")

    def each(self):
        """(kind, its two servers, its proxy)"""
        return ((kind, *pods) for kind, pods in self.pods.items())


def run_all(w, jobs):
    """Side by side; each is (what, pod, arguments of Pod.run), and its answer is told. Returns the failures by name."""
    for _, pod, *_ in jobs:
        pod.wait_alone()
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        running = [(what, pool.submit(pod.run, *args, **env)) for what, pod, args, env in jobs]
    failed = {}
    for what, future in running:
        failed[what], cpu = future.result()
        w.note(f"{what}: {cpu:.1f} ms of CPU each, {failed[what]} failed")
    for _, pod, *_ in jobs:
        pod.wait_alone()
    return failed


@case
def nothing_left(w):
    """1,000 of each probe and hook, in images of both kinds, with redis-cli and without: no process is left behind."""
    with Bench(w) as bench:
        jobs = []
        for kind, server, other, proxy in bench.each():
            blind = {"PATH": "/bin"}  # the tools, without redis-cli and codis-admin
            probe, start, stop = (server.words(*path) for path in (("readinessProbe",), ("lifecycle", "postStart"),
                                                                    ("lifecycle", "preStop")))
            jobs += [(f"{kind}, redis-cli alone", server, (LOOP, FEW, ("redis-cli", "info", "replication")), {}),
                     (f"{kind}, probe of a server", server, (LOOP, RUNS, probe), {}),
                     (f"{kind}, postStart of a server", server, (LOOP, RUNS, start), {}),
                     (f"{kind}, preStop of a server", server, (LOOP, RUNS, stop), {}),
                     (f"{kind}, probe of a server without redis-cli", server, (LOOP, RUNS, probe), blind),
                     (f"{kind}, postStart of a server without redis-cli", server, (LOOP, RUNS, start), blind),
                     (f"{kind}, preStop of a server without redis-cli", server, (CROWD, RUNS, stop), blind)]
            probe, stop = proxy.words("readinessProbe"), proxy.words("lifecycle", "preStop")
            jobs += [(f"{kind}, codis-admin alone", proxy, (LOOP, FEW, ("codis-admin", f"--dashboard={NOBODY}", "--shutdown")), {}),
                     (f"{kind}, probe of a proxy", proxy, (LOOP, RUNS, probe), {}),
                     (f"{kind}, probe of a proxy without redis-cli", proxy, (LOOP, RUNS, probe), blind),
                     (f"{kind}, codis-admin after 3 s, 100 at once", other,
                      (CROWD, RUNS, ("sh", "-c", f"sleep 3; exec codis-admin --dashboard={NOBODY} --shutdown")), {}),
                     # where nobody is connected to a proxy, and process 1 is none
                     (f"{kind}, preStop of a proxy", other, (CROWD, RUNS, stop), {"DASHBOARD_ADDR": NOBODY, "POD_IP": NOBODY}),
                     (f"{kind}, preStop of a dashboard", proxy, (LOOP, RUNS, bench.dashboard_stop()), {"POD_IP": server.address})]
        failed = run_all(w, jobs)
    for kind in KINDS:  # a guarded server is not ready, nor is a proxy that is in no dashboard; what cannot be asked is
        expected = {f"{kind}, probe of a server": RUNS, f"{kind}, probe of a proxy": RUNS, f"{kind}, codis-admin alone": FEW}
        wrong = {what: n for what, n in failed.items() if what.startswith(kind) and n != expected.get(what, 0)}
        assert not wrong, f"not as often as expected: {wrong}"


@case
def nothing_left_of_hung(w):
    """Of a server, a proxy and a dashboard that hang: each script ends by itself, and nothing is left behind."""
    with Bench(w) as bench:
        jobs, stopped = [], []
        for kind, server, hung, proxy in bench.each():
            stopped += [hung.target, proxy.target]
            hung.wait_alone()
            proxy.wait_alone()
            jobs += [(f"{kind}, probe of a hung server", hung, (CROWD, FEW, hung.words("readinessProbe")), {}),
                     (f"{kind}, postStart of a hung server", hung, (CROWD, FEW, hung.words("lifecycle", "postStart")), {}),
                     (f"{kind}, preStop of a hung server", hung, (CROWD, FEW, hung.words("lifecycle", "preStop")), {}),
                     (f"{kind}, probe of a hung proxy", proxy, (CROWD, FEW, proxy.words("readinessProbe")), {}),
                     (f"{kind}, preStop of a proxy, with a hung dashboard", server, (CROWD, FEW, proxy.words("lifecycle", "preStop")),
                      {"DASHBOARD_ADDR": f"{proxy.address}:11080", "POD_IP": server.address}),
                     (f"{kind}, preStop of a hung dashboard", server, (CROWD, FEW, bench.dashboard_stop()),
                      {"POD_IP": f"{proxy.address}:11080#"})]  # whose own port is cut off as a fragment
        processes = w.processes(*stopped)
        cluster.send_all(processes, signal.SIGSTOP)
        try:
            run_all(w, jobs)
        finally:
            cluster.send_all(processes, signal.SIGCONT)


PROXIES = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/codis-proxy"


def ready_proxies(w):
    return [p for p in w.codis.pods("codis-proxy") if kube.is_ready(p)]


def drain_oldest(w):
    """Deletes the proxy that is oldest, waits until it is gone and two are ready. Returns how long it took to go."""
    wait_for("two proxies", lambda: (len(ready_proxies(w)) == 2, f"{len(ready_proxies(w))} are ready"), 60, every=0.1)
    pod = min(ready_proxies(w), key=lambda p: p["metadata"]["creationTimestamp"])
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}"
    w.delete_pod(pod["metadata"]["name"])
    # A kubelet takes it away behind its housekeeping, which waits for the kernel to remove cgroups: 43 s were seen.
    return wait_for("the end of a proxy", lambda: (not w.kube.find(path), "there"), 120, every=0.1)


@case
def proxies_drained(w):
    """Proxies that go, one after the other: no client is answered with an error, whether it stays connected or not."""
    clients = {keep: Writers(w.kube, NAMESPACE, name=f"codis-writers-{keep}") for keep in (0, 20)}
    try:
        for keep, writers in clients.items():
            writers.start(writers=8, rate=100, keep=keep)
        took = [drain_oldest(w) for _ in range(4)]
        w.wait_whole()
        said = {keep: writers.status() for keep, writers in clients.items()}
    finally:
        for writers in clients.values():
            writers.stop()
    w.note(f"gone after {', '.join(f'{t:.0f}' for t in took)} s")
    for keep, status in said.items():
        w.note(f"{f'{keep} writes a connection' if keep else 'clients that stay'}: {status['acknowledged']} acknowledged, "
               f"{status['errors'] or 'no error'}")
    answered = [text for status in said.values() for text in status["errors"] if text.startswith("ERR")]
    assert not answered, answered
