"""A real etcd, API server and kube-scheduler without nodes, beside our programs: everything about placing pods but kubelets."""
import base64
import collections
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests", folder) for folder in ("driver", "hostile", "webhook", "bench/webhook")]

from api import Api  # noqa: E402
from base import Failed, Program, call, free_port, wait  # noqa: E402
from changes import patched  # noqa: E402
from programs import make_certificate, start, write_kubeconfig  # noqa: E402
import reviews  # noqa: E402

KUBE = os.environ.get("KUBE_BIN_DIR", os.path.expanduser("~/.cache/codis-k8s/kube-v1.35.4"))
OTHER = os.environ.get("KUBE_OTHER_DIR", "")
TOKEN, WRITERS, READY_S, PLACED_S = "bench", 8, 120, 900
IDLE_S = 30  # the server closes a connection that is idle for long
SCHEDULER = "codis-scheduler"


def program(name):
    """Where it is: of another version, if there is one."""
    other = os.path.join(OTHER, name)
    return other if OTHER and os.path.exists(other) else os.path.join(KUBE, name)


def version_of(name):
    """As the program says itself: v1.35.4."""
    return subprocess.run([program(name), "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]


def need_kube():
    for name in ("etcd", "kube-apiserver", "kube-scheduler", "kubectl"):
        if not os.path.exists(program(name)):
            sys.exit(f"{program(name)} is missing: tests/cluster/cluster build makes it")
    if OTHER and not any(os.path.exists(os.path.join(OTHER, name)) for name in ("kube-apiserver", "kube-scheduler")):
        sys.exit(f"{OTHER} has neither kube-apiserver nor kube-scheduler: tests/scheduler/build makes them")


class Kube:
    """etcd and an API server that lets everybody do everything."""

    def __init__(self, stack, folder):
        self.port, self.local = free_port(), threading.local()
        store, peers = free_port(), free_port()
        # As kubeadm has it: without it an API server before 1.31 has no bookmarks for what does not change.
        start(stack, folder, "etcd", [program("etcd"), "--watch-progress-notify-interval", "5s", "--data-dir", f"{folder}/etcd", "--unsafe-no-fsync", "--log-level", "warn",
                                      "--listen-client-urls", f"http://127.0.0.1:{store}", "--advertise-client-urls",
                                      f"http://127.0.0.1:{store}", "--listen-peer-urls", f"http://127.0.0.1:{peers}",
                                      "--quota-backend-bytes", "4294967296"])
        with open(f"{folder}/tokens.csv", "w") as f:
            f.write(f"{TOKEN},bench,bench,system:masters\n")
        subprocess.run(["openssl", "genrsa", "-out", f"{folder}/accounts.key", "2048"], check=True, stderr=subprocess.DEVNULL)
        self.process, self.lines = start(stack, folder, "kube-apiserver", [
            program("kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{store}", "--bind-address=127.0.0.1",
            f"--secure-port={self.port}", f"--cert-dir={folder}/certs", f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=AlwaysAllow", "--service-account-issuer=https://bench",
            f"--service-account-key-file={folder}/accounts.key", f"--service-account-signing-key-file={folder}/accounts.key",
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition", "--service-cluster-ip-range=10.0.0.0/24",
            "--advertise-address=10.9.9.9", "--endpoint-reconciler-type=none",
            "--max-requests-inflight=2000", "--max-mutating-requests-inflight=2000"])
        self.config = write_kubeconfig(folder, f"https://127.0.0.1:{self.port}", ", insecure-skip-tls-verify: true",
                                       f"token: {TOKEN}")
        wait("the API server", self.ready, READY_S)

    def ready(self):
        if self.process.poll() is not None:
            raise Failed("the API server ended: " + "\n".join(self.lines.last(5)))
        with contextlib.suppress(OSError, Failed, http.client.HTTPException):
            return self.ask("GET", "/readyz") == "ok"
        return False

    def ask(self, method, path, body=None):
        """The answer: JSON, or text where it is none. One connection a thread. A patch is a merge patch."""
        if getattr(self.local, "connection", None) is None or time.monotonic() - self.local.used > IDLE_S:
            self.local.connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=120,
                                                                context=ssl._create_unverified_context())
        try:
            self.local.connection.request(method, path, json.dumps(body) if body else None,
                                          {"Authorization": f"Bearer {TOKEN}", "Content-Type":
                                           f"application/{'merge-patch+' if method == 'PATCH' else ''}json"})
            answer = self.local.connection.getresponse()
            text = answer.read().decode()
            self.local.used = time.monotonic()
        except (OSError, http.client.HTTPException):
            self.local.connection.close()
            self.local.connection = None
            raise
        if answer.status >= 300:
            raise Failed(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if text.startswith("{") else text

    def kubectl(self, *words):
        done = subprocess.run([program("kubectl"), "--kubeconfig", self.config, *words], capture_output=True, text=True)
        if done.returncode:
            raise Failed(done.stderr.strip())

    def make(self, path, objects):
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda o: self.ask("POST", path, o), objects))

    def waiting(self):
        """How many pods have no node."""
        page = self.ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3D&limit=1")
        return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)

    def places(self):
        """The node of each pod by name."""
        found, more = {}, ""
        while more is not None:
            page = self.ask("GET", f"/api/v1/namespaces/default/pods?limit=500&continue={more}")
            found.update((p["metadata"]["name"], p["spec"].get("nodeName")) for p in page["items"])
            more = page["metadata"].get("continue")
        return found

    def clear(self):
        self.ask("DELETE", "/api/v1/namespaces/default/pods?gracePeriodSeconds=0")
        wait("no pods", lambda: not self.ask("GET", "/api/v1/namespaces/default/pods?limit=1")["items"], PLACED_S)


def node(i):
    size = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    return {"metadata": {"name": f"ip-10-0-{i // 250}-{i % 250}.eu-central-1.compute.internal", "labels": {
                "kubernetes.io/hostname": f"ip-{i}", "topology.kubernetes.io/zone": f"eu-central-1{'abc'[i % 3]}",
                "topology.kubernetes.io/region": "eu-central-1", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": "m6i.4xlarge"}},
            "status": {"capacity": size, "allocatable": size, "conditions": [
                {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastHeartbeatTime":
                 "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}


def pods_of(stack, count, *options):
    """The pods of a StatefulSet of so many servers as codis-webhook leaves them; options: more of its own."""
    api = Api()
    stack.callback(api.stop)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="codis-bench-"))
    make_certificate(folder)
    webhook = Program(stack, "codis-webhook", api, "--cert-file", f"{folder}/tls.crt", "--key-file", f"{folder}/tls.key",
                      *options, listen=True)
    webhook.until_ready()
    text = reviews.review(False)
    name = json.loads(text)["request"]["object"]["metadata"]["name"]
    pods = []
    for i in range(count):
        review = json.loads(re.sub(rf"\b{name}\b", name.rpartition("-")[0] + f"-{i}", text))
        response = json.loads(call(webhook.port, "/mutate", review, tls=True, timeout=10)[1])["response"]
        pod = patched(review["request"]["object"], json.loads(base64.b64decode(response["patch"])))
        for volatile in ("uid", "managedFields", "creationTimestamp", "resourceVersion"):
            pod["metadata"].pop(volatile, None)
        pod["metadata"]["namespace"] = "default"
        pod.pop("status", None)
        spec = pod["spec"]
        spec.pop("volumes", None)
        for container in spec["containers"]:
            container.pop("volumeMounts", None)
            container["resources"] = {"requests": {"cpu": "100m", "memory": "256Mi"}}
        for unknown in ("serviceAccountName", "serviceAccount", "nodeName", "priorityClassName"):
            spec.pop(unknown, None)
        pods.append(pod)
    webhook.stop()
    return pods


def as_setup(pod, rule, scheduler=SCHEDULER):
    """A pod with or without the rule, for this scheduler."""
    pod = json.loads(json.dumps(pod))
    pod["spec"]["schedulerName"] = scheduler
    if not rule:
        pod["spec"].pop("affinity", None)
        pod["metadata"].setdefault("annotations", {})["codis.io/anti-affinity"] = "extender"
    return pod


def shipped_sample():
    """What manifests/system/20-scheduler.yaml says of how many nodes are looked at."""
    return re.search(r"^    (percentageOfNodesToScore:.*\n)", of_scheduler(), re.M).group(1)


def of_scheduler():
    with open(os.path.join(TOP, "manifests/system/20-scheduler.yaml")) as f:
        return f.read()


def shipped(port):
    """That, and what it says of extenders."""
    lines = re.search(r"^    extenders:\n(?:    .*\n)+", of_scheduler(), re.M).group(0).splitlines(True)
    return shipped_sample() + "".join(line[4:] for line in lines).replace("http://127.0.0.1:9080", f"http://127.0.0.1:{port}")


def shipped_whole(kube, port):
    """All that it says of its scheduler."""
    text = re.search(r"^  config\.yaml: \|\n((?:    .*\n)+)", of_scheduler(), re.M).group(1)
    text = re.sub(r"^    ", "", text, flags=re.M).replace("http://127.0.0.1:9080", f"http://127.0.0.1:{port}")
    return text.replace("clientConnection:\n", f"clientConnection:\n  kubeconfig: {kube.config}\n")


def for_main(kube, port):
    """What manifests/examples has for the cluster's main scheduler, whole."""
    with open(os.path.join(TOP, "manifests/examples/main-scheduler-configuration.yaml")) as f:
        text = f.read()
    for is_, here in (("http://127.0.0.1:9080", f"http://127.0.0.1:{port}"), ("/etc/kubernetes/scheduler.conf", kube.config)):
        if is_ not in text:
            raise Failed(f"the example has no {is_}")
        text = text.replace(is_, here)
    return text


def for_one(kube, name, more=""):
    """Of a scheduler of this name; more: of its configuration."""
    return ("apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
            f"leaderElection: {{leaderElect: false}}\nclientConnection: {{kubeconfig: {kube.config}, qps: 5000, burst: 5000}}\n"
            f"profiles: [{{schedulerName: {name}}}]\n{more}")


def allowed():
    """What manifests/system/20-scheduler.yaml lets anybody ask its scheduler."""
    return re.search(r"--authorization-always-allow-paths=\S+", of_scheduler()).group(0)


class Scheduler:
    def __init__(self, stack, configuration, port=None, until="/readyz"):
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="codis-bench-"))
        port = self.port = port or free_port()
        with open(f"{folder}/config.yaml", "w") as f:
            f.write(configuration)
        self.process, self.lines = start(stack, folder, "kube-scheduler", [
            program("kube-scheduler"), f"--config={folder}/config.yaml", f"--secure-port={port}", "--bind-address=127.0.0.1",
            allowed(), f"--cert-dir={folder}"])

        def ready():
            if self.process.poll() is not None:
                raise Failed("kube-scheduler ended: " + "\n".join(self.lines.last(5)))
            with contextlib.suppress(OSError, http.client.HTTPException):
                status = call(port, until, tls=True)[0]
                return status == 200 or (status == 404 and call(port, "/healthz", tls=True)[0] == 200)  # before 1.31
            return False
        wait("kube-scheduler", ready, READY_S)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def start_extender(stack, kube, *options):
    extender = Program(stack, "codis-extender", None, *options, listen=True, kubeconfig=kube.config)
    wait("codis-extender to be ready", extender.ready, READY_S)
    return extender


def shared(places):
    """Groups of which two members stand on one node."""
    groups = collections.defaultdict(list)
    for name, its in places.items():
        groups[int(name.rpartition("-")[2]) // 2].append(its)
    return sum(len(set(nodes)) < len(nodes) for nodes in groups.values())
