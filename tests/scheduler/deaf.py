"""Two schedulers with leader election, each with its own extender beside it, as manifests/system has them; one of these goes deaf."""
import http.client
import threading
import time

import cases
from base import Failed, Program, call, free_port, wait
from cases import PLACE_S, check_apart
from door import Door
from real import READY_S, Scheduler, as_setup, shipped_whole

World = cases.World  # of these cases, too
# As the manifest has it of the scheduler's liveness, and how long a container's second end is waited for.
ASK_EVERY_S, ASK_TIMEOUT_S, ASK_FAILURES, BACK_OFF_S = 2, 1, 3, 10
LED = "(?i)successfully acquired lease"
# inventory_watch.h, beside.h, then the kubelet's three questions and the Lease.
FRESH_S, DEAF_S, GIVES_WAY_S = 130, 60, 20
# Made each so often; those without a rule only once the extender places them (--reservation-ttl).
PAIR_EVERY_S, BEGUN_S = 18, 80
# In docs/extender.md: 30 s, and a minute where it is the watches.
WAITS_S = 90


class Pod:
    """An extender, which has a door of its own, the scheduler beside it, and their kubelet."""

    def __init__(self, stack, world):
        self.kube, self.stack, self.ended, self.why = world.kube, stack, [], ""
        self.door, self.port = Door(stack, world.kube), free_port()
        self.extender = Program(stack, "codis-extender", None, "--scheduler", f"127.0.0.1:{self.port}", listen=True,
                                kubeconfig=self.door.config)
        self.begin()
        wait("the pod to be ready", self.extender.ready, READY_S)
        self.ending = threading.Event()
        thread = threading.Thread(target=self.be_kubelet, daemon=True)
        stack.callback(thread.join)
        stack.callback(self.ending.set)
        thread.start()

    def begin(self):
        self.scheduler = Scheduler(self.stack, shipped_whole(self.kube, self.extender.port), self.port)

    def lives(self):
        try:
            status, text = call(self.extender.ops, "/healthz/scheduler", timeout=ASK_TIMEOUT_S)
        except (OSError, http.client.HTTPException) as e:
            status, text = 0, repr(e)
        self.why = self.why if status == 200 else text.strip()
        return status == 200

    def be_kubelet(self):
        row = 0
        while not self.ending.wait(ASK_EVERY_S):
            row = 0 if self.lives() else row + 1
            if row == ASK_FAILURES:
                self.ended.append(self.why)
                self.scheduler.stop()
                if len(self.ended) > 1:
                    self.ending.wait(BACK_OFF_S)
                self.begin()
                row = 0

    def leads(self):
        return bool(self.scheduler.lines.wait(LED, 0, 0))


class Flow:
    """A pair of pods each PAIR_EVERY_S, and how long each of them waits for its node."""

    def __init__(self, world):
        self.kube, self.coming, self.begin = world.kube, list(world.pods), time.monotonic()
        self.pods, self.made, self.took = [], {}, {}

    def turn(self):
        now = time.monotonic()
        if self.coming and now >= self.begin + PAIR_EVERY_S * len(self.pods) / 2:
            rule = now < self.begin + BEGUN_S or len(self.pods) % 4 == 0
            pair = [as_setup(p, rule) for p in (self.coming.pop(0), self.coming.pop(0))]
            self.kube.make("/api/v1/namespaces/default/pods", pair)
            self.made.update((p["metadata"]["name"], now) for p in pair)
            self.pods += pair
        for name, at in self.kube.places().items():
            if at and name not in self.took:
                self.took[name] = now - self.made[name]
        time.sleep(0.2)

    def waiting(self):
        return len(self.pods) - len(self.took)

    def longest(self):
        return max(self.took.values())

    def until(self, what, condition, seconds):
        """Seconds until the condition holds."""
        begin = time.monotonic()
        while not condition():
            if time.monotonic() > begin + seconds:
                raise Failed(f"waited {seconds} s for {what}; {self.waiting()} of {len(self.pods)} pods have no node")
            self.turn()
        return time.monotonic() - begin


def case_watches(stack, world, note):
    """The leader's extender hears no watch any more, though the API server answers: another leads, all are placed, and apart."""
    stack.callback(world.clear)
    world.kube.make("/api/v1/namespaces", [{"metadata": {"name": "codis-system"}}])
    world.open(3)
    pods = [Pod(stack, world) for _ in range(2)]
    wait("a leader", lambda: any(p.leads() for p in pods), PLACE_S)
    leader, other = sorted(pods, key=Pod.leads, reverse=True)
    flow = Flow(world)
    flow.until("the first pair to be placed", lambda: len(flow.took) == 2, PLACE_S)
    leader.door.heard.clear()
    unready = flow.until("its pod not to be ready", lambda: not leader.extender.ready(), FRESH_S + 5)
    if "has had no news of" not in leader.extender.not_ready:
        raise Failed(leader.extender.not_ready)
    before = flow.longest()
    leads = unready + flow.until("the other one to lead", other.leads, DEAF_S + GIVES_WAY_S)
    flow.until("all pods to be placed", lambda: flow.coming == [] and not flow.waiting(), PAIR_EVERY_S * len(world.pods))
    check_apart(world, flow.pods)
    if flow.longest() > WAITS_S or other.ended or not leader.ended:
        raise Failed(f"a pod waited {flow.longest():.0f} s; the leader was ended for {leader.ended}, the other one for {other.ended}")
    note(f"not ready after {unready:.0f} s, another leads after {leads:.0f}; {len(flow.pods)} pods, none waited longer than "
         f"{before:.1f} s until then, {flow.longest():.1f} at all")
