"""codis-controller among tenants whose pods, ZooKeepers and names are made to end it, slow it down, or lie to it.

In each case the honest cluster beside them loses its master while the hostile ones go on, and its replica gets the role.
"""
import contextlib
import json
import os
import re
import socket
import time

import peers
from api import Api
from base import Failed, Honest, Program, wait

MET_S, LED_S, HOLD_S = 20, 20, 1.5
LEASE = "/apis/coordination.k8s.io/v1/namespaces/codis-system/leases/codis-controller"
STARTED = "2026-01-01T00:00:00Z"


class World:
    def __init__(self, stack):
        self.api = Api()
        stack.callback(self.api.stop)
        self.honest = Honest(stack, self.api)


def namespace(api, stack, name):
    path = f"/api/v1/namespaces/{name}"
    api.apply(path, {})
    stack.callback(api.delete, path)


def pod(api, stack, tenant, name, component, ip, port=None, zookeeper=""):
    """A pod that runs. port: of Redis, or of what administers a proxy or dashboard."""
    kind = "redis" if component == "codis-server" else "admin"
    container = {"name": "x", "image": "y",
                 "command": [component, *([f"--zookeeper={zookeeper}", "--product_name=codis-test"] if zookeeper else [])],
                 "ports": [{"name": kind, "containerPort": port}] if port else []}
    path = f"/api/v1/namespaces/{tenant}/pods/{name}"
    api.apply(path, {
        "metadata": {"labels": {"codis.io/component": component},
                     "ownerReferences": [{"kind": "StatefulSet", "name": name.rsplit("-", 1)[0], "controller": True}]},
        "spec": {"nodeName": "node-1", "containers": [container]},
        "status": {"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": "True"}],
                   "containerStatuses": [{"name": "x", "ready": True, "restartCount": 0,
                                          "state": {"running": {"startedAt": STARTED}}}]}})
    stack.callback(api.delete, path)


def address(number, kind=9):
    return f"127.{kind}.0.{number + 1}"


def servers(stack, world, forms):
    """A codis-server for each form of Redis, each in a namespace of its own."""
    made = []
    for i, serve in enumerate(forms.values()):
        made.append(peers.Peer((address(i), 6379), serve))
        stack.callback(made[-1].stop)
        namespace(world.api, stack, f"tenant-{i}")
        pod(world.api, stack, f"tenant-{i}", "codis-server-0", "codis-server", address(i))
    return made


def admins(stack, world, component, forms):
    """A codis-proxy or codis-dashboard for each form of HTTP."""
    made = []
    for i, serve in enumerate(forms.values()):
        made.append(peers.Peer((address(i), 0), serve()))
        stack.callback(made[-1].stop)
        namespace(world.api, stack, f"tenant-{i}")
        pod(world.api, stack, f"tenant-{i}", f"{component}-0", component, address(i), made[-1].port)
    return made


# Questions and knocks that are open, a pair of sockets for each HTTP client: there is a time from which on they are no
# more. A sanitizer takes longer to get there.
LOOK_S = 6
LOOKS = 10


def case_knock(stack, world, note):
    """Proxies and dashboards that take connections and answer nothing, a byte now and then, or without an end when asked whether they live, cost no more with time."""
    forms = {f"{form} {i}": serve for i in range(10) for form, serve in peers.KNOCK.items()}
    for component in ("codis-proxy", "codis-dashboard"):
        opened = []

        def look(controller, opened=opened):
            while len(opened) < LOOKS and (len(opened) < 2 or opened[-1] > opened[-2] + len(forms) // 2):
                time.sleep(LOOK_S)
                opened.append(descriptors(controller))
        with contextlib.ExitStack() as own:
            stays(stack, world, note, admins(own, world, component, forms), forms, look)
        seen = ", ".join(map(str, opened))
        note(f"descriptors beside {len(forms)} of {component}, every {LOOK_S} s: {seen}")
        if opened[-1] > opened[-2] + len(forms) // 2:
            raise Failed(f"{seen} descriptors, one look each {LOOK_S} s")


def descriptors(controller):
    return len(os.listdir(f"/proc/{controller.process.pid}/fd"))


TREE = {"/codis3": b"", "/codis3/codis-test": b"", "/codis3/codis-test/group": b"", "/codis3/codis-test/proxy": b"",
        "/codis3/codis-test/slots": b"", "/codis3/codis-test/group/group-0001": b'{"id":1,"servers":[]}'}


def zookeepers(stack, world, forms, tree=None):
    """A dashboard that names a ZooKeeper, for each form of one."""
    made = []
    for i, evil in enumerate(forms.values()):
        made.append(peers.ZooKeeper((address(i), 0), tree or TREE, evil))
        stack.callback(made[-1].stop)
        namespace(world.api, stack, f"tenant-{i}")
        pod(world.api, stack, f"tenant-{i}", "codis-dashboard-0", "codis-dashboard", address(i, 8),
            zookeeper=made[-1].address)
    return made


def met(peer):
    return peer.evil_ops if isinstance(peer, peers.ZooKeeper) and peer.evil else peer.met


def stays(stack, world, note, hostile=(), forms=(), then=lambda controller: None, **how):
    """Among them, and when more come (then), it stays up, leads the honest cluster, and gives its replica the role when the master is killed."""
    world.api.delete(LEASE)
    controller = Program(stack, "codis-controller", world.api, "--pod-name", "hostile", **how)
    try:
        wait("the honest cluster to be OK", lambda: world.honest.is_led(controller), LED_S)
        then(controller)
        for form, peer in zip(forms, hostile):
            wait(f"the controller to meet \"{form}\"", lambda p=peer: met(p) or controller.lives(), MET_S)
        time.sleep(HOLD_S)
        controller.check()
        took = world.honest.lose_master()
        time.sleep(HOLD_S)
        controller.stop()
    finally:
        world.honest.mend()
    note(f"role after {took * 1000:.0f} ms, {controller.note()}")
    return controller


def case_redis_unasked(stack, world, note):
    """Servers that speak unasked are disconnected."""
    stays(stack, world, note, servers(stack, world, peers.REDIS["unasked"]), peers.REDIS["unasked"])


def case_redis_too_many(stack, world, note):
    """Servers that answer oftener than they are asked are disconnected."""
    stays(stack, world, note, servers(stack, world, peers.REDIS["too many"]), peers.REDIS["too many"])


def case_redis_lengths(stack, world, note):
    """Servers that announce 2^31-1 elements, negative lengths or no end cost neither memory nor time."""
    stays(stack, world, note, servers(stack, world, peers.REDIS["lengths"]), peers.REDIS["lengths"])


def case_redis_nonsense(stack, world, note):
    """Servers whose INFO is nonsense, late, or says impossible numbers are not believed, and nothing of it is a line of the log."""
    controller = stays(stack, world, note, servers(stack, world, peers.REDIS["nonsense"]), peers.REDIS["nonsense"])
    forged(controller)


def case_proxy_zeros(stack, world, note):
    """A proxy whose answer is 16 MiB of [0,0,...] does not cost hundreds of MiB."""
    form = "16 MiB of zeros"
    peer = admins(stack, world, "codis-proxy", {form: peers.HTTP[form]})
    stays(stack, world, note, peer, [form])


def case_proxy_answers(stack, world, note):
    """Proxies that answer without an end, in nests of brackets, or no HTTP at all, all at once."""
    stays(stack, world, note, admins(stack, world, "codis-proxy", peers.HTTP), peers.HTTP)


def case_dashboard_answers(stack, world, note):
    """Dashboards that answer so."""
    stays(stack, world, note, admins(stack, world, "codis-dashboard", peers.HTTP))


def case_zookeeper_children(stack, world, note):
    """ZooKeepers that announce names which do not come, 100,000,000 or 2^31-1 of them, or names that are none."""
    forms = peers.ZOOKEEPER["children"]
    stays(stack, world, note, zookeepers(stack, world, forms), forms)


def case_zookeeper_data(stack, world, note):
    """ZooKeepers whose data has a wrong length, or costs much to parse."""
    forms = peers.ZOOKEEPER["data"]
    stays(stack, world, note, zookeepers(stack, world, forms), forms)


def case_zookeeper_frames(stack, world, note):
    """ZooKeepers that answer something else than what they were asked."""
    forms = peers.ZOOKEEPER["frames"]
    stays(stack, world, note, zookeepers(stack, world, forms), forms)


def case_zookeeper_large(stack, world, note):
    """A ZooKeeper that names 4,000 groups of 16 servers, which are nobody's, does not have them all connected to."""
    node = '{"id":%d,"promoting":{},"out_of_sync":false,"servers":[%s]}'
    tree = {**TREE, **{f"/codis3/codis-test/group/group-{g:04d}": (node % (g, ",".join(
        f'{{"server":"127.{60 + g // 256}.{g % 256}.{s + 1}:6379","datacenter":"","action":{{}},"replica_group":false}}'
        for s in range(16)))).encode() for g in range(1, 4001)}}
    controller = stays(stack, world, note, zookeepers(stack, world, {"large": lambda _, honest: honest}, tree), ["large"])
    if not [line for line in controller.lines.last(100000) if "ZooKeeper names more groups" in line]:
        raise Failed("it does not say that the cluster is too large")


def case_zookeeper_others(stack, world, note):
    """A ZooKeeper that lists the address of another tenant's plain Redis does not have it asked anything."""
    other = peers.Peer((address(0, 6), 6379), lambda _: None)
    stack.callback(other.stop)
    namespace(world.api, stack, "other")
    path = "/api/v1/namespaces/other/pods/redis-0"
    world.api.apply(path, {"spec": {"containers": [{"name": "redis"}]}, "status": {"phase": "Running", "podIP": address(0, 6)}})
    stack.callback(world.api.delete, path)
    node = {"id": 1, "promoting": {}, "out_of_sync": False, "servers": [
        {"server": f"{address(0, 6)}:6379", "datacenter": "", "action": {}, "replica_group": False}]}
    tree = {**TREE, "/codis3/codis-test/group/group-0001": json.dumps(node).encode()}
    controller = stays(stack, world, note, zookeepers(stack, world, {"others": lambda _, honest: honest}, tree), ["others"])
    if other.met:
        raise Failed("it was connected to")
    if not [line for line in controller.lines.last(100000) if "event=server.stranger" in line and "pod=other/redis-0" in line]:
        raise Failed("it does not say whose the address is")


def case_server_by_name(stack, world, note):
    """Servers that are listed by name, and a ZooKeeper by name, with a resolver that never answers, do not stop the loop."""
    resolver = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    resolver.bind(("127.0.0.1", 53))
    node = {"id": 1, "promoting": {}, "out_of_sync": False, "servers": [
        {"server": f"codis-server-{i}.codis-server:6379", "datacenter": "", "action": {}, "replica_group": False}
        for i in range(4)]}
    tree = {**TREE, "/codis3/codis-test/group/group-0001": json.dumps(node).encode()}
    zookeeper = zookeepers(stack, world, {"by name": None}, tree)
    namespace(world.api, stack, "tenant-9")
    pod(world.api, stack, "tenant-9", "codis-dashboard-0", "codis-dashboard", address(0, 7),
        zookeeper="zk-0.zk:2181,zk-1.zk:2181")
    controller = stays(stack, world, note, zookeeper, ["by name"])
    resolver.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        resolver.recv(512)
        stood_still(controller)
        return
    raise Failed("nobody has asked the resolver: this case shows nothing")


def case_pod_words(stack, world, note):
    """Pods with a megabyte of shell text, or of environment, whose variables would be looked for in all of it."""
    words = {"text": {"command": ["sh", "-c", "codis-server --port=" + "$A" * 511 + "\n#" + "=" * 900000 + "\nA=1\n"]},
             "environment": {"command": ["codis-server", "--port", "$(V)" * 60, "--requirepass", "$(V)" * 60],
                             "env": [{"name": f"a{i}"} for i in range(40000)] + [{"name": "V", "value": "x"}]}}

    def come(_):
        namespace(world.api, stack, "tenant-0")
        for i, container in enumerate(words.values()):
            path = f"/api/v1/namespaces/tenant-0/pods/codis-server-{i}"
            world.api.apply(path, {"metadata": {"labels": {"codis.io/component": "codis-server"}},
                                   "spec": {"containers": [{"name": "codis-server", **container}]},
                                   "status": {"podIP": address(i)}})
            stack.callback(world.api.delete, path)
    stood_still(stays(stack, world, note, then=come))


def case_lease_holder(stack, world, note):
    """A Lease whose holder is a line of a log, or 100 kB long, held for an hour, is no line of ours, and no hour of waiting."""
    text = 'x\ntime=2026-01-01T00:00:00Z level=error event=forged\n'
    for holder in (text, "h" * 100000):
        world.api.apply(LEASE, {"spec": {"holderIdentity": holder, "leaseDurationSeconds": 3600, "leaseTransitions": 1,
                                         "acquireTime": "2026-01-01T00:00:00.000000Z",
                                         "renewTime": "2026-01-01T00:00:00.000000Z"}})
        with contextlib.ExitStack() as own:
            controller = Program(own, "codis-controller", world.api, "--pod-name", "hostile")
            wait("the Lease to be read", lambda c=controller: c.lines.wait("event=lease", 0, 1), 10)
            time.sleep(HOLD_S)
            controller.stop()
            forged(controller)
            lines = controller.lines.last(100000)
            if len([line for line in lines if "event=lease" in line]) > 3 or any(len(line) > 4000 for line in lines):
                raise Failed("the holder is told again and again, or at length")
    note(controller.note())


def stood_still(controller):
    late = [line for line in controller.lines.last(100000) if "clock.jump" in line]
    if late:
        raise Failed(f"the loop stood still: {late[0]}")


def forged(controller):
    lines = [line for line in controller.lines.last(100000) if re.search(r"^\S* ?level=\w+ event=forged", line)
             or line.startswith("level=error event=forged")]
    if lines:
        raise Failed(f"a line of the log is not ours: {lines[0]}")
