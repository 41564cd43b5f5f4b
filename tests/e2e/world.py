"""What all cases share: the cluster with codis-k8s installed, a plain Codis on it, and writers when they are wanted."""
import concurrent.futures
import json
import os
import shutil
import signal
import time

import cluster
from codis import SYSTEM, Codis, controller_status, status_line, wait_system
from manifests import manifest, manifests_of
from say import Timeout, say, wait_for  # noqa: F401 (cases import them from here)
from writers import Writers, verdict

TOP = cluster.TOP
LOGS = os.path.join(TOP, "build", "e2e-logs")
NODES = 4
NAMESPACE = "codis"
SERVERS = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/codis-server"


def case(function):
    """Marks a case; its sentence says what is expected, its order in the file is the order of running."""
    function.is_case = True
    return function


def cases_of(module):
    return [f for f in vars(module).values() if getattr(f, "is_case", False)]


class World:
    def __init__(self, name="e2e", logs=LOGS, manifests="plain"):
        self.cluster = cluster.Cluster(os.environ.get("CLUSTER_NAME", name))
        self.logs = logs
        self.manifests = manifests
        self.kube = self.codis = None
        self.notes = []
        self.writers = None

    # --- the cluster -----------------------------------------------------------------------------------------------

    def start(self):
        shutil.rmtree(self.logs, ignore_errors=True)
        self.kube = self.cluster.begin(NODES, os.environ.get("IMAGES", os.path.join(TOP, "build", "images")))
        self.codis = Codis(self.kube, NAMESPACE)
        begin = time.monotonic()
        self.kube.apply(manifest("install.yaml"))
        self.wait_system()
        say(f"codis-system is ready after {time.monotonic() - begin:.0f} s")
        begin = time.monotonic()
        self.make_codis(NAMESPACE, manifests_of(self.manifests))
        self.wait_whole(180)
        say(f"the {self.manifests} Codis is whole after {time.monotonic() - begin:.0f} s")

    def stop(self):
        if self.kube:
            self.kube.close()
        try:
            self.cluster.run("stop")
        except cluster.Failed as e:
            say(f"the cluster does not stop: {e}")

    def wait_system(self, limit=120):
        return wait_system(self.kube, limit)

    def wait_admission(self, limit=60):
        """Until the API server gets answers from the webhook over all of its connections; returns the seconds. A node that
        lost its power has left it connections to nobody, and each costs one call 3 s, the webhook's time limit, before a
        new one is made. Calls at once take one connection each."""
        pod = {"metadata": {"labels": {"app": "codis-server"}}, "spec": {"containers": [
            {"name": "codis-server", "image": "codis-image:latest", "command": ["codis-server"]}]}}
        body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "admission"},
                "spec": {"serviceName": "x", "replicas": 2, "selector": {"matchLabels": pod["metadata"]["labels"]},
                         "template": pod}}

        def ask(_):
            status, text = self.kube.request("POST", "/apis/apps/v1/namespaces/default/statefulsets?dryRun=All", body)
            return "" if status == 201 else text

        def probe():
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                wrong = [text for text in pool.map(ask, range(16)) if text]
            return not wrong, f"{len(wrong)} of 16 calls failed: {wrong[:1]}"
        return wait_for("admission", probe, limit)

    # --- Codis -----------------------------------------------------------------------------------------------------

    def make_codis(self, namespace, text):
        self.kube.kubectl("create", "namespace", namespace)
        self.kube.apply(text, namespace)

    def remove_codis(self, namespace):
        self.kube.kubectl("delete", "namespace", namespace, "--timeout=120s", timeout=150)

    def make_anew(self):
        self.remove_codis(NAMESPACE)
        self.make_codis(NAMESPACE, manifests_of(self.manifests))
        self.wait_whole(180)

    def wait_whole(self, limit=60, codis=None, **expected):
        return (codis or self.codis).wait_whole(limit, **expected)

    def wait_group(self, gid, limit=60, codis=None):
        def probe():
            why = (codis or self.codis).group_trouble(gid)
            return not why, why
        return wait_for(f"group {gid}", probe, limit, every=0.1)

    def wait_moved(self, gid, old, limit=60):
        """Until the group is two in sync under a process that is not the old master's."""
        def probe():
            why = self.codis.group_trouble(gid)
            if why:
                return False, why
            return self.codis.master(gid).info["run_id"] != old.info["run_id"], f"{old.pod} still leads"
        seconds = wait_for(f"group {gid}", probe, limit, every=0.1)
        self.note(f"two in sync after {seconds:.1f} s, {self.codis.master(gid).pod} leads")

    def resizes_pods(self):
        """From Kubernetes 1.33 on pods have a subresource resize."""
        return any(r["name"] == "pods/resize" for r in self.kube.get("/api/v1")["resources"])

    def pod(self, name, namespace=NAMESPACE):
        return self.kube.get(f"/api/v1/namespaces/{namespace}/pods/{name}")

    def delete_pod(self, name, namespace=NAMESPACE, grace=None):
        self.kube.delete(f"/api/v1/namespaces/{namespace}/pods/{name}", grace)

    def processes(self, *targets):
        """The processes 1 of "pod/container"s or "namespace/pod/container"s."""
        found = []
        for target in targets:
            *where, name, container = target.split("/")
            found.append((name, container, where[0] if where else NAMESPACE))
        deadline = time.monotonic() + 10
        while True:
            try:
                return cluster.main_processes([(self.pod(n, ns), c) for n, c, ns in found])
            except RuntimeError:  # what the kubelet has told is a moment behind what runs
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def kill(self, *targets, signal_number=signal.SIGKILL):
        """kill -9 (or another signal) of such processes, all at once. Returns when, in microseconds of wall time."""
        return cluster.send_all(self.processes(*targets), signal_number)

    def restarts(self, name, namespace=NAMESPACE):
        return sum(c["restartCount"] for c in self.pod(name, namespace)["status"]["containerStatuses"])

    def status_line(self, namespace=NAMESPACE):
        return status_line(self.kube, namespace)

    def leader(self):
        """The controller's pod that holds the Lease."""
        lease = self.kube.get(f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/codis-controller")
        return lease["spec"]["holderIdentity"].split("_")[0]

    # --- writers ---------------------------------------------------------------------------------------------------

    def start_writers(self, **how):
        self.writers = Writers(self.kube, NAMESPACE)
        self.writers.start(**how)
        time.sleep(2)  # writes to lose
        return self.writers

    def assert_nothing_lost(self):
        """Reads all back; tells outage and losses of each fault. Returns the report."""
        report = self.writers.report()
        for f in report["faults"]:
            begun = (f["outage_begin_us"] - f["at_us"]) / 1000
            self.note(f"outage {f['outage_us'] / 1000:.0f} ms (from {begun:+.0f} ms on); missing {f['missing_before'] + f['missing_after']}, "
                      f"and {f['missing_tail']} of the last 50 ms; {report['acknowledged']} acknowledged")
        self.writers.stop()
        self.writers = None
        why = verdict(report)
        assert not why, f"{why}: {json.dumps(report)}"
        return report

    # --- cases -----------------------------------------------------------------------------------------------------

    def acknowledge_losses(self):
        """What an earlier case has lost on purpose is no trouble of the next one."""
        if self.kube.find(SERVERS):
            self.kube.merge(SERVERS, {"metadata": {"annotations": {"codis.io/data-lost": None}}})

    def note(self, text):
        self.notes.append(text)

    def before_case(self):
        """Each begins with everything healthy; the time that an earlier one still needs is not its own."""
        for node in self.kube.nodes():
            if node["spec"].get("unschedulable"):
                self.kube.cordon(node["metadata"]["name"], False)
        try:
            self.wait_system(60)
            self.wait_admission()
            self.acknowledge_losses()
            self.wait_whole(90)
        except Timeout as e:
            self.note(f"begun anew, since an earlier case has left it ill: {e}")
            self.dump("ill")
            self.make_anew()

    def after_case(self):
        if self.writers:
            try:
                self.writers.stop()
            except (OSError, RuntimeError, Timeout):
                pass  # the next one notices
            self.writers = None

    def dump(self, name):
        """Writes down what can be known now; returns the lines that are worth seeing at once."""
        folder = os.path.join(self.logs, name)
        os.makedirs(folder, exist_ok=True)
        if not self.kube:
            return [f"see {folder}"]
        commands = {"pods": ["get", "pods", "-A", "-o", "wide"], "pods.json": ["get", "pods", "-A", "-o", "json"],
                    "events": ["get", "events", "-A", "--sort-by=.lastTimestamp"], "nodes": ["get", "nodes"],
                    "decisions": ["get", "configmap", "-n", SYSTEM, "codis-decisions", "-o", "jsonpath={.data.decisions}"]}
        for pod in self.kube.pods(SYSTEM) + self.codis.pods():
            where, pod_name = pod["metadata"]["namespace"], pod["metadata"]["name"]
            for container in pod["spec"]["containers"]:
                of = f"{pod_name}.{container['name']}"
                commands[of + ".log"] = ["logs", "-n", where, pod_name, "-c", container["name"], "--tail=2000"]
                commands[of + ".before.log"] = commands[of + ".log"] + ["-p"]
        for file, command in commands.items():
            done = self.kube.kubectl(*command, check=False)
            if done.stdout:
                with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
                    f.write(done.stdout)
        for file, ask in (("topom.json", self.codis.topom), ("status.json", lambda: controller_status(self.kube))):
            try:
                with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
                    json.dump(ask(), f, indent=1)
            except (OSError, RuntimeError, ValueError):
                pass
        return self.tail(folder)

    def tail(self, folder):
        lines = []
        try:
            lines += self.codis.topology()
            with open(os.path.join(folder, self.leader() + ".controller.log"), encoding="utf-8") as f:
                lines += [line[:200] for line in f.read().splitlines() if "event=status " not in line][-10:]
        except (OSError, RuntimeError, ValueError, KeyError):
            pass
        return lines + [f"see {os.path.relpath(folder, TOP)}"]
