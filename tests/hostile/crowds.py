"""codis-webhook among crowds, each of one address, in processes of their own. Honest callers ask meanwhile: one that keeps
its connection, one that comes anew each time, both from another address, and one that keeps its connection from the
crowd's own, as an API server behind the same NAT has it. Each case notes what they felt, and what it cost the webhook."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import callers
from base import KUBELET, ME, Failed, percentiles
from programs import cpu_seconds

VISITOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "visitor.py")
ASK_S = 2  # for so long they ask
GO_S = 60  # until one who is told to go has gone
SETTLE_S = 0.3

World = callers.World


class Visitor:
    def __init__(self, stack, kind, port, source, body=None):
        self.kind = kind
        self.process = subprocess.Popen([sys.executable, VISITOR, kind, str(port), source, *([body] if body else [])],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(self.process.wait)
        stack.callback(self.process.kill)
        if self.process.stdout.readline() != "there\n":
            raise Failed(f"the visitor {kind} is not there")

    def go(self):
        """What it saw."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        return self.process.stdout.read().strip()


def write_body(stack, world, webhook, body=None):
    path = os.path.join(webhook.folder, "review.json" if body is None else "hostile.json")
    with open(path, "wb") as f:
        f.write(json.dumps(callers.review(world.server)).encode() if body is None else body)
    return path


def felt(text):
    """(one line, failures)"""
    saw = json.loads(text)
    took = saw["took"]
    return f"{len(took)} calls, {percentiles(took)}", saw["failures"]


def stand(stack, world, note, kind, body=None):
    """The crowd is there, the honest ask, and none of them fails."""
    webhook = world.webhook(stack)
    review = write_body(stack, world, webhook)
    same = Visitor(stack, "keeps", webhook.port, ME, review)  # as it was before they came
    crowd = kind and Visitor(stack, kind, webhook.port, ME, body and write_body(stack, world, webhook, body))
    time.sleep(SETTLE_S)
    before, begin = cpu_seconds(webhook.process.pid), time.monotonic()
    honest = {"keeps its connection": Visitor(stack, "keeps", webhook.port, KUBELET, review),
              "comes anew": Visitor(stack, "comes_anew", webhook.port, KUBELET, review)}
    time.sleep(ASK_S)
    saw = {what: felt(v.go()) for what, v in honest.items()}
    saw["keeps it, of the same address"] = felt(same.go())
    cpu = (cpu_seconds(webhook.process.pid) - before) / (time.monotonic() - begin)
    if crowd:
        note(f"{crowd.go()}; {webhook.note()}, {cpu * 100:.0f}% of a core")
    else:
        note(f"{webhook.note()}, {cpu * 100:.0f}% of a core")
    for what, (line, failures) in saw.items():
        note(f"{what}: {line}")
        if failures:
            raise Failed(f"{len(failures)} calls failed of who {what} ({line}): {failures[0]}")
    webhook.stop()


def case_nobody(stack, world, note):
    """Nobody but the honest, to compare with."""
    stand(stack, world, note, None)


def case_silent(stack, world, note):
    """1,000 connections that say nothing."""
    stand(stack, world, note, "silent")


def case_shaken(stack, world, note):
    """1,000 that do their handshake and say nothing."""
    stand(stack, world, note, "shaken")


def case_bytes(stack, world, note):
    """1,000 whose head comes a byte a second."""
    stand(stack, world, note, "bytes")


def case_bodies(stack, world, note):
    """100 bodies of 3 MiB, each but for a byte."""
    stand(stack, world, note, "bodies")


def case_expects(stack, world, note):
    """500 that are told to continue with their bodies, and do not."""
    stand(stack, world, note, "expects")


def case_unread(stack, world, note):
    """200 answers of a megabyte that nobody reads."""
    text = "codis-server --port=6379\n#" + "=" * 900000 + "\n"
    server = json.loads(json.dumps(world.server))
    server["spec"]["containers"][0].pop("args", None)
    stand(stack, world, note, "unread", callers.with_member(server, ["spec", "containers", 0, "command"],
                                                            json.dumps(["sh", "-c", text]).encode()))


def case_connects(stack, world, note):
    """Connections that are made and closed as fast as one process can."""
    stand(stack, world, note, "connects")


def case_handshakes(stack, world, note):
    """Handshakes as fast as one process can."""
    stand(stack, world, note, "handshakes")


def case_hellos(stack, world, note):
    """ClientHellos that cost nothing to send, as fast as one process can."""
    stand(stack, world, note, "hellos")


def case_heads(stack, world, note):
    """Heads of a megabyte."""
    stand(stack, world, note, "heads")


def case_pipelines(stack, world, note):
    """100 reviews in a row on one connection, again and again."""
    with open(write_body(stack, world, world.webhook(stack)), "rb") as f:
        body = f.read()
    stand(stack, world, note, "pipelines", body)


def case_chunks(stack, world, note):
    """Bodies in 100,000 chunks of a byte, again and again."""
    stand(stack, world, note, "chunks")


def case_rolled(stack, world, note):
    """SIGTERM under 16 that keep their connections and ask nothing twice: each request that is sent is answered."""
    webhook = world.webhook(stack)
    clients = Visitor(stack, "rolls", webhook.port, KUBELET, write_body(stack, world, webhook))
    time.sleep(SETTLE_S)
    begin = time.monotonic()
    webhook.ending.set()
    webhook.process.send_signal(signal.SIGTERM)
    saw = json.loads(clients.go())
    status = webhook.process.wait(GO_S)
    note(f"{saw['answered']} answered, of which {saw['told']} were told to come anew; it ended after "
         f"{time.monotonic() - begin:.1f} s")
    if status:
        raise Failed(f"it ended with {status}")
    if saw["unanswered"] or not saw["told"]:
        raise Failed(f"{len(saw['unanswered'])} of {saw['answered']} requests went unanswered: {saw['unanswered'][:1]}")
