"""A night's story: three faults that heal by themselves, and what the one on call reads of them the next morning."""
import contextlib
import html
import json
import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from cli import CODISCTL, codisctl
from codis import SYSTEM, cluster_status
from kube import is_ready
from monitoring import Prometheus, compressed, read
from planned import drain
from world import NAMESPACE, case, wait_for

GROUPS = (1, 2)
RECENT = 8  # so many of what was done last are in the status
# What may be said of a night like that; whatever else there is would claim more than has happened.
QUIET = {"Following", "Joined", "Dropped", "Removed", "Replaced", "TakenOutOfService", "SlotsFilled", "InSync", "LockRemoved"}
CHANGES = {"Promoted", "Switched", "TakenBack"}
SENTENCE = re.compile(r"group (\d+): (\S+) \((\S+)\) replaces (\S+) \((\S+)\)(, with all that it had)?: (.+?) \((.*)\); (\d+) ms(?:, in which \d of \d proxies did not take it \(\S+\))?$")


@dataclass
class Change:
    """That a group got another master: as it was, or as somebody tells it."""
    reason: str
    gid: int
    new: str
    new_addr: str
    old: str
    old_addr: str
    whole: bool = False
    why: str = ""
    evidence: str = ""
    ms: int = 0
    at: float = 0
    by: str = ""

    def who(self):
        return self.reason, self.gid, self.new, self.new_addr, self.old, self.old_addr

    def __str__(self):
        return f"{self.reason}: group {self.gid}: {self.new} ({self.new_addr}) replaces {self.old} ({self.old_addr})"


def told(reason, sentence, at, by=""):
    """The Change that a sentence of the history, or of an Event, is about."""
    found = SENTENCE.fullmatch(sentence)
    assert found, f"{reason} does not say who replaces whom: {sentence}"
    gid, new, new_addr, old, old_addr, whole, why, evidence, ms = found.groups()
    return Change(reason, int(gid), new, new_addr, old, old_addr, bool(whole), why, evidence, int(ms), at, by)


def seconds_of(text):
    """2026-11-28T02:13:07.402Z, with or without a fraction, as wall time."""
    return datetime.fromisoformat(text).timestamp()


@dataclass
class Step:
    """A fault, from its beginning until all was OK; the changes that it made, and why by the words of the product."""
    name: str
    whys: tuple
    began: float = 0
    ended: float = 0
    changes: list = None


def wait_ok(w, limit=180):
    w.wait_system(limit)
    w.wait_whole(limit)
    wait_for("OK", lambda: (": OK," in w.status_line(), w.status_line()), limit)


def masters(w):
    return {gid: w.codis.master(gid) for gid in GROUPS}


class Night:
    def __init__(self, w):
        self.w, self.steps = w, []

    @contextlib.contextmanager
    def step(self, name, reason, *whys):
        step, before = Step(name, whys, time.time(), changes=[]), masters(self.w)
        self.w.writers.fault()
        yield before
        wait_ok(self.w)
        for gid, new in masters(self.w).items():
            old = before[gid]
            if new.info["run_id"] != old.info["run_id"]:
                step.changes.append(Change(reason, gid, new.pod, new.address, old.pod, old.address))
        step.ended = time.time()
        self.steps.append(step)
        self.w.note(f"{name}, OK again after {step.ended - step.began:.0f} s: {'; '.join(map(str, step.changes))}")

    def since(self, step=0):
        """For --since: from some seconds before a step on, since it counts from the moment when it is asked."""
        return f"{int(time.time() - self.steps[step].began) + 5}s"

    def changes(self):
        return [change for step in self.steps for change in step.changes]

    def assert_told(self, changes, where):
        """These are the night's changes, each once, with its reason, and within its time; nothing else is."""
        expected = Counter(c.who() for c in self.changes())
        assert Counter(c.who() for c in changes) == expected, f"{where} tells {list(map(str, changes))}, there were {list(map(str, self.changes()))}"
        for step in self.steps:
            for c in [c for c in changes if c.who() in {own.who() for own in step.changes}]:
                assert c.why.startswith(step.whys), f"{where}: {step.name}: {c.why}"
                assert step.began - 1 <= c.at <= step.ended, f"{where}: {c} at {c.at}, {step.name} was from {step.began} to {step.ended}"
                assert c.whole == (c.reason == "Switched"), f"{where}: {c}: with all that it had: {c.whole}"


def node_to_drain(w):
    """One with a master; where it can be had, the one of the controller that leads, else of the other one."""
    leader = w.leader()
    controllers = {p["spec"]["nodeName"]: p["metadata"]["name"] == leader for p in w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller")}
    return max((m.node for m in masters(w).values()), key=lambda node: (controllers.get(node, False), node in controllers, node))


def lived_through(w, p):
    """The three faults, each until all is OK again. The power stays off until the alert that waits for seconds, not minutes, fires."""
    night = Night(w)
    with night.step("kill", "Promoted", "connections are refused, and ") as before:
        w.kill(f"{before[1].pod}/codis-server")
        w.wait_moved(1, before[1])
    with night.step("power-off", "Promoted", "it is silent, and ") as before:
        off = before[2].node
        w.cluster.power_off(off)
        try:
            wait_for("other masters", lambda: (all(m.node != off for m in masters(w).values()), "none"), 60, every=0.1)
            missing = 'ALERTS{alertname="CodisReplicaMissing",alertstate="firing",compressed="yes",group="2"}'
            wait_for("the alert", lambda: (bool(p.ask(missing)), p.ask("ALERTS")), 60)
        finally:
            w.cluster.power_on(off)
    node = node_to_drain(w)
    with night.step("drain", "Switched", "the master's node is cordoned", "the master's pod is being deleted"):
        drain(w, node)
    return night, off


# --- the morning: one function a surface --------------------------------------------------------------------------------


def history_of(w, night, step=0):
    """What codisctl history has of the product since a step of the night began, as objects; the text has the same changes."""
    began, since = night.steps[step].began, night.since(step)
    found = [json.loads(line) for line in codisctl(w, "history", "--since", since, "-o", "json")[0].splitlines()]
    found = [one for one in found if one["product"] and seconds_of(one["at"]) >= began]
    lines = codisctl(w, "history", "--since", since)[0].splitlines()
    for one in found:
        line = f"{one['at'][:23]}Z {one['product']}: {one['words']} ({one['by']})"
        assert line in lines or one["words"].split(":")[0] not in CHANGES, f"the text has no {line}"
    return found


def changes_in(history):
    changes = []
    for one in history:
        reason, _, sentence = one["words"].partition(": ")
        if reason in CHANGES:
            changes.append(told(reason, sentence, seconds_of(one["at"]), one["by"]))
        elif reason == "ActionFailed":  # a proxy that ends while it is told something; no master
            assert ": promote of " not in sentence and ": switch of " not in sentence, one
        else:
            assert reason in QUIET, f"the history has {one}"
    return changes


def the_history(w, night, off):
    """Returns the changes that it has. What was written last comes half a second to 5 s later."""
    def read_all():
        return changes_in(history_of(w, night))
    wait_for("the history", lambda: (len(read_all()) >= len(night.changes()), "some are missing"), 20)
    changes = read_all()
    night.assert_told(changes, "codisctl history")
    order = [c.who() for step in night.steps for c in changes if c.who() in {own.who() for own in step.changes}]
    assert [c.who() for c in changes] == order, f"not in order of time: {list(map(str, changes))}"
    lost = [c for c in changes if c.why.startswith("it is silent")]
    assert lost and all(f" on {off} is silent since " in c.evidence for c in lost), [c.evidence for c in lost]
    later = changes_in(history_of(w, night, len(night.steps) - 1))
    assert [c.who() for c in later] == [c.who() for c in night.steps[-1].changes], f"--since has {list(map(str, later))}"
    text = codisctl(w, "history", "--since", night.since(len(night.steps) - 1))[0]
    assert ": Switched: " in text and ": Promoted: " not in text, text
    return changes


def decided(w, since):
    """Of changes of masters: how often each controller's log has each as begun, done or failed; and what is said beside them."""
    read_it = subprocess.run([CODISCTL, "logs", "codis-test", "--since", since, "-n", NAMESPACE, "-o", "json"], capture_output=True,
                             text=True, env=w.kube.env, timeout=60)
    assert read_it.returncode == 0, read_it.stderr
    lines = [json.loads(line) for line in read_it.stdout.splitlines()]
    assert lines == sorted(lines, key=lambda line: line["time"]), "the lines are not in order of time"
    found = Counter()
    for line in lines:
        fields = line["fields"]
        # What is kept is a master whom another controller was about to replace: it leads on, and nothing changes.
        if line["event"].startswith("action.") and fields.get("action") in ("promote", "switch") and fields.get("reason") != "kept":
            found[line["pod"], line["event"], fields["group"], fields["pod"], fields["addr"]] += 1
    return found, read_it.stderr.strip()


def the_logs(w, night, changes):
    """Of each controller that is there: what it did, begun and done once. Of one that is gone it says where that is."""
    pods = {p["metadata"]["name"] for p in w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller")}
    found, said = decided(w, night.since())
    for event in ("action.begun", "action.done"):
        there = {key: n for key, n in found.items() if key[1] == event}
        done = {(c.by, event, str(c.gid), c.new, c.new_addr): c for c in changes}
        # A container's log is there, and the one of the container before it.
        missing = [c for key, c in done.items() if key not in there and c.by in pods and w.restarts(c.by, SYSTEM) <= 1]
        more = {key: n for key, n in there.items() if n > 1 or key not in done} if event == "action.done" else {}
        assert not missing and not more, f"{event}: of the history the logs lack {list(map(str, missing))}, and have {more}"
    gone = {c.by for c in changes} - pods
    assert not gone or "codisctl history" in said, f"{gone} are gone, and it says: {said}"
    w.note(f"logs: {sum(key[1] == 'action.done' for key in found)} of {len(changes)} done" + (f"; {', '.join(sorted(gone))} is gone: {said}" if gone else ""))


def the_events(w, night):
    """On the pods that lead since, and the same on the StatefulSet: who replaces whom, a failover as a Warning."""
    began, changes, of_set = night.steps[0].began, [], []
    for e in w.kube.items(f"/api/v1/namespaces/{NAMESPACE}/events"):
        at = seconds_of(e.get("lastTimestamp") or e["eventTime"])
        if e.get("source", {}).get("component") != "codis-controller" or at < int(began):  # whole seconds
            continue
        if e["reason"] not in CHANGES:
            assert e["reason"] in QUIET | {"ActionFailed"}, f"an Event says {e['reason']}: {e['message']}"
            continue
        change = told(e["reason"], e["message"], at)
        about = (e["involvedObject"]["kind"], e["involvedObject"]["name"])
        assert about in (("Pod", change.new), ("StatefulSet", "codis-server")), about
        assert e["type"] == ("Warning" if change.reason == "Promoted" else "Normal"), f"{e['type']}: {e['message']}"
        (changes if about[0] == "Pod" else of_set).append(change)
    night.assert_told(changes, "Events")
    night.assert_told(of_set, "Events of the StatefulSet")


def rose(series):
    """By how much a counter rose, as increase() counts it, and without its guesses at both ends."""
    values = [float(v) for _, v in series["values"]]
    return sum(max(b - a, 0) if b >= a else b for a, b in zip(values, values[1:]))


def by_reason(p, began):
    """{(action, reason): times} of changes of masters. A reason that was not there before has risen from 0."""
    found = Counter()
    for series in p.get("query", query='codis_controller_reasons_total{action=~"promote|switch"}[1h]')["result"]:
        first = float(series["values"][0][1]) if series["values"][0][0] > began else 0
        found[series["metric"]["action"], series["metric"]["reason"]] += int(rose(series) + first)
    return +found


def the_counters(w, p, night, changes):
    """Failovers and switches as the history has them. Of a controller that ended within a second no scrape may have the last."""
    of = f'{{namespace="{NAMESPACE}",product="codis-test"}}'
    there = {pod["metadata"]["name"] for pod in w.kube.pods(SYSTEM)}
    count = Counter(c.reason for c in changes)
    sure = Counter(c.reason for c in changes if c.by in there)
    for reason, what in (("Promoted", "failovers"), ("Switched", "switches")):
        n = round(p.value(f"sum(increase(codis_cluster_{what}_total{of}[1h]))"))
        assert (sure if reason == "Switched" else count)[reason] <= n <= count[reason], f"{n} {what} were counted, there were {count[reason]}"
    reasons = by_reason(p, night.steps[0].began)
    assert sum(n for (action, _), n in reasons.items() if action == "promote") == count["Promoted"], reasons
    assert {r for (action, r) in reasons if action == "promote"} == {"refused", "silent"}, reasons
    assert {r for (action, r) in reasons if action == "switch"} <= {"cordoned", "pod-deleted"}, reasons
    for lost in (f"sum(increase(codis_data_losses_total{of}[1h]))", f"max(max_over_time(codis_cluster_keys_lost{of}[1h]))"):
        assert p.value(lost) == 0, f"{lost} is {p.value(lost)}"
    return reasons


def the_states(p, night):
    """[(second, words)] as they changed, and that each fault was seen and ended."""
    query = f'max by (state) (codis_cluster_state{{namespace="{NAMESPACE}",product="codis-test"}}) == 1'
    at = {}
    for series in p.get("query_range", query=query, start=night.steps[0].began - 2, end=time.time(), step=1)["result"]:
        for second, _ in series["values"]:
            at.setdefault(second, set()).add(series["metric"]["state"])
    seen = sorted(at.items())
    assert seen[0][1] == seen[-1][1] == {"OK"}, f"it begins with {seen[0]} and ends with {seen[-1]}"
    for step in night.steps:
        words = set().union(*(words for second, words in seen if step.began <= second <= step.ended))
        # Who was killed may be back within a second, between two scrapes; a drain may take the controller that leads as
        # well, and the server be back when another one leads, two seconds later.
        assert "DEGRADED" in words or step.name != "power-off", f"{step.name}: {words}"
        assert words <= {"OK", "SWITCHING", "DEGRADED", "PARTIAL"} | ({"DOWN"} if len(step.changes) > 1 else set()), f"{step.name}: {words}"
    begun = seen[0][0]
    return [(round(second - begun), "/".join(sorted(words))) for i, (second, words) in enumerate(seen) if not i or words != seen[i - 1][1]]


def the_alerts(p, night):
    """Nobody was called. With a second for each minute: a lost node's group lacked its replica, which has ended; no data was lost."""
    wait_for("an end of all alerts", lambda: (not p.ask("ALERTS"), p.ask("ALERTS")), 60)
    fired = p.get("query", query='ALERTS{alertstate="firing"}[1h]')["result"]
    called = [series["metric"] for series in fired if "compressed" not in series["metric"]]
    assert not called, f"called by {called}"
    times = {(s["metric"]["alertname"], s["metric"].get("group")): [second for second, _ in s["values"]] for s in fired}
    assert {"CodisDataLost", "CodisFailoversRepeat", "CodisActionsFail", "CodisPaused"}.isdisjoint(name for name, _ in times), times
    off = night.steps[1]
    assert any(off.began < second < off.ended for second in times["CodisReplicaMissing", "2"]), times
    return sorted({name for name, _ in times})


def the_page(w, night):
    """Whichever controller is asked: OK, who leads each group, and what was done last."""
    def on_all():
        newest = [one["words"] for one in history_of(w, night)[-RECENT:]][::-1]
        for pod in w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller"):
            name = pod["metadata"]["name"]
            status = json.loads(w.kube.pod_http(SYSTEM, name, 8080, "/status.json")[1])
            recent = [one["words"] for one in next(c for c in status["clusters"] if c["namespace"] == NAMESPACE)["recent"]]
            page = html.unescape(w.kube.pod_http(SYSTEM, name, 8080, "/")[1])
            if recent != newest or not all(words in page for words in newest):
                return False, f"{name} (leads: {status['leads']}) has {recent}, not {newest}"
        return True, ""
    wait_for("what was done last on each page", on_all, 60)
    cluster = cluster_status(w.kube, NAMESPACE)
    assert (cluster["state"], cluster["reasons"]) == ("OK", []), cluster["line"]
    assert {g["id"]: g["master"] for g in cluster["groups"]} == {gid: m.pod for gid, m in masters(w).items()}, cluster["groups"]


@case
def a_night(w):
    """Kill, power-off and drain: history, logs, Events, Prometheus and page each tell the three, and nothing else."""
    wait_ok(w)
    with contextlib.ExitStack() as stack:
        p = Prometheus(stack, w, {"compressed.yaml": compressed(read("alerts.yaml"))})
        elsewhere = min(n["metadata"]["name"] for n in w.kube.nodes() if n["metadata"]["name"] != w.codis.master(2).node)
        w.start_writers(node=elsewhere)
        wait_for("all programs", lambda: (len(p.ask("up == 1")) == sum(map(is_ready, w.kube.pods(SYSTEM))), p.get("targets")["activeTargets"]), 60)
        wait_for("no alert", lambda: (not p.ask("ALERTS"), p.ask("ALERTS")), 20)  # before the first scrape all is missing
        night, off = lived_through(w, p)
        w.assert_nothing_lost()
        changes = the_history(w, night, off)
        for change in changes:
            w.note(f"history: {change}: {change.why} ({change.evidence}); {change.ms} ms, by {change.by}")
        the_logs(w, night, changes)
        the_events(w, night)
        w.note(f"Prometheus: {dict(the_counters(w, p, night, changes))}, states {the_states(p, night)}")
        w.note(f"alerts, of minutes in seconds: {the_alerts(p, night)}")
        the_page(w, night)
