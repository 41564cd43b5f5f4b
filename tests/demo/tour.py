"""The tour of DEMO=tour: what people do to a Codis on purpose, each a command that is printed before it runs, and what it cost
the writers."""
import os
import shlex
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

from codis import SLOTS
from say import say, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CODISCTL = os.path.join(TOP, "build", "codisctl")
COMMAND_S = 600  # most take seconds; slots move for minutes on a busy machine


@dataclass
class Step:
    name: str
    words: str
    commands: tuple
    groups: int = 2  # that there are afterwards


def steps(namespace, node):
    """Nothing here is more than a user could type."""
    return (
        Step("look", "What there is: groups, their masters, who follows, which slots, how far behind.",
             (f"codisctl status -n {namespace}",)),
        Step("switch", "A master hands its role to its replica, which has caught up by then.",
             (f"codisctl switchover -n {namespace} 1",)),
        Step("roll", "All servers are restarted, one at a time; each master hands over first.",
             (f"kubectl rollout restart -n {namespace} statefulset codis-server",
              f"kubectl rollout status -n {namespace} statefulset codis-server")),
        Step("drain", f"Everything leaves {node}, as before an upgrade of its kernel; then it may come back.",
             (f"kubectl drain {node} --ignore-daemonsets --delete-emptydir-data", f"kubectl uncordon {node}")),
        Step("grow", "Twice as many servers: two more groups, and their share of the slots moves to them.",
             (f"kubectl scale -n {namespace} statefulset codis-server --replicas=8",), 4),
        Step("shrink", "Half of them again: the slots leave the groups that go, then the servers do.",
             (f"codisctl scale-server -n {namespace} 4",)),
        Step("ask", "A PING through each proxy.", (f"codisctl ping -n {namespace}",)),
    )


def run(place, command):
    """One command with what it prints; RuntimeError when it fails."""
    words = shlex.split(command)
    programs = {"codisctl": CODISCTL, "kubectl": place.kube.program}
    say(f"  $ {command}")
    with subprocess.Popen([programs[words[0]], *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=place.kube.env) as process:
        late = threading.Timer(COMMAND_S, process.kill)
        late.start()
        try:
            for line in process.stdout:
                say("    " + line.rstrip()[:200])
        finally:
            late.cancel()
    if process.returncode == -signal.SIGKILL:
        raise RuntimeError(f"{command}: not done within {COMMAND_S} s, so it was ended; what it has begun goes on")
    if process.returncode:
        raise RuntimeError(f"{command}: exit status {process.returncode}")


def shares(c):
    """How many slots each group has, none on its way."""
    slots = c.topom()["slots"]
    found = {}
    for slot in slots:
        if slot["action"].get("state"):
            return {}
        found[slot["group_id"]] = found.get(slot["group_id"], 0) + 1
    return found


def settled(c, groups):
    """For wait_for: every group is whole and has its share."""
    why = c.trouble(groups=groups)
    if why:
        return False, why
    found = shares(c)
    return len(found) == groups and set(found.values()) == {SLOTS // groups}, f"slots by group: {found or 'on their way'}"


def take(place, c, writers, step):
    say()
    say(f"{step.name.upper()}: {step.words}")
    begin = time.monotonic()
    at_us = writers.fault()
    for command in step.commands:
        run(place, command)
    wait_for(f"all in sync after: {step.name}", lambda: settled(c, step.groups), COMMAND_S)
    say(f"  whole again after {time.monotonic() - begin:.0f} s")
    time.sleep(1)
    return {"name": step.name, "at_us": at_us, "seconds": time.monotonic() - begin}


def print_table(report, taken, before):
    say(f"  {'STEP':8} {'TOOK':>7} {'LONGEST GAP':>12} {'MISSING':>8}")
    for t, f in zip(taken, report["faults"][before:]):
        missing = f["missing_before"] + f["missing_after"] + f["missing_tail"]
        say(f"  {t['name']:8} {t['seconds']:5.0f} s {f['outage_us'] / 1000:9.0f} ms {missing:8}")
    say(f"  {report['acknowledged']:,} acknowledged writes in all")


def tour(place, c, writers, namespace, before):
    """Takes every step, after so many faults; the writers' report of all. Where one fails, the table has those before it."""
    writers_on = place.kube.get(f"{writers.path}/{writers.name}")["spec"]["nodeName"]
    node = next(s.node for s in c.servers() if s.is_master and s.node != writers_on)
    taken = []
    try:
        for step in steps(namespace, node):
            taken.append(take(place, c, writers, step))
    finally:
        report = writers.report()
        say()
        print_table(report, taken, before)
    return report
