"""When everything was gone at once."""
import socket
import threading
import time

from world import NODES, Codis, case, manifests_of, wait_for

# What may be missing: what was written since the last fsync that ended (appendfsync everysec), and Redis lets one take 2 s.
UNSYNCED_S = 2
VOLUMES = 3  # of each node: of a server, of a member of ZooKeeper, and one for whoever has to be there as well


def new_run_ids(w, old):
    servers = w.codis.servers()
    return {s.pod for s in servers if s.info.get("run_id") and s.info["run_id"] != old[s.pod]}


def assert_serves_empty(w, before, limit):
    """All servers are new processes, and it serves again: empty, and the status says so."""
    wait_for("servers that run again", lambda: (len(new_run_ids(w, before)) == 4, f"{new_run_ids(w, before)}"), limit)
    w.note(f"serves again after {w.wait_whole(limit):.1f} s")
    line = w.status_line()
    w.note(line)
    assert "empty" in line, "the status does not say that it is empty"


@case
def all_killed(w):
    """All four servers are killed at once: it serves again by itself, empty, and says so."""
    before = {s.pod: s.info["run_id"] for s in w.codis.servers()}
    w.kill(*(f"{name}/codis-server" for name in before))
    assert_serves_empty(w, before, 120)


# --- what lasts -----------------------------------------------------------------------------------------------------------

STORAGE_CLASS = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: local
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
"""
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: %(name)s, labels: {for: lasting}}
spec:
  storageClassName: local
  capacity: {storage: 4Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /var/lib/lasting/%(name)s, type: DirectoryOrCreate}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [%(node)s]}]
"""


class Client:
    """Sets new keys through a proxy, one after the other, and remembers when each was acknowledged."""

    def __init__(self, codis):
        self.acknowledged = []  # (key, when, by the monotonic clock)
        self.address = proxy_address(codis)
        self.thread = threading.Thread(target=self.write, daemon=True)
        self.thread.start()

    def write(self):
        """Until the connection has no answer any more: the power is gone."""
        with socket.create_connection(self.address, 1) as s:
            s.settimeout(1)
            while True:
                key = f"lasting-{len(self.acknowledged)}"
                try:
                    s.sendall(command("SET", key, key[::-1]))
                    if s.recv(64) != b"+OK\r\n":
                        return
                except OSError:
                    return
                self.acknowledged.append((key, time.monotonic()))

    def older_than(self, at):
        return sum(1 for _, when in self.acknowledged if when < at)

    def missing(self, codis):
        """Those that are not there any more, or have another value."""
        found = {}
        with socket.create_connection(proxy_address(codis), 10) as s, s.makefile("rb") as answers:
            for key, _ in self.acknowledged:
                s.sendall(command("GET", key))
                head = answers.readline()
                assert head[:1] == b"$", f"GET {key}: {head!r}"
                found[key] = answers.read(int(head[1:]) + 2)[:-2].decode() if head != b"$-1\r\n" else None
        return [(key, at) for key, at in self.acknowledged if found[key] != key[::-1]]


def command(*words):
    return (f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)).encode()


def proxy_address(codis):
    return codis.pods("codis-proxy")[0]["status"]["podIP"], 19000


def make_lasting(w):
    """manifests/codis/persistent in a namespace of its own, on volumes that this cluster has not by itself."""
    nodes = [f"node{i}" for i in range(1, NODES + 1)]
    w.kube.apply("---".join([STORAGE_CLASS, *(VOLUME % {"node": n, "name": f"{n}-{i}"} for n in nodes for i in range(VOLUMES))]))
    w.make_codis("lasting", manifests_of("persistent").replace("nodePort: 31080", "nodePort: 31084"))
    codis = Codis(w.kube, "lasting")
    w.note(f"the persistent set is whole after {w.wait_whole(180, codis):.0f} s")
    return codis


def remove_lasting(w):
    w.kube.kubectl("delete", "pods", "--all", "-n", "lasting", "--grace-period=1", "--wait=false")
    w.remove_codis("lasting")
    w.kube.kubectl("delete", "pv", "-l", "for=lasting", "--wait=false")
    w.kube.kubectl("delete", "storageclass", "local")


def assert_all_lasts(w, codis, client, off):
    missing = client.missing(codis)
    old = [key for key, at in missing if at < off - UNSYNCED_S]
    w.note(f"of {client.older_than(off - UNSYNCED_S)} keys {len(old)} are missing, and {len(missing) - len(old)} of the "
           f"{len(client.acknowledged) - client.older_than(off - UNSYNCED_S)} of the last {UNSYNCED_S} s")
    assert not old, f"{len(old)} keys are missing: {old[:3]}"


@case
def power_loss(w):
    """All nodes lose their power and get it back: proxies, dashboard and slots are right, and it serves; what the persistent set was told is there."""
    lasting = make_lasting(w)
    client = Client(lasting)
    wait_for("keys that count", lambda: (client.older_than(time.monotonic() - UNSYNCED_S) > 1000, "they are written"), 60)
    before = {s.pod: s.info["run_id"] for s in w.codis.servers()}
    off = time.monotonic()
    for i in range(1, NODES + 1):
        w.cluster.power_off(i)
    client.thread.join(30)
    time.sleep(2)
    begin = time.monotonic()
    for i in range(1, NODES + 1):
        w.cluster.power_on(i)
    w.wait_system(180)
    w.note(f"codis-system is ready {time.monotonic() - begin:.0f} s after the power came back")
    w.wait_whole(240, lasting)
    w.note(f"the persistent set serves {time.monotonic() - begin:.0f} s after the power came back")
    assert_all_lasts(w, lasting, client, off)
    assert_serves_empty(w, before, 240)
    w.note(f"it serves {time.monotonic() - begin:.0f} s after the power came back")
    remove_lasting(w)
    w.wait_admission()
    w.note(f"pods and StatefulSets are admitted {time.monotonic() - begin:.0f} s after the power came back")
