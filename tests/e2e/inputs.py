"""What people really write. A Codis of one group, one proxy and one ZooKeeper each, where that is enough."""
import base64
import contextlib
import json
import signal
import struct
import subprocess
import time

from codis import SYSTEM, Codis, controller_status, status_line
from kube import is_ready
from world import case, manifest, wait_for

PROGRAMS = ("codis-server", "codis-dashboard", "codis-proxy")
WHOLE = ": OK, 1/1 groups led, 1 proxy, 1024/1024 slots served"
CLIENT = ("redis-cli", "-h", "codis-proxy", "-p", "19000")


# --- manifests ----------------------------------------------------------------------------------------------------------

def objects_of(w, *texts):
    """The objects of manifests, to be changed."""
    found = json.loads(w.kube.kubectl("apply", "--dry-run=client", "-o", "json", "-f", "-",
                                      text="\n---\n".join(texts)).stdout)
    objects = found.get("items", [found])
    for o in objects:
        o["metadata"].pop("namespace")
        o["metadata"].pop("annotations")  # what was applied last
    return objects


def small(w, folder="plain", servers=2):
    """One group, one proxy, one ZooKeeper; the servers, dashboard and proxy in the plain form or in the article's."""
    files = {"plain": ("codis-config", *PROGRAMS), "article": ("codis-service", *PROGRAMS)}[folder]
    objects = objects_of(w, manifest("codis", "plain", "zookeeper.yaml"),
                         *(manifest("codis", folder, f + ".yaml") for f in files))
    objects = [o for o in objects if o["metadata"]["name"] not in ("codis-fe", "codis-ha")]  # the article's Services
    replicas = {"codis-server": servers, "codis-proxy": 1, "zookeeper": 1}
    for o in objects:
        if o["kind"] != "Service" and o["metadata"]["name"] in replicas:
            o["spec"].update({"replicas": replicas[o["metadata"]["name"]]} if "replicas" in o["spec"] else {})
        if "template" in o.get("spec", {}):
            o["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 10
    set_env(container(objects, "zookeeper"), ZK_REPLICAS="1")
    return objects


def workload(objects, name):
    return next(o for o in objects if o["metadata"]["name"] == name and "template" in o.get("spec", {}))


def container(objects, name):
    return workload(objects, name)["spec"]["template"]["spec"]["containers"][0]


def label(objects, name, **labels):
    workload(objects, name)["spec"]["template"]["metadata"]["labels"].update(labels)


def set_env(c, **variables):
    """A value, what valueFrom has, or None: not there. A variable stands before those that are there."""
    c["env"] = [e for e in c.get("env", []) if e["name"] not in variables]
    c["env"][:0] = [{"name": k, **({"value": v} if isinstance(v, str) else {"valueFrom": v})}
                    for k, v in variables.items() if v is not None]


def field(path):
    return {"fieldRef": {"fieldPath": path}}


def key_of(kind, name, key):
    return {kind + "KeyRef": {"name": name, "key": key}}


def config(name, kind="ConfigMap", **data):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name},
            "stringData" if kind == "Secret" else "data": data}


# --- on the cluster -----------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def applied(w, namespace, objects, password=""):
    """These in a namespace of their own. Its end is not waited for."""
    codis = Codis(w.kube, namespace, password=password)
    try:
        w.make_codis(namespace, listed(objects))
        yield codis
    except Exception:
        w.note("; ".join(f"{p['metadata']['name']} {p['status']['phase']}" for p in codis.pods()))
        raise
    finally:
        w.kube.kubectl("delete", "namespace", namespace, "--wait=false")
        w.kube.kubectl("delete", "pods", "-n", namespace, "--all", "--grace-period=1", "--wait=false")


def listed(objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def wait_line(w, namespace, words, limit=90):
    """Waits until the status line of a namespace has these words; returns it."""
    def probe():
        line = status_line(w.kube, namespace)
        return words in line, line
    seconds = wait_for(f"{words!r} in {namespace}", probe, limit)
    line = status_line(w.kube, namespace)
    w.note(f"after {seconds:.0f} s: {line}")
    return line


def through_proxy(codis, *command):
    pod = codis.pods("codis-proxy")[0]["metadata"]["name"]
    password = ("-a", codis.password) if codis.password else ()
    return codis.kube.run_in(codis.namespace, pod, *CLIENT, *password, *command, container="codis-proxy").strip()


def assert_serves(codis):
    """Keys of several slots are taken and read back, once the Service knows the proxy that the status line has."""
    wait_for("the Service", lambda: (through_proxy(codis, "PING") == "PONG", "PING is answered with something else"), 15)
    for i in range(3):
        assert through_proxy(codis, "SET", f"key{i}", f"value{i}") == "OK"
        assert through_proxy(codis, "GET", f"key{i}") == f"value{i}"


def not_led(w, namespace):
    """pod -> why it is in no cluster, as the status has it."""
    return {s["pod"]: s["trouble"] for s in controller_status(w.kube)["not_led"] if s["namespace"] == namespace}


def wait_event(w, namespace, pod, *words):
    """Waits until an Event of a pod has all the words; returns it."""
    def found():
        return [e for e in w.kube.events(namespace, pod) if all(word in e for word in words)]
    wait_for(f"an Event of {pod} with {', '.join(words)}", lambda: (found(), w.kube.events(namespace, pod)[-3:]), 30)
    return found()[0]


def kill_master(w, codis):
    """kill -9 of the group's master; another one leads, with all keys."""
    old = next(s for s in codis.servers() if s.is_master)
    w.kill(f"{codis.namespace}/{old.pod}/codis-server")

    def another():
        masters = [s for s in codis.servers() if s.is_master]
        return len(masters) == 1 and masters[0].pod != old.pod, [f"{s.pod} {s.words}" for s in codis.servers()]
    wait_for("another master", another, 20)
    for i in range(3):
        assert through_proxy(codis, "GET", f"key{i}") == f"value{i}"


def uids(codis):
    return {p["metadata"]["name"]: p["metadata"]["uid"] for p in codis.pods("codis-server")}


# --- the product --------------------------------------------------------------------------------------------------------

@case
def silent_servers(w):
    """The article's servers, which name no product, belong to the only product, and stay when another one comes."""
    objects = small(w, "article")
    for name in ("codis-dashboard", "codis-proxy"):
        set_env(container(objects, name), PRODUCT_NAME="shop")
    with applied(w, "shop", objects) as codis:
        assert wait_line(w, "shop", WHOLE).startswith("shop: ")
        assert_serves(codis)
        dashboard = workload(objects, "codis-dashboard")
        w.kube.apply(listed([renamed(dashboard, "orders")]), "shop")
        wait_for("another product", lambda: (any(
            c["product"] == "orders" for c in controller_status(w.kube)["clusters"]), "not seen"), 20)
        w.kube.kubectl("delete", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=codis-controller")
        w.wait_system(60)  # those that take their place have never seen the namespace with one product
        wait_for("the servers led as before", lambda: (shop(w).startswith("shop: OK, 1/1"), shop(w)), 30)
        kill_master(w, codis)
        assert not not_led(w, "shop"), not_led(w, "shop")


def shop(w):
    return next(c["line"] for c in controller_status(w.kube)["clusters"] if c["product"] == "shop")


def renamed(dashboard, product):
    """The dashboard of another product."""
    other = json.loads(json.dumps(dashboard))
    name = other["metadata"]["name"] = f"codis-dashboard-{product}"
    other["spec"]["selector"]["matchLabels"]["product"] = name
    other["spec"]["template"]["metadata"]["labels"]["product"] = name
    set_env(other["spec"]["template"]["spec"]["containers"][0], PRODUCT_NAME=product)
    return other


def only(objects, *names):
    return [o for o in objects if o["metadata"]["name"] in names]


@case
def two_products(w):
    """Servers that name no product beside two that do: apply, status and Events say which line to add."""
    objects = small(w)
    set_env(container(objects, "codis-server"), PRODUCT_NAME=None)
    dashboard, servers = workload(objects, "codis-dashboard"), listed(only(objects, "codis-server"))
    why = "says no product and the namespace has orders and shop"
    config_map = only(objects, "codis-config")
    with applied(w, "two", [*config_map, renamed(dashboard, "shop"), renamed(dashboard, "orders")]) as codis:
        def warned():
            done = w.kube.kubectl("apply", "-n", "two", "--dry-run=server", "-f", "-", text=servers)
            return f"codis-server {why}" in done.stderr, done.stderr
        wait_for("a warning at apply", warned, 20)
        w.kube.apply(servers, "two")
        for pod in ("codis-server-0", "codis-server-1"):
            wait_for(f"{pod} in the status", lambda p=pod: (
                not_led(w, "two").get(p) == f"add env PRODUCT_NAME: {p} {why}", not_led(w, "two")), 30)
            w.note(wait_event(w, "two", pod, "NotLed", why))
        assert len(uids(codis)) == 2


@case
def elsewhere(w):
    """A dashboard whose product is in a ConfigMap: apply, status and an Event say to label it; labelled, it is led."""
    objects = only(small(w), "codis-dashboard", "codis-config")
    set_env(container(objects, "codis-dashboard"), PRODUCT_NAME=key_of("configMap", "names", "product"))
    with applied(w, "elsewhere", [config("names", product="shop"), *only(objects, "codis-config")]):
        done = w.kube.apply(listed(objects), "elsewhere")
        assert "label it codis.io/product, or write the value: env PRODUCT_NAME comes from ConfigMap" in done.stderr, done
        wait_for("the dashboard in the status", lambda: (
            "label codis-dashboard-0 codis.io/product" in not_led(w, "elsewhere").get("codis-dashboard-0", ""),
            not_led(w, "elsewhere")), 30)
        w.note(wait_event(w, "elsewhere", "codis-dashboard-0", "NotLed", "label codis-dashboard-0 codis.io/product"))
        label(objects, "codis-dashboard", **{"codis.io/product": "shop"})
        w.kube.apply(listed(objects), "elsewhere")
        w.delete_pod("codis-dashboard-0", "elsewhere", grace=1)  # no roll takes away a pod that was never ready
        wait_for("the product shop", lambda: (status_line(w.kube, "elsewhere").startswith("shop: "), ""), 30)


# --- where values lie ---------------------------------------------------------------------------------------------------

@case
def by_field(w):
    """SERVER_REPLICA from the pod's label and PRODUCT_NAME from its namespace are read."""
    objects = small(w)
    for name in PROGRAMS:
        set_env(container(objects, name), PRODUCT_NAME=field("metadata.namespace"))
    set_env(container(objects, "codis-server"), SERVER_REPLICA=field("metadata.labels['members']"))
    label(objects, "codis-server", members="2")
    with applied(w, "by-field", objects) as codis:
        assert wait_line(w, "by-field", WHOLE).startswith("by-field: ")
        assert_serves(codis)
        # One that is to be alone is in sync with nobody, and ready all the same.
        wait_for("a ZooKeeper that is alone", lambda: (is_ready(codis.pods("zookeeper")[0]), "not ready"), 15)


@case
def refused(w):
    """What cannot be read at apply is refused with a sentence that says what to write."""
    remedies = {"SERVER_REPLICA": "write its value", "PRODUCT_NAME": "write its value, or label the pods codis.io/product"}
    server = workload(objects_of(w, manifest("codis", "plain", "codis-server.yaml")), "codis-server")
    w.kube.kubectl("create", "namespace", "unread")
    try:
        for name, remedy in remedies.items():
            for kind, source in (("ConfigMap", "configMap"), ("Secret", "secret")):
                by_key, by_all = (json.loads(json.dumps(server)) for _ in range(2))
                set_env(container([by_key], "codis-server"), **{name: key_of(source, "settings", "x")})
                set_env(container([by_all], "codis-server"), **{name: None})
                container([by_all], "codis-server")["envFrom"] = [{source + "Ref": {"name": "settings"}}]
                for o, where in ((by_key, f"{kind} settings, key x"), (by_all, f"{kind} settings by envFrom")):
                    done = w.kube.apply(json.dumps(o), "unread", check=False)
                    assert done.returncode and all(p in done.stderr for p in (name, where, remedy)), done.stderr
                    w.note(done.stderr.strip().partition("denied the request: ")[2])
        for o in (by_key, by_all):  # of PRODUCT_NAME: what the sentence says helps
            label([o], "codis-server", **{"codis.io/product": "shop"})
            done = w.kube.kubectl("apply", "-n", "unread", "--dry-run=server", "-f", "-", text=json.dumps(o))
            assert "codis.io/product" not in done.stderr, done.stderr
    finally:
        w.kube.kubectl("delete", "namespace", "unread", "--wait=false")


# --- a password ---------------------------------------------------------------------------------------------------------

@case
def password(w):
    """A password from a Secret: status and Event say the one command that is missing; with it, all is led."""
    word = "s3cret$x`;&"  # which a shell would read otherwise; blanks and quotes are none of Redis 3.2's replication
    objects = small(w, "article")
    for name in PROGRAMS:
        set_env(container(objects, name), PRODUCT_AUTH=key_of("secret", "shop-password", "auth"))
    container(objects, "codis-server")["args"] += ["--requirepass", "$(PRODUCT_AUTH)"]
    for name in ("codis-dashboard", "codis-proxy"):
        container(objects, name)["args"] += ["--product_auth", "$(PRODUCT_AUTH)"]
    command = "sed 's|codis-password|shop-password|' manifests/codis/password-role.yaml | kubectl apply -n secret -f -"
    with applied(w, "secret", [config("shop-password", "Secret", auth=word), *objects], word) as codis:
        line = wait_line(w, "secret", command)
        assert "NOAUTH" in line and "Secret shop-password, key auth" in line, line
        w.note(wait_event(w, "secret", "codis-server-0", "NOAUTH", command))
        w.kube.apply(manifest("codis", "password-role.yaml").replace("codis-password", "shop-password"), "secret")
        wait_line(w, "secret", WHOLE, 60)
        assert_serves(codis)
        kill_master(w, codis)
        wait_line(w, "secret", WHOLE, 30)
        assert "s3cret" not in logs_of_controllers(w)


def logs_of_controllers(w):
    return w.kube.kubectl("logs", "-n", SYSTEM, "-l", "app.kubernetes.io/name=codis-controller", "--tail=-1").stdout


# --- pods of other shapes -----------------------------------------------------------------------------------------------

@case
def crashing_sidecar(w):
    """A sidecar that sorts before codis-server and crashes all the time: no pod is deleted, the group stays led."""
    objects = small(w)
    sidecar = {"name": "aaa", "image": "codis-image:latest", "imagePullPolicy": "IfNotPresent",
               "command": ["sh", "-c", "sleep 3; exit 1"]}
    workload(objects, "codis-server")["spec"]["template"]["spec"]["containers"].insert(0, sidecar)
    with applied(w, "sidecar", objects) as codis:
        wait_line(w, "sidecar", WHOLE)
        assert_serves(codis)
        before = uids(codis)
        wait_for("sidecars that have crashed twice", lambda: (
            min(crashes(p) for p in codis.pods("codis-server")) >= 2, "not yet"), 60)
        time.sleep(10)  # what was deleted was deleted within this
        assert uids(codis) == before, "a pod was deleted"
        assert WHOLE in status_line(w.kube, "sidecar"), status_line(w.kube, "sidecar")
        kill_master(w, codis)


def crashes(pod):
    return next(c["restartCount"] for c in pod["status"]["containerStatuses"] if c["name"] == "aaa")


@case
def accept_and_close(w):
    """A master whose pod accepts each connection and closes it, as a mesh's proxy does before a dead server: it has failed."""
    objects = small(w)
    mesh = {"name": "mesh", "image": "codis-image:latest", "imagePullPolicy": "IfNotPresent",
            "command": ["busybox", "nc", "-ll", "-p", "15001", "-e", "true"]}
    workload(objects, "codis-server")["spec"]["template"]["spec"]["containers"].append(mesh)
    with applied(w, "mesh", objects) as codis:
        wait_line(w, "mesh", WHOLE)
        assert_serves(codis)
        old = next(s for s in codis.servers() if s.is_master)
        process, = w.processes(f"mesh/{old.pod}/codis-server")
        subprocess.run(["nsenter", "-t", str(process.pid), "--net", "nft", "-f", "-"], text=True, check=True, input="""
            add table ip mesh
            add chain ip mesh in { type nat hook prerouting priority -100; }
            add rule ip mesh in tcp dport 6379 redirect to :15001""")
        process.send(signal.SIGKILL)

        def another():
            masters = [s for s in codis.servers() if s.is_master]
            return len(masters) == 1 and masters[0].pod != old.pod, [f"{s.pod} {s.words}" for s in codis.servers()]
        w.note(f"another master after {wait_for('another master', another, 30, every=0.1):.1f} s")
        for i in range(3):
            assert through_proxy(codis, "GET", f"key{i}") == f"value{i}"
        w.note(f"the group is two in sync after {w.wait_group(1, 90, codis):.1f} s")


@case
def ordinals(w):
    """Servers that are numbered from 2 on are groups 2 and 3, and these get the slots."""
    objects = small(w, servers=4)
    workload(objects, "codis-server")["spec"]["ordinals"] = {"start": 2}
    with applied(w, "ordinals", objects) as codis:
        wait_line(w, "ordinals", ": OK, 2/2 groups led, 1 proxy, 1024/1024 slots served")
        slots = [s["group_id"] for s in codis.topom()["slots"]]
        assert {g: slots.count(g) for g in set(slots)} == {2: 512, 3: 512}


@case
def time_zone(w):
    """The lock of a dashboard that was killed in Shanghai is recognised as its own, and removed."""
    # Zone "CST", 8 h east of UTC for all time (RFC 8536, version 1): images have no zones of their own.
    zone = b"TZif" + bytes(16) + struct.pack(">6I", 0, 0, 0, 0, 1, 4) + struct.pack(">iBB", 28800, 0, 0) + b"CST\0"
    zones = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "zones"},
             "binaryData": {"Shanghai": base64.b64encode(zone).decode()}}
    objects = small(w)
    dashboard = container(objects, "codis-dashboard")
    set_env(dashboard, TZ="Asia/Shanghai")
    dashboard.setdefault("volumeMounts", []).append({"name": "zones", "mountPath": "/usr/share/zoneinfo/Asia"})
    volumes = workload(objects, "codis-dashboard")["spec"]["template"]["spec"].setdefault("volumes", [])
    volumes.append({"name": "zones", "configMap": {"name": "zones"}})
    with applied(w, "zone", [zones, *objects]) as codis:
        wait_line(w, "zone", WHOLE)
        start = codis.overview()["model"]["start_time"]
        w.note(f"the dashboard says {start}")
        assert "+0800 CST" in start, start
        w.kill("zone/codis-dashboard-0/codis-dashboard")
        w.note(wait_event(w, "zone", "codis-dashboard-0", "LockRemoved"))
        wait_for("a dashboard", lambda: (codis.overview()["model"]["start_time"] != start, ""), 60)
        wait_line(w, "zone", WHOLE)


# --- pods that no webhook has seen --------------------------------------------------------------------------------------

@contextlib.contextmanager
def no_webhook(w):
    w.kube.kubectl("delete", "mutatingwebhookconfiguration,validatingwebhookconfiguration", "codis-webhook")
    try:
        yield
    finally:
        w.kube.apply(manifest("install.yaml"))
        wait_for("the webhook's certificate", lambda: (all(
            h["clientConfig"].get("caBundle") for kind in ("mutating", "validating") for h in w.kube.get(
                f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations/codis-webhook")["webhooks"]), ""), 30)


@case
def unseen(w):
    """Pods that no webhook has seen are led, a failover of theirs loses nothing, and one without a number is told of."""
    objects = small(w)
    template = workload(objects, "codis-server")["spec"]["template"]
    stray = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "by-hand", "labels": {"codis.io/component": "codis-server"}},
             "spec": template["spec"]}
    with no_webhook(w):
        with applied(w, "unseen", [*objects, stray]) as codis:
            wait_for("pods", lambda: (len(codis.pods()) == 6, f"{len(codis.pods())}"), 20)
            labels = w.pod("codis-server-0", "unseen")["metadata"]["labels"]
            assert "codis.io/group" not in labels, labels
            wait_line(w, "unseen", WHOLE)
            assert_serves(codis)
            kill_master(w, codis)
            w.note(not_led(w, "unseen")["by-hand"])
            w.note(wait_event(w, "unseen", "by-hand", "NotLed"))
