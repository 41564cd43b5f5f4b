"""A Codis on Kubernetes, as it is: asked from its servers, its dashboard and the API server, not from our controller."""
import hashlib
import json
import socket
from dataclasses import dataclass, field

from kube import Error, is_ready
from say import wait_for

SLOTS = 1024
SYSTEM = "codis-system"
SYSTEM_PODS = 6


@dataclass
class Server:
    """A codis-server: its pod, and what it says of itself in INFO."""
    pod: str
    address: str = ""
    node: str = ""
    group: int = 0
    role: str = "none"  # master, replica, guarded (waits for a role), none (does not answer)
    master: str = ""
    linked: bool = False
    replicas: int = 0
    keys: int = 0
    info: dict = field(default_factory=dict)

    @property
    def is_master(self):
        return self.role == "master"

    @property
    def words(self):
        if self.role == "replica":
            return f"follows {self.master}" if self.linked else "is syncing"
        return {"master": "is master", "guarded": "waits for a role", "none": "does not answer"}[self.role]


def parse_info(text):
    return dict(line.split(":", 1) for line in text.replace("\r", "").split("\n") if ":" in line)


def ask_directly(address, command=b"INFO\r\n", timeout=1.0, password=""):
    """The bulk answer of a server that can be reached from here."""
    if password:
        command = b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%b\r\n" % (len(password), password.encode()) + command
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout) as s:
        s.settimeout(timeout)
        s.sendall(command)
        answer = b""
        while True:
            block = s.recv(65536)
            if not block:
                break
            answer = (answer + block).removeprefix(b"+OK\r\n")
            head, _, rest = answer.partition(b"\r\n")
            if answer and (head[:1] != b"$" or len(rest) >= int(head[1:]) + 2):
                break
    if answer[:1] != b"$":
        raise RuntimeError(f"{address}: {answer.decode('utf-8', 'replace').strip()}")
    return answer.partition(b"\r\n")[2].decode("utf-8", "replace")


class Codis:
    """One Codis in one namespace. direct: its pods' addresses can be reached from this machine."""

    def __init__(self, kube, namespace, direct=True, password=""):
        self.kube = kube
        self.namespace = namespace
        self.direct = direct
        self.password = password

    # --- servers ---------------------------------------------------------------------------------------------------

    def pods(self, app=None):
        return self.kube.pods(self.namespace, app and f"app={app}")

    def _info(self, pod):
        if self.direct:
            return parse_info(ask_directly(pod["status"]["podIP"] + ":6379", password=self.password))
        return parse_info(self.kube.run_in(self.namespace, pod["metadata"]["name"], "redis-cli",
                                           *(("-a", self.password) if self.password else ()), "INFO"))

    def server(self, pod):
        meta, status = pod["metadata"], pod["status"]
        s = Server(meta["name"], group=int(meta.get("labels", {}).get("codis.io/group", 0)),
                   node=pod["spec"].get("nodeName", ""))
        if not status.get("podIP"):
            return s
        s.address = status["podIP"] + ":6379"
        try:
            s.info = self._info(pod)
        except (OSError, RuntimeError, ValueError):
            return s
        if s.info.get("role") == "master":
            s.role, s.replicas = "master", int(s.info.get("connected_slaves", 0))
        elif s.info.get("role") == "slave":
            s.master = s.info["master_host"] + ":" + s.info["master_port"]
            s.role = "guarded" if s.master == "127.0.0.1:1" else "replica"
            s.linked = s.info.get("master_link_status") == "up"
        for database in (v for k, v in s.info.items() if k.startswith("db") and "keys=" in v):
            s.keys += int(database.split("keys=")[1].split(",")[0])
        return s

    def servers(self):
        pods = sorted(self.pods("codis-server"), key=lambda p: ordinal(p["metadata"]["name"]))
        return [self.server(p) for p in pods]

    def group(self, gid):
        return [s for s in self.servers() if s.group == gid]

    def master(self, gid):
        masters = [s for s in self.group(gid) if s.is_master]
        if len(masters) != 1:
            raise RuntimeError(f"group {gid} has {len(masters)} masters")
        return masters[0]

    def group_trouble(self, gid, members=2, declared=None, servers=None):
        """Why the group is not `members` servers in sync, as the dashboard declares them; "" when it is."""
        group = [s for s in (servers or self.servers()) if s.group == gid]
        masters = [s for s in group if s.is_master]
        if len(group) != members:
            return f"group {gid} has {len(group)} pods"
        if len(masters) != 1:
            return ", ".join(f"{s.pod} {s.words}" for s in group)
        for s in group:
            if s is not masters[0] and not (s.linked and s.master == masters[0].address):
                return f"{s.pod} {s.words}"
        listed = (declared or self.declared_groups()).get(gid, [])
        if listed[:1] != [masters[0].address] or sorted(listed) != sorted(s.address for s in group):
            return f"group {gid}: the dashboard lists {', '.join(listed) or 'nobody'}"
        return ""

    # --- dashboard and proxies -------------------------------------------------------------------------------------

    def overview(self):
        status, text = self.kube.pod_http(self.namespace, "codis-dashboard-0", 18080, "/topom", timeout=5)
        if status != 200:
            raise RuntimeError(f"the dashboard answers {status}: {text.strip()[:200]}")
        return json.loads(text)

    def put(self, path, timeout=30, product="codis-test"):
        """A REST action of the dashboard, as codis-fe, codis-admin or a script would send it. Returns (status, text)."""
        xauth = hashlib.sha256(f"Codis-XAuth-[{product}]".encode()).hexdigest()[:32]
        return self.kube.pod_http(self.namespace, "codis-dashboard-0", 18080,
                                  "/api/topom/" + path.replace(":xauth", xauth), "PUT", timeout=timeout)

    def promote(self, server, timeout=30):
        """As a person does it in codis-fe. Returns (status, text)."""
        return self.put(f"group/promote/:xauth/{server.group}/{server.address}", timeout)

    def topom(self):
        return self.overview()["stats"]

    def declared_groups(self, stats=None):
        """group -> addresses, the master first, as the dashboard has it."""
        models = (stats or self.topom())["group"]["models"]
        return {g["id"]: [s["server"] for s in g.get("servers") or []] for g in models}

    def unassigned_slots(self, stats=None):
        slots = (stats or self.topom())["slots"]
        return SLOTS - sum(1 for s in slots if s["group_id"] > 0)

    def proxies(self, stats=None):
        """Admin addresses of the proxies that the dashboard has."""
        return sorted(p["admin_addr"] for p in (stats or self.topom())["proxy"]["models"])

    def proxy_trouble(self, pod):
        """Why a proxy's slots are not as the dashboard's groups; "" when they are."""
        name = pod["metadata"]["name"]
        status, text = self.kube.pod_http(self.namespace, name, 11080, "/proxy")
        if status != 200:
            return f"{name} answers {status}"
        overview = json.loads(text)
        masters = {s.group: s.address for s in self.servers() if s.is_master}
        for slot in overview["slots"]:
            if slot.get("locked"):
                return f"{name}: slot {slot['id']} is locked"
            if slot.get("backend_addr") != masters.get(slot.get("backend_addr_group_id")):
                return f"{name}: slot {slot['id']} leads to {slot.get('backend_addr') or 'nowhere'}"
        return "" if len(overview["slots"]) == SLOTS else f"{name} has {len(overview['slots'])} slots"

    def ping(self):
        """What a client gets that says PING to the proxies' Service."""
        for pod in self.pods("codis-proxy") + self.pods("codis-server"):
            if is_ready(pod):
                return self.kube.run_in(self.namespace, pod["metadata"]["name"], "redis-cli", "-h", "codis-proxy",
                                        "-p", "19000", "PING", timeout=10).strip()
        raise RuntimeError("no pod is ready to ask from")

    # --- the whole -------------------------------------------------------------------------------------------------

    def trouble(self, groups=2, members=2, proxies=2):
        """Why this Codis is not whole, in a few words; "" when it is."""
        if leaving := [p["metadata"]["name"] for p in self.pods("codis-server") if "deletionTimestamp" in p["metadata"]]:
            return f"{', '.join(leaving)} is about to end"
        servers = self.servers()
        stats = self.topom()
        declared = self.declared_groups(stats)
        for gid in range(1, groups + 1):
            if why := self.group_trouble(gid, members, declared, servers):
                return why
        if missing := self.unassigned_slots(stats):
            return f"{missing} slots have no group"
        pods = [p for p in self.pods("codis-proxy") if is_ready(p)]
        if len(pods) != proxies:
            return f"{len(pods)} proxies are ready"
        if self.proxies(stats) != sorted(p["status"]["podIP"] + ":11080" for p in pods):
            return f"the dashboard has the proxies {', '.join(self.proxies(stats)) or 'none'}"
        for pod in pods:
            if why := self.proxy_trouble(pod):
                return why
        return ""

    def whole(self, **expected):
        """For wait_for: whether it is whole and answers PONG."""
        why = self.trouble(**expected)
        if why:
            return False, why
        answer = self.ping()
        return answer == "PONG", f"PING is answered with {answer!r}"

    def wait_whole(self, limit, **expected):
        """Waits until it is whole; returns the seconds."""
        def probe():
            pods = self.pods()
            ready = f"{sum(map(is_ready, pods))} of {len(pods)} pods are ready"
            try:
                done, detail = self.whole(**expected)
            except (OSError, RuntimeError, ValueError):  # the dashboard is not there yet, or busy
                return False, ready
            return done, f"{ready}; {detail}"
        return wait_for("Codis", probe, limit)

    def topology(self):
        """Lines of a table: group, role, pod, node."""
        lines = [f"{'GROUP':6} {'ROLE':8} {'POD':18} {'NODE':14} KEYS"]
        for s in self.servers():
            lines.append(f"{s.group:<6} {s.role:8} {s.pod:18} {s.node:14} {s.keys}")
        return lines


def ordinal(name):
    return int(name.rsplit("-", 1)[1])


def wait_system(kube, limit):
    """Waits until all pods of codis-system are ready; returns the seconds."""
    def probe():
        pods = kube.pods(SYSTEM)
        count = sum(map(is_ready, pods))
        return count == len(pods) == SYSTEM_PODS, f"{count} of {len(pods)} pods are ready"
    return wait_for(SYSTEM, probe, limit)


def controller_status(kube):
    """What the controller that leads says of all clusters: the parsed /status.json."""
    for pod in kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller"):
        try:
            status, text = kube.pod_http(SYSTEM, pod["metadata"]["name"], 8080, "/status.json", timeout=3)
        except (OSError, Error):
            continue
        if status == 200 and json.loads(text)["leads"]:
            return json.loads(text)
    raise RuntimeError("no controller leads")


def cluster_status(kube, namespace):
    """What it says of the one in a namespace; one that has just begun to lead knows of none yet."""
    for cluster in controller_status(kube)["clusters"]:
        if cluster["namespace"] == namespace:
            return cluster
    raise RuntimeError(f"the controller knows of no Codis in {namespace}")


def status_line(kube, namespace):
    return cluster_status(kube, namespace)["line"]
