"""A cluster as a cloud has it, in text: nodes, the pods of many Codis clusters, their StatefulSets. As long as an API server
sends them, with managedFields, images, annotations."""
import json
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS, MEMBERS, PROXIES = 8, 2, 3  # of a Codis cluster, and one dashboard
PODS_OF_ONE = GROUPS * MEMBERS + PROXIES + 1
PRODUCTS_OF_NAMESPACE = 5
BY_APP_EACH = 10  # one pod of so many has no labels of the webhook
VERSION, UID = "@version@", "@uid@"
BORN = "2026-01-01T00:00:00Z"

random.seed(8)


def word(n):
    return "".join(random.choice("0123456789abcdef") for _ in range(n))


def managed(manager, keys):
    fields = {f"f:{word(10)}": {".": {}, "f:type": {}, "f:status": {}, "f:lastHeartbeatTime": {}} for _ in range(keys)}
    return {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": BORN, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": fields}}}


def node_name(i):
    return f"ip-10-{i // 65536}-{i // 256 % 256}-{i % 256}.eu-central-1.compute.internal"


def condition(kind, status, reason):
    return {"type": kind, "status": status, "lastHeartbeatTime": BORN, "lastTransitionTime": BORN, "reason": reason,
            "message": f"kubelet says {reason}"}


def node(i):
    labels = {"kubernetes.io/hostname": f"ip-{i}", "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
              "topology.kubernetes.io/zone": f"eu-central-1{'abc'[i % 3]}", "topology.kubernetes.io/region": "eu-central-1",
              "node.kubernetes.io/instance-type": "m6i.2xlarge",
              **{f"label.example.com/{word(8)}": word(12) for _ in range(12)}}
    images = [{"names": [f"registry.example.com/team/image-{k}@sha256:{word(64)}",
                         f"registry.example.com/team/image-{k}:v1.2.{k}"], "sizeBytes": 10 ** 8 + k} for k in range(50)]
    size = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "80Gi"}
    return {"metadata": {"name": node_name(i), "uid": UID, "resourceVersion": VERSION, "creationTimestamp": BORN,
                         "labels": labels, "annotations": {f"a.example.com/{word(6)}": word(40) for _ in range(8)},
                         "managedFields": [managed("kubelet", 25)]},
            "spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"], "providerID": f"aws:///{word(20)}"},
            "status": {"capacity": size, "allocatable": size, "nodeInfo": {k: word(30) for k in "abcdefghij"},
                       "conditions": [condition(f"{k}Pressure", "False", f"KubeletHasSufficient{k}")
                                      for k in ("Memory", "Disk", "PID")] + [condition("Ready", "True", "KubeletReady")],
                       "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "images": images}}


with open(os.path.join(HERE, "../controller/server-pod.json")) as f:
    SERVER = f.read()


def keep_apart(pod):
    """By the rule that codis-webhook gives to who has its labels: apart from its own group."""
    own = {k: pod["metadata"]["labels"][k] for k in ("codis.io/product", "codis.io/component", "codis.io/group")}
    rules = pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    rules[0]["labelSelector"]["matchLabels"] = own


def codis_pod(i, nodes):
    """The i-th pod: its cluster's servers first, then proxies, then the dashboard."""
    product, at = divmod(i, PODS_OF_ONE)
    namespace, name = f"team-{product // PRODUCTS_OF_NAMESPACE}", f"orders-{product}"
    servers = GROUPS * MEMBERS
    component = "server" if at < servers else "proxy" if at < servers + PROXIES else "dashboard"
    ordinal = at if at < servers else at - servers if component == "proxy" else 0
    set_name = f"codis-{component}-{product}"
    pod = json.loads(SERVER)
    meta, spec = pod["metadata"], pod["spec"]
    container = spec["containers"][0]
    meta.update(name=f"{set_name}-{ordinal}", namespace=namespace, uid=UID, resourceVersion=VERSION, creationTimestamp=BORN,
                annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "9121", "cni.example.com/ip": word(30)})
    meta["ownerReferences"][0]["name"] = set_name
    meta["labels"].update({"app": f"codis-{component}", "codis.io/product": name, "codis.io/component": f"codis-{component}",
                           "codis.io/group": str(ordinal // MEMBERS + 1)})
    keep_apart(pod)
    if i % BY_APP_EACH == 0:
        meta["labels"] = {k: v for k, v in meta["labels"].items() if not k.startswith("codis.io/")}
    meta["managedFields"] = [managed("kube-controller-manager", 12), managed("kubelet", 8)]
    container["name"] = f"codis-{component}"
    container["env"] = [{"name": "SERVER_REPLICA", "value": str(MEMBERS)}, {"name": "PRODUCT_NAME", "value": name},
                        {"name": "PRODUCT_AUTH", "valueFrom": {"secretKeyRef": {"name": "codis-auth", "key": "password"}}},
                        {"name": "ZK_ADDR", "value": "zk-0.zk:2181,zk-1.zk:2181,zk-2.zk:2181"},
                        *({"name": f"SETTING_{k}", "value": word(16)} for k in range(10))]
    if component != "server":
        container["command"] = [f"codis-{component}"]
        container["args"] = ["--product_name", "$(PRODUCT_NAME)", "--product_auth", "$(PRODUCT_AUTH)",
                             "--zookeeper", "$(ZK_ADDR)", "--config", "config/codis.toml"]
    spec["nodeName"] = node_name(i * 7 % nodes)
    address = f"10.{64 + i // 65536}.{i // 256 % 256}.{i % 256}"
    pod["status"] = {
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": "10.0.0.1", "startTime": BORN,
        "qosClass": "Burstable",
        "conditions": [condition(k, "True", "") for k in ("PodReadyToStartContainers", "Initialized", "Ready",
                                                          "ContainersReady", "PodScheduled")],
        "containerStatuses": [{"name": container["name"], "restartCount": 0, "ready": True, "started": True,
                               "state": {"running": {"startedAt": BORN}}, "lastState": {},
                               "image": "registry.example.com/codis:3.2", "imageID": f"registry.example.com/codis@{word(64)}",
                               "containerID": f"containerd://{word(64)}"}]}
    return pod


def codis_set(i, nodes):
    """The i-th StatefulSet, three to a Codis cluster; its template is its first pod's."""
    product, kind = divmod(i, 3)
    at = (0, GROUPS * MEMBERS, GROUPS * MEMBERS + PROXIES)[kind]
    pod = codis_pod(product * PODS_OF_ONE + at, nodes)
    meta = pod["metadata"]
    template = {"metadata": {"labels": {k: v for k, v in meta["labels"].items() if k.startswith(("app", "codis"))}},
                "spec": {k: v for k, v in pod["spec"].items() if k not in ("nodeName", "hostname", "subdomain")}}
    spec = {"replicas": (GROUPS * MEMBERS, PROXIES, 1)[kind], "serviceName": "codis", "template": template,
            "selector": {"matchLabels": {"app": meta["labels"]["app"]}}, "podManagementPolicy": "Parallel"}
    applied = json.dumps({"kind": "StatefulSet", "apiVersion": "apps/v1", "spec": spec})
    return {"metadata": {"name": meta["ownerReferences"][0]["name"], "namespace": meta["namespace"], "uid": UID,
                         "resourceVersion": VERSION, "creationTimestamp": BORN, "labels": {"app": meta["labels"]["app"]},
                         "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied},
                         "managedFields": [managed("kubectl", 20), managed("kube-controller-manager", 6)]},
            "spec": spec, "status": {"replicas": spec["replicas"], "readyReplicas": spec["replicas"]}}


def sets_of(pods):
    return (pods + PODS_OF_ONE - 1) // PODS_OF_ONE * 3
