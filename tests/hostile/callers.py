"""codis-webhook and codis-extender, and the ops port of all three, among callers that send too much, too slowly, or
nothing. Honest calls from another address are answered meanwhile, each in the time that an API server gives."""
import base64
import concurrent.futures
import contextlib
import copy
import http.client
import json
import os
import socket
import threading
import time

from api import Api
from base import ME, Asker, Failed, Program, call, wait
from peers import zeros
from programs import TOP, cpu_seconds

ADMISSION_S = 3  # timeoutSeconds of manifests/system
SCHEDULER_S = 2  # httpTimeout of the scheduler's configuration there
BODY_MAX = 3 << 20
IDLE_S = 3
# Handshake and head may take 5 s, a body 10 s (common/net/httpd.c); the rest is for a busy machine.
CUT_S = 25


def pod_of(name):
    with open(os.path.join(TOP, f"tests/unit/fixtures/webhook/{name}.json")) as f:
        return json.load(f)


def review(pod, uid="u"):
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": uid, "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE", "namespace": "shop",
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "object": pod}}


def with_member(pod, path, text):
    """The review as bytes, with a text of JSON in it that Python need not hold as objects."""
    pod = copy.deepcopy(pod)
    at = pod
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = "HERE"
    return json.dumps(review(pod)).encode().replace(b'"HERE"', text)


SOFT = {"codis.io/spread": "soft"}


class World:
    def __init__(self, stack):
        self.api = Api()
        stack.callback(self.api.stop)
        for kind in ("mutating", "validating"):
            self.api.apply(f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations/codis-webhook",
                           {"webhooks": [{"name": "a", "clientConfig": {}}, {"name": "b", "clientConfig": {}}]})
        for i in range(4):
            self.api.apply(f"/api/v1/nodes/node-{i}", {"metadata": {"labels": {"kubernetes.io/hostname": f"node-{i}"}},
                                                       "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        self.server = pod_of("plain-server")

    def webhook(self, stack):
        program = Program(stack, "codis-webhook", self.api, "--drain", "100ms", listen=True)
        program.until_ready()
        return program

    def extender(self, stack):
        program = Program(stack, "codis-extender", self.api, listen=True)
        program.until_ready()
        return program

    def controller(self, stack):
        return Program(stack, "codis-controller", self.api)

    def admit(self, webhook, **how):
        """An honest review; whether its answer is right."""
        status, text = call(webhook.port, "/mutate", review(self.server), tls=True, timeout=ADMISSION_S, **how)
        response = json.loads(text)["response"]
        return status == 200 and response["allowed"] and b"codis.io/group" in base64.b64decode(response["patch"])

    def place(self, extender, **how):
        """An honest filter call for a pod that need not wait because the extender has just begun."""
        pod = {**self.server, "metadata": {**self.server["metadata"], "uid": "u", "annotations": SOFT}}
        status, text = call(extender.port, "/filter", {"Pod": pod, "NodeNames": [f"node-{i}" for i in range(4)]},
                            timeout=SCHEDULER_S, **how)
        return status == 200 and bool(json.loads(text)["NodeNames"])


# --- too much ---------------------------------------------------------------------------------------------------------
def sends(program, path, body, times, tls):
    """What came of it: how often which status, or why none."""
    def one(_):
        try:
            return str(call(program.port, path, body, tls=tls, source=ME, timeout=30)[0])
        except (OSError, http.client.HTTPException) as e:
            return type(e).__name__
    with concurrent.futures.ThreadPoolExecutor(times) as pool:
        got = list(pool.map(one, range(times)))
    return ", ".join(f"{got.count(g)} x {g}" for g in sorted(set(got)))


def bears(stack, world, note, body):
    """The body once, twice, ten times at once."""
    webhook = world.webhook(stack)
    honest = Asker(stack, lambda: world.admit(webhook))
    for times in (1, 2, 10):
        note(f"{times:2} at once: {sends(webhook, '/mutate', body, times, True)}; {webhook.note()}")
        webhook.check()
        honest.check()
    note(honest.note())
    webhook.stop()


def case_zeros(stack, world, note):
    """3 MB of [0,0,...] posted to the webhook stay below its container's memory."""
    bears(stack, world, note, zeros(BODY_MAX - 400))


def case_review_zeros(stack, world, note):
    """A review of 3 MB, valid but for a member of zeros."""
    bears(stack, world, note, with_member(world.server, ["x"], zeros(BODY_MAX - 20000)))


def case_review_arguments(stack, world, note):
    """A review of 3 MB that an API server would send: a container with a million empty arguments."""
    arguments = b"[" + b'"",' * 1000000 + b'""]'
    bears(stack, world, note, with_member(world.server, ["spec", "containers", 0, "args"], arguments))


def case_review_texts(stack, world, note):
    """A review of 3 MB whose arguments are long texts: as few values as an honest one has."""
    arguments = b'["' + b'","'.join([b"x" * 29000] * 100) + b'"]'
    bears(stack, world, note, with_member(world.server, ["spec", "containers", 0, "args"], arguments))


def case_review_words(stack, world, note):
    """A review whose shell text of 900 kB names 500 variables, each of which would be looked for in all of it."""
    text = "codis-server --port=" + "$A" * 511 + "\n#" + "=" * 900000 + "\nA=1\n"
    pod = copy.deepcopy(world.server)
    pod["spec"]["containers"][0].pop("args", None)
    body = with_member(pod, ["spec", "containers", 0, "command"], json.dumps(["sh", "-c", text]).encode())
    webhook = world.webhook(stack)
    begin = time.monotonic()
    status = call(webhook.port, "/mutate", body, tls=True, source=ME, timeout=ADMISSION_S)[0]
    note(f"{status} after {time.monotonic() - begin:.2f} s")
    bears(stack, world, note, body)


def case_deep(stack, world, note):
    """1,500,000 brackets."""
    bears(stack, world, note, b"[" * 1500000)


def case_filter_zeros(stack, world, note):
    """16 MB of zeros posted to the extender stay below its container's memory."""
    extender = world.extender(stack)
    honest = Asker(stack, lambda: world.place(extender))
    pod = json.dumps(world.server).encode()
    for times in (1, 2, 10):
        for body in (zeros((16 << 20) - 400), b'{"Pod":' + pod + b',"NodeNames":' + zeros(8 << 20) + b"}"):
            note(f"{times:2} at once: {sends(extender, '/filter', body, times, False)}; {extender.note()}")
            extender.check()
            honest.check()
    note(honest.note())
    extender.stop()


# --- nothing, and slowly ----------------------------------------------------------------------------------------------
def connects(stack, port, how_many, source=ME, words=b""):
    """Connections that only sit there."""
    made = []
    for i in range(how_many):
        s = socket.socket()
        stack.callback(s.close)
        s.settimeout(1)
        with contextlib.suppress(OSError):
            s.bind((source(i) if callable(source) else source, 0))
            s.connect(("127.0.0.1", port))
            s.sendall(words)
            made.append(s)
    return made


def three(stack, world):
    return [world.webhook(stack), world.extender(stack), world.controller(stack)]


def serve_all(stack, world, note, programs, sit):
    """sit(program): connections are made. Honest callers are answered all the time; the scheduler, once they sit there:
    the extender counts no peers, since all come from its pod, so 64 that come within a millisecond may push it out."""
    webhook, extender, _ = programs
    honest = [Asker(stack, lambda: world.admit(webhook)),
              *(Asker(stack, lambda p=p: p.get("/metrics")[0] == 200, 0.2) for p in programs)]
    for program in programs:
        sit(program)
    honest.insert(1, Asker(stack, lambda: world.place(extender)))
    time.sleep(IDLE_S)
    for h in honest:
        h.check()
    note("; ".join(h.note() for h in honest[:2]))  # before a program ends: who connects to it then waits for a second
    for program in programs:
        status, text = program.get("/healthz", source=ME)
        if status != 200:
            raise Failed(f"from the address of those who sit there: {status} {text}")
        program.stop()
        note(program.note())


def case_ops_idle(stack, world, note):
    """1,000 idle connections to each ops port: the kubelet is answered, from another address and from the same."""
    serve_all(stack, world, note, three(stack, world), lambda p: connects(stack, p.ops, 1000))


def case_main_idle(stack, world, note):
    """1,000 idle connections to the ports of the webhook and the extender."""
    serve_all(stack, world, note, three(stack, world), lambda p: p.port and connects(stack, p.port, 1000))


def case_many_addresses(stack, world, note):
    """2 from each of 400 addresses, to every port."""
    def source(i):
        return f"127.50.{i % 400 // 200}.{i % 200 + 1}"
    serve_all(stack, world, note, three(stack, world),
              lambda p: [connects(stack, port, 800, source) for port in (p.ops, p.port) if port])


def case_stalled_handshakes(stack, world, note):
    """1,000 connections to the webhook that begin TLS and go no further."""
    serve_all(stack, world, note, three(stack, world),
              lambda p: p.name == "codis-webhook" and connects(stack, p.port, 1000, words=b"\x16\x03\x01\x02\x00\x01"))


def case_half_a_hello(stack, world, note):
    """50 handshakes of which half a ClientHello has come take no CPU while they wait for the rest."""
    webhook = world.webhook(stack)
    connects(stack, webhook.port, 50, words=b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03")
    before = cpu_seconds(webhook.process.pid)
    time.sleep(IDLE_S)
    took = cpu_seconds(webhook.process.pid) - before
    note(f"{took:.2f} s of {IDLE_S} s")
    if took > IDLE_S / 6:
        raise Failed(f"they took {took:.2f} s of CPU in {IDLE_S} s")
    webhook.stop()


class Trickle:
    """Sends a byte on each connection several times a second, until all are cut."""

    def __init__(self, stack, sockets):
        self.open, self.ending = set(sockets), threading.Event()
        for s in sockets:
            s.setblocking(False)
        thread = threading.Thread(target=self.run, daemon=True)
        stack.callback(thread.join)
        stack.callback(self.ending.set)
        thread.start()

    def run(self):
        while not self.ending.wait(0.3):
            for s in list(self.open):
                try:
                    s.sendall(b"a")
                    s.recv(4096)
                    self.open.discard(s)  # an answer, or the end
                except BlockingIOError:
                    pass
                except OSError:
                    self.open.discard(s)


HEAD = b"GET /x HTTP/1.1\r\nHost: a\r\nX: "
BODY = b"POST /filter HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


def case_slow_loris(stack, world, note):
    """Heads and bodies of which a byte comes now and then: cut within seconds, and nobody waits for them."""
    trickles = []

    def sit(p):
        ports = [p.ops] + ([p.port] if p.name == "codis-extender" else [])
        trickles.append(Trickle(stack, [s for port in ports for words in (HEAD, BODY)
                                        for s in connects(stack, port, 50, words=words)]))
    programs = three(stack, world)
    webhook, extender, _ = programs
    honest = [Asker(stack, lambda: world.admit(webhook))]
    for p in programs:
        sit(p)
    honest.append(Asker(stack, lambda: world.place(extender)))  # once they sit there, as in serve_all()
    begin = time.monotonic()
    wait("slow connections to be cut", lambda: not any(t.open for t in trickles), CUT_S, 0.2)
    note(f"the last was cut after {time.monotonic() - begin:.0f} s; " + "; ".join(h.note() for h in honest))
    for h in honest:
        h.check()
    for p in programs:
        p.stop()


# --- without what every program has -----------------------------------------------------------------------------------
def close_standard_files():
    for fd in (0, 1, 2):
        os.close(fd)


def case_no_standard_files(stack, world, note):
    """Started without standard input, output and error, no line of the log goes where it does not belong."""
    for name in ("codis-webhook", "codis-extender", "codis-controller"):
        program = Program(stack, name, world.api, listen=name != "codis-controller", preexec_fn=close_standard_files)
        program.until_ready()
        files = [os.readlink(f"/proc/{program.process.pid}/fd/{fd}") for fd in (0, 1, 2)]
        if files != ["/dev/null"] * 3:
            raise Failed(f"{name} has opened as 0, 1, 2: {' '.join(files)}")
        program.stop()
        note(program.note())
