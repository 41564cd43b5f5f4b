"""What comes of a binding that fails, or of which the scheduler does not hear what became of it."""
import collections
import threading
import time

import cases
from base import wait
from cases import check_apart
from door import Cut, Door, failure
from real import SCHEDULER, Scheduler, as_setup, for_one, shipped, start_extender

World = cases.World  # of these cases, too
# Pods without a rule wait so long after the extender's start, and so long it keeps a place: --reservation-ttl.
KEPT_S = 75
LATE_S, APART_S = 30, 20
BACKOFF = "podInitialBackoffSeconds: 1\npodMaxBackoffSeconds: 5\n"
TRIED_S, SIBLINGS_S, REST_S = KEPT_S + 20, KEPT_S + 20, 30


def name_of(pod):
    return pod["metadata"]["name"]


class Bindings:
    """What becomes of the bindings of each group's first member until it is let through; its sibling's are done."""

    # By group. Those of the second half get their siblings later: by then what was offered first is not what was offered last.
    KINDS = "conflict", "broken", "lost", "silent", "slow", "late", "late", "late", "late", "late", "slow", "slow"

    def __init__(self, stack):
        self.tries, self.landed = collections.Counter(), {}
        self.through, self.ended = threading.Event(), threading.Event()
        stack.callback(self.through.set)
        stack.callback(self.ended.set)

    def kind_of(self, pod):
        number = int(pod.rpartition("-")[2])
        return None if number % 2 else self.KINDS[number // 2 % len(self.KINDS)]

    def answer(self, pod, do):
        self.tries[pod] += 1
        kind = self.kind_of(pod)
        return do() if kind is None or self.through.is_set() else getattr(self, kind)(pod, do)

    def conflict(self, *_):
        return failure(409, "Conflict")

    def broken(self, *_):
        return failure(500, "InternalError")

    def lost(self, _, do):
        """It is done, and nobody hears of it."""
        do()
        raise Cut

    def silent(self, *_):
        """It is not done, and nobody hears of that for long."""
        self.through.wait(LATE_S)
        raise Cut

    def slow(self, pod, do):
        """It is done and answered, after long."""
        self.ended.wait(LATE_S)
        answer = do()
        self.landed[pod] = answer[0]
        return answer

    def late(self, pod, do):
        """The first is done long after the scheduler was told that it has failed; others are refused."""
        if self.tries[pod] > 1:
            return failure(500, "InternalError")

        def land():
            self.ended.wait(LATE_S)
            self.landed[pod] = do()[0]
        threading.Thread(target=land, daemon=True).start()
        raise Cut


def case_failed(stack, world, note):
    """Bindings that fail, that nobody hears of, or that come late: no two members share a node, and none waits for ever."""
    stack.callback(world.clear)
    door, bindings = Door(stack, world.kube), Bindings(stack)
    door.on_binding = bindings.answer
    extender = start_extender(stack, world.kube)
    scheduler = Scheduler(stack, for_one(door, SCHEDULER, BACKOFF + shipped(extender.port)))
    world.open(3)
    pods = [as_setup(p, False) for p in world.pods]
    first, siblings = pods[::2], pods[1::2]
    world.kube.make("/api/v1/namespaces/default/pods", first)
    wait("a binding of each", lambda: len(bindings.tries) == len(first), TRIED_S)
    begin = time.monotonic()
    half = len(siblings) // 2
    world.kube.make("/api/v1/namespaces/default/pods", siblings[:half])
    bindings.ended.wait(APART_S)  # their siblings come while what is late is not yet done
    world.kube.make("/api/v1/namespaces/default/pods", siblings[half:])

    def placed():
        places = world.kube.places()
        return all(places[name_of(p)] for p in siblings)
    wait("the siblings to be placed", placed, SIBLINGS_S)
    took = time.monotonic() - begin
    late = {name_of(p) for p in first if bindings.kind_of(name_of(p)) in ("slow", "late")}
    wait("what is late", lambda: set(bindings.landed) == late, LATE_S)
    note(f"landed: {bindings.landed}")
    bindings.through.set()
    wait("all to be placed", lambda: not world.kube.waiting(), REST_S)
    check_apart(world, pods)
    note(f"{len(pods)} members, {sum(bindings.tries.values())} bindings, the last sibling placed after {took:.1f} s")
    scheduler.stop()
    extender.stop()
