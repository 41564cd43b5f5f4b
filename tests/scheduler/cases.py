"""codis-extender and stock kube-schedulers: the cluster's main one, two at once, one whose pods fail after the extender."""
import http.server
import json
import signal
import tempfile
import threading
import time

from base import Failed, Program, call, wait
from real import (SCHEDULER, Kube, Scheduler, as_setup, for_main, for_one, node, pods_of, shared, shipped, start_extender,
                  version_of)

NODES, PAIRS, PLACE_S = 120, 12, 60
MAIN = "default-scheduler"
ATTEMPTS = 100
ZONE = "topology.kubernetes.io/zone"
# A pod that was refused is not tried again before its back-off is over, whatever arrives.
BACK_OFF_S, BACK_OFF_MAX_S, ARRIVALS = 1, 10, 4
TAKES_S = 3 * BACK_OFF_MAX_S  # beside other work one try more; whom nothing wakes waits for five minutes


class World:
    """One API server with nodes, and the pods of a StatefulSet as the webhook leaves them where the main scheduler places them."""

    def __init__(self, stack):
        self.kube = Kube(stack, stack.enter_context(tempfile.TemporaryDirectory(prefix="codis-scheduler-")))
        self.kube.make("/api/v1/nodes", [node(i) for i in range(NODES)])
        self.pods = pods_of(stack, 2 * PAIRS, "--scheduler-name", MAIN)

    def place(self, pods, seconds=PLACE_S):
        self.kube.make("/api/v1/namespaces/default/pods", pods)
        wait(f"{len(pods)} pods to be placed", lambda: not self.kube.waiting(), seconds)

    def open(self, count):
        """Only so many nodes have room: whoever does not look puts members together."""
        for i, one in enumerate(self.kube.ask("GET", "/api/v1/nodes")["items"]):
            if one["spec"].get("unschedulable", False) != (i >= count):
                self.kube.ask("PATCH", f"/api/v1/nodes/{one['metadata']['name']}",
                              {"spec": {"unschedulable": True if i >= count else None}})

    def clear(self):
        self.kube.clear()
        self.open(NODES)


def foreign(name):
    return {"metadata": {"name": name, "namespace": "default", "labels": {"app": "nginx"}},
            "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}}


def asked(extender, result):
    """How many filter calls of the extender had this result."""
    words = f'codis_extender_requests_total{{verb="filter",result="{result}"}} '
    return sum(int(float(line[len(words):])) for line in extender.get("/metrics")[1].splitlines() if line.startswith(words))


def check_apart(world, pods):
    places = {name: at for name, at in world.kube.places().items() if name in {p["metadata"]["name"] for p in pods}}
    if len(places) != len(pods) or not all(places.values()) or shared(places):
        raise Failed(f"of {len(pods)} pods {len(places)} are placed, {shared(places)} groups share a node")


def case_main_scheduler(stack, world, note):
    """The main scheduler asks the extender: members stand apart, others' pods are placed, also when the extender hangs or is dead."""
    stack.callback(world.clear)
    if any(p["spec"]["schedulerName"] != MAIN or "podAntiAffinity" not in p["spec"]["affinity"] for p in world.pods):
        raise Failed("the webhook gives pods away, or without the rule")
    world.kube.kubectl("apply", "--dry-run=server", "-f", "manifests/examples/main-scheduler.yaml")
    world.open(3)
    extender = start_extender(stack, world.kube)
    scheduler = Scheduler(stack, for_main(world.kube, extender.port))
    third = len(world.pods) // 3 // 2 * 2
    first, second, last = world.pods[:third], world.pods[third:2 * third], world.pods[2 * third:]
    world.place([*first, foreign("a"), foreign("b")])
    check_apart(world, first)
    if asked(extender, "offered") < len(first) or asked(extender, "passed") != 2:
        raise Failed(f"the extender offered {asked(extender, 'offered')} times and let {asked(extender, 'passed')} pass")
    extender.process.send_signal(signal.SIGSTOP)
    world.place([*second, foreign("c"), foreign("d")])
    check_apart(world, first + second)
    extender.ending.set()
    extender.process.kill()
    extender.process.wait()
    world.place([*last, foreign("e"), foreign("f")])
    check_apart(world, world.pods)
    again = start_extender(stack, world.kube)
    note(f"{len(world.pods)} members apart, and 6 other pods, a third of them each with the extender, with a hung one and without")
    again.stop()
    scheduler.stop()


def case_two_schedulers(stack, world, note):
    """A member is placed by our scheduler, its sibling by the main one, which knows no extender, and the other way round: apart."""
    stack.callback(world.clear)
    extender = start_extender(stack, world.kube)
    names = SCHEDULER, MAIN
    schedulers = [Scheduler(stack, for_one(world.kube, SCHEDULER, shipped(extender.port))),
                  Scheduler(stack, for_one(world.kube, MAIN))]
    world.open(2)
    for turn in range(2):  # the first members of all groups, then their siblings
        world.place([as_setup(p, True, names[(turn + i // 2) % 2]) for i, p in enumerate(world.pods) if i % 2 == turn])
    check_apart(world, world.pods)
    note(f"{len(world.pods) // 2} pairs on two nodes")
    for program in (*schedulers, extender):
        program.stop()


def minor_of(version):
    return int(version.split(".")[1])


def go_together(scheduler, server):
    """What Kubernetes says: of the same minor version, or of the one before."""
    return minor_of(server) - 1 <= minor_of(scheduler) <= minor_of(server)


def case_beside(stack, world, note):
    """The extender knows the version of the scheduler in its pod from it alone, and says when that is not there any more."""
    its, servers = version_of("kube-scheduler"), world.kube.ask("GET", "/version")["gitVersion"]
    newer = minor_of(its) > minor_of(servers)  # then it is never ready
    scheduler = Scheduler(stack, for_one(world.kube, SCHEDULER), until="/livez" if newer else "/readyz")
    extender = Program(stack, "codis-extender", None, "--scheduler", f"127.0.0.1:{scheduler.port}", listen=True,
                       kubeconfig=world.kube.config)
    said = rf"event=scheduler.version scheduler={its} server={servers}$" if go_together(its, servers) else \
        rf'event=scheduler.skew scheduler={its} server={servers} error="set the image .* to kube-scheduler:{servers}: {its} is '
    if not extender.lines.wait(said, 0, 20):
        raise Failed("\n".join(["it does not say both versions:", *extender.lines.last(5)]))
    if extender.get("/healthz/scheduler") != (200, "ok\n"):
        raise Failed(f"/healthz/scheduler: {extender.get('/healthz/scheduler')}")
    if not newer:
        wait("the extender's pod to be ready", extender.ready, 20)
    note(f"the scheduler is {its}, the server {servers}")
    scheduler.stop()
    gone = f"kube-scheduler at 127.0.0.1:{scheduler.port} does not answer\n"
    wait("the extender's pod to say that", lambda: not extender.ready() and extender.not_ready == gone, 20)
    extender.stop()


class Refuser:
    """An extender behind ours that refuses whatever it is offered, and remembers it."""

    def __init__(self, stack):
        self.offered, self.changed = [], threading.Condition()
        refuser = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                names = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["NodeNames"]
                with refuser.changed:
                    refuser.offered.append(names)
                    refuser.changed.notify_all()
                body = json.dumps({"NodeNames": [], "FailedNodes": {n: "no" for n in names}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        stack.callback(self.server.server_close)
        stack.callback(self.server.shutdown)

    def wait_more(self, than, seconds):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.offered) > than, seconds)


def case_every_node(stack, world, note):
    """A pod whose attempts fail after the extender, again and again, is offered every node within 100 of them."""
    stack.callback(world.clear)
    extender, refuser = start_extender(stack, world.kube), Refuser(stack)
    more = shipped(extender.port) + (f"- urlPrefix: http://127.0.0.1:{refuser.port}\n  filterVerb: filter\n"
                                     "  nodeCacheCapable: true\n  ignorable: false\n")
    backoff = "podInitialBackoffSeconds: 1\npodMaxBackoffSeconds: 1\n"
    scheduler = Scheduler(stack, for_one(world.kube, SCHEDULER, backoff + more))
    world.kube.make("/api/v1/namespaces/default/pods", [as_setup(world.pods[0], True)])
    first = world.kube.ask("GET", "/api/v1/nodes?limit=1")["items"][0]["metadata"]["name"]
    seen, attempts = set(), 0
    while len(seen) < NODES and attempts < ATTEMPTS:
        if not refuser.wait_more(attempts, 20):
            raise Failed(f"no attempt for 20 s after {attempts}")
        seen.update(refuser.offered[attempts])
        attempts += 1
        world.kube.ask("PATCH", f"/api/v1/nodes/{first}", {"metadata": {"labels": {"turn": str(attempts)}}})
    if len(seen) < NODES:
        raise Failed(f"{attempts} attempts were offered {len(seen)} of {NODES} nodes")
    if call(extender.ops, "/readyz")[0] != 200:
        raise Failed("the extender is not ready")
    note(f"{NODES} nodes after {attempts} attempts")
    scheduler.stop()
    extender.stop()


def by_zone(pod):
    """It keeps out of the zones of its group, which the extender has to know of a node; the rule alone does not say so."""
    pod = as_setup(pod, False)
    pod["metadata"]["annotations"]["codis.io/topology-key"] = ZONE
    return pod


def path_of(pod):
    return f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}"


def takes(world, pod, happens):
    """Seconds from what happens until the pod, which waits, has a node."""
    path = path_of(pod)
    world.kube.make("/api/v1/namespaces/default/pods", [pod])
    wait("the pod to wait", lambda: any(c.get("reason") == "Unschedulable" for c in
                                        world.kube.ask("GET", path).get("status", {}).get("conditions", [])), 20)
    time.sleep(BACK_OFF_S + 0.2)
    begin = time.monotonic()
    happens()
    wait("the pod to be placed", lambda: world.kube.ask("GET", path)["spec"].get("nodeName"), TAKES_S)
    return time.monotonic() - begin


def arrive(world, pod, turn):
    """The same of a node that is made, and is gone afterwards, with the pod."""
    arrives = node(1)
    name = arrives["metadata"]["name"] = arrives["metadata"]["labels"]["kubernetes.io/hostname"] = f"new-{turn}"
    took = takes(world, pod, lambda: world.kube.make("/api/v1/nodes", [arrives]))
    for path in path_of(pod) + "?gracePeriodSeconds=0", f"/api/v1/nodes/{name}":
        world.kube.ask("DELETE", path)
    return took


def leave(world, pod, sibling):
    """The same of a sibling that is deleted by force."""
    world.place([sibling])
    took = takes(world, pod, lambda: world.kube.ask("DELETE", path_of(sibling) + "?gracePeriodSeconds=0"))
    world.kube.clear()
    return took


def case_new_node(stack, world, note):
    """A member that waits has a node once one has arrived, or its sibling is gone: by the rule, without, by zone. The goal is 2 s."""
    stack.callback(world.clear)
    world.open(1)
    extender = start_extender(stack, world.kube, "--reservation-ttl", "1s")
    time.sleep(1)  # what others may have promised has ended
    backoff = f"podInitialBackoffSeconds: {BACK_OFF_S}\npodMaxBackoffSeconds: {BACK_OFF_MAX_S}\n"
    scheduler = Scheduler(stack, for_one(world.kube, SCHEDULER, backoff + shipped(extender.port)))
    for kind, made in ("by the rule", lambda p: as_setup(p, True)), ("alone", lambda p: as_setup(p, False)), ("by zone", by_zone):
        world.place([made(world.pods[0])])
        times = [arrive(world, made(world.pods[1]), turn) for turn in range(ARRIVALS)]
        world.kube.clear()
        left = [leave(world, made(world.pods[1]), made(world.pods[0])) for _ in range(ARRIVALS)]
        note(f"{kind}: {ARRIVALS} nodes, at most {max(times):.2f} s; {ARRIVALS} siblings, {max(left):.2f} s")
    note(f"{asked(extender, 'soon')} attempts came too soon")
    scheduler.stop()
    extender.stop()
