"""The demo: a plain Codis on a Kubernetes, writers, and what the death of a master costs them. `demo` is its front."""
import os
import re
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "driver"))
sys.dont_write_bytecode = True

import cluster  # noqa: E402
import codis  # noqa: E402
import kube  # noqa: E402
from manifests import manifest, manifests_of  # noqa: E402
from say import Timeout, say, wait_for  # noqa: E402
from tour import tour  # noqa: E402
from writers import Writers, verdict  # noqa: E402

NAMESPACE = "codis-demo"
INSTALLED = "codis.io/demo-installed"  # on our namespace: the demo has installed codis-system too
NODES = 4
GROUPS = 2


class Refused(Exception):
    """Why the demo cannot be run, in one sentence."""


class Local:
    """A cluster of our own on this machine; the fault is kill -9 of a master's process."""
    direct = True
    image = "codis-image:latest"
    fault = "kill -9 of"

    def __init__(self):
        self.cluster = cluster.Cluster(os.environ["CLUSTER_NAME"])
        sudo = "sudo " if "SUDO_UID" in os.environ else ""
        name = "" if self.cluster.name == "demo" else f" CLUSTER_NAME={self.cluster.name}"
        self.undo = f"{sudo}make demo-down{name}"

    def open(self):
        say(f"Starting a Kubernetes of {NODES} nodes on this machine")
        self.kube = self.cluster.begin(NODES, os.environ["IMAGES"], quiet=False)

    def system(self):
        return manifest("install.yaml")

    def codis(self, text):
        return text

    def strike(self, writers, server):
        pod = self.kube.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{server.pod}")
        return writers.fault(cluster.kill_containers([(pod, "codis-server")]))

    def hints(self):
        return (f'Look around:  eval "$(CLUSTER_NAME={self.cluster.name} tests/cluster/cluster env)"; '
                f"kubectl -n {NAMESPACE} get pods -o wide\nEnd it:       {self.undo}")

    def down(self):
        self.cluster.run("stop", quiet=False)


class Current:
    """The cluster of KUBECONFIG; the fault is the deletion of a master's pod."""
    direct = False
    fault = "deletion of the pod"
    undo = "DEMO_CLUSTER=current make demo-down"

    def __init__(self):
        self.kube = kube.Kube()
        self.image = os.environ.get("DEMO_IMAGE", "")

    def open(self):
        self.connect()
        say(f"Using the cluster of KUBECONFIG ({self.version}), in a namespace of our own: {NAMESPACE}")
        say("A kill -9 on its nodes is not ours to send: the fault will be the deletion of a master's pod.")

    def connect(self):
        self.version = self.kube.get("/version")["gitVersion"]

    def system(self):
        """The scheduler has to be of the server's version."""
        text = manifest("install.yaml").replace("codis-k8s:latest", self.image)
        return re.sub(r"(kube-scheduler:)v[0-9.]+", r"\g<1>" + self.version.partition("+")[0], text)

    def codis(self, text):
        """One image for all, and whatever port is free in place of the stock one."""
        text = re.sub(r"^ *nodePort: .*\n", "", text, flags=re.M)
        text = re.sub(r"image: codis-zookeeper:latest", f'image: {self.image}\n        command: ["codis-zookeeper"]', text)
        return re.sub(r"image: codis-image(:latest)?$", f"image: {self.image}", text, flags=re.M)

    def strike(self, writers, server):
        at_us = writers.fault()  # by the clock of the writers' node, when they are told
        self.kube.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/{server.pod}")
        return at_us

    def hints(self):
        return f"Look around:  kubectl -n {NAMESPACE} get pods -o wide\nEnd it:       {self.undo}"

    def down(self):
        """Takes away what the demo has brought, and only if it is the demo's."""
        namespace = self.kube.find(f"/api/v1/namespaces/{NAMESPACE}")
        if not namespace:
            say(f"There is no namespace {NAMESPACE}: nothing to do")
            return
        notes = namespace["metadata"].get("annotations", {})
        if INSTALLED not in notes:
            raise Refused(f"the namespace {NAMESPACE} is not of the demo; it is left alone")
        self.connect()
        self.kube.kubectl("delete", "namespace", NAMESPACE, "--timeout=180s", timeout=200)
        say(f"The namespace {NAMESPACE} is deleted")
        if notes[INSTALLED] == "true":
            self.kube.kubectl("delete", "--ignore-not-found", "--timeout=180s", "-f", "-", text=manifest("install.yaml"),
                              timeout=200)
            say("What manifests/install.yaml had brought is deleted")


# --- steps --------------------------------------------------------------------------------------------------------------

def make_namespace(place):
    """Ours, with a note for demo-down whether codis-system comes with it."""
    if place.kube.find(f"/api/v1/namespaces/{NAMESPACE}"):
        raise Refused(f"the namespace {NAMESPACE} exists; {place.undo} removes one that an earlier demo has left")
    installs = place.kube.find(f"/api/v1/namespaces/{codis.SYSTEM}") is None
    place.kube.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": NAMESPACE, "annotations": {INSTALLED: "true" if installs else "false"}}})
    return installs


def install(place):
    if not make_namespace(place):
        say(f"{codis.SYSTEM} is there already: it is used as it is, and will be left alone")
        return
    say("kubectl apply -f manifests/install.yaml")
    place.kube.apply(place.system())
    say(f"  webhook, scheduler and controller are ready after {codis.wait_system(place.kube, 180):.0f} s")


def apply_codis(place, folder):
    say(f"kubectl apply -n {NAMESPACE} -f manifests/codis/{folder}")
    place.kube.apply(place.codis(manifests_of(folder)), NAMESPACE)


def strike(place, c, writers, gid):
    """One fault at the master of a group, and the time until the group is two in sync again."""
    before = c.master(gid)
    say(f"{place.fault} {before.pod}, master of group {gid}, on {before.node}")
    begin = time.monotonic()
    at_us = place.strike(writers, before)

    def probe():
        why = c.group_trouble(gid)
        master = next((s for s in c.group(gid) if s.is_master), None)
        return not why and master.info["run_id"] != before.info["run_id"], why or "the old master still leads"
    wait_for(f"group {gid} to be two in sync", probe, 120, every=0.1)
    seconds = time.monotonic() - begin
    now = c.master(gid)
    say(f"  master now: {now.pod} on {now.node}; two in sync again after {seconds:.1f} s")
    return {"at_us": at_us, "gid": gid, "from": before.pod, "to": now.pod, "seconds": seconds}


def begun_ms(fault):
    """When the longest gap began, seen from the fault: one that begins later is of the coming back, not of the failover."""
    return (fault["outage_begin_us"] - fault["at_us"]) / 1000


def print_strikes(report, strikes):
    say(f"{'AT':13} {'GROUP':5} {'MASTER':31} {'OUTAGE':>9} {'FROM':>9} {'MISSING':>8} {'LAST 50 MS':>11} {'IN SYNC':>8}")
    for s, f in zip(strikes, report["faults"]):
        at = time.strftime("%H:%M:%S", time.localtime(s["at_us"] / 1e6)) + f".{s['at_us'] // 1000 % 1000:03}"
        say(f"{at:13} {s['gid']:<5} {s['from'] + ' -> ' + s['to']:31} {f['outage_us'] / 1000:6.0f} ms "
            f"{begun_ms(f):+6.0f} ms {f['missing_before'] + f['missing_after']:8} {f['missing_tail']:11} "
            f"{s['seconds']:6.1f} s")


def print_costs(place, report, strikes):
    faults = report["faults"]
    what = "kill" if place.direct else "deletion"
    worst = max(faults, key=lambda f: f["outage_us"])
    late = f"  (from {begun_ms(worst) / 1000:.1f} s after the {what} on)" if begun_ms(worst) > 500 else ""
    figures = [
        ("outage" if len(faults) == 1 else "outage, the worst of all", worst["outage_us"] / 1000, " ms" + late),
        ("acknowledged writes", report["acknowledged"], ""),
        (f"missing of those acknowledged > 50 ms before the {what}",
         sum(f["missing_before"] + f["missing_after"] for f in faults), ""),
        ("missing of the last 50 ms", sum(f["missing_tail"] for f in faults), ""),
    ]
    say()
    if len(faults) > 1:
        print_strikes(report, strikes)
        say()
    for label, number, unit in figures:
        say(f"  {label:56} {number:9,.0f}{unit}")


def demo(place):
    begin = time.monotonic()
    folder = os.environ["DEMO_SET"]
    kills = int(os.environ["DEMO_KILLS"])
    place.open()
    c = codis.Codis(place.kube, NAMESPACE, place.direct)
    writers = Writers(place.kube, NAMESPACE, place.image)
    install(place)
    apply_codis(place, folder)
    say(f"  Codis is whole after {c.wait_whole(300):.0f} s: all 1024 slots assigned, every group two in sync")
    say(f"redis-cli -h codis-proxy -p 19000 PING\n  {c.ping()}")
    say("\n".join("  " + line for line in c.topology()))
    writers.start()
    say("8 writers write through the proxies, each on its own connection with a timeout of 1 s")
    say(f"  {time.monotonic() - begin:.0f} s since the start")
    try:
        return show(place, c, writers, kills)
    finally:  # also where a step has failed: somebody will want to look
        say()
        say(place.hints())


def show(place, c, writers, kills):
    """The kills, and the tour; what is wrong with what the writers have seen."""
    strikes = []
    for n in range(kills):
        time.sleep(3)  # writes to lose
        strikes.append(strike(place, c, writers, n % GROUPS + 1))
    time.sleep(2)
    report = writers.report()
    print_costs(place, report, strikes)
    trouble = verdict(report)
    if os.environ["DEMO"] == "tour" and not trouble:
        trouble = verdict(tour(place, c, writers, NAMESPACE, len(strikes)))
    say()
    say("\n".join("  " + line for line in c.topology()) + "\n  (the writers go on: keys are counted a moment later)")
    say(f"  {NAMESPACE}/{codis.status_line(place.kube, NAMESPACE)}")
    return trouble


def main():
    place = Current() if os.environ["DEMO_CLUSTER"] == "current" else Local()
    try:
        trouble = place.down() if sys.argv[1] == "down" else demo(place)
    except (Refused, Timeout, RuntimeError, OSError) as e:
        trouble = str(e)
    except KeyboardInterrupt:
        trouble = f"interrupted; {place.undo} ends what was started"
    if trouble:
        sys.exit(f"demo: {trouble}")


if __name__ == "__main__":
    main()
