"""What Kubernetes makes of a manifest before it asks a webhook: defaults, and the pods that controllers make of templates."""
import copy
import json

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
RESOURCES = {"Pod": ("", "pods"), "StatefulSet": ("apps", "statefulsets"), "Scale": ("apps", "statefulsets"),
             "Deployment": ("apps", "deployments"), "DaemonSet": ("apps", "daemonsets")}


def merged(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


def decoded(value):
    """What is left of a manifest when it has been read: no null, no empty list."""
    if isinstance(value, dict):
        return {k: decoded(v) for k, v in value.items() if v not in (None, [])}
    return [decoded(v) for v in value] if isinstance(value, list) else value


# --- defaults -------------------------------------------------------------------------------------------------------------

def default(obj, **values):
    for key, value in values.items():
        obj.setdefault(key, value)


def default_probe(probe):
    default(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    for what in ("httpGet",):
        if what in probe:
            default(probe[what], path="/", scheme="HTTP")
    if "grpc" in probe:
        default(probe["grpc"], service="")


def default_container(c, host_network):
    tag = c.get("image", "").rsplit("/", 1)[-1].partition(":")[2]
    default(c, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File", resources={},
            imagePullPolicy="Always" if tag in ("", "latest") else "IfNotPresent")
    for port in c.get("ports", ()):
        default(port, protocol="TCP")
        if host_network:
            default(port, hostPort=port["containerPort"])
    for variable in c.get("env", ()):
        field = (variable.get("valueFrom") or {}).get("fieldRef")
        if field:
            default(field, apiVersion="v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if c.get(name):
            default_probe(c[name])
    for hook in (c.get("lifecycle") or {}).values():
        if hook and "httpGet" in hook:
            default(hook["httpGet"], path="/", scheme="HTTP")
    if "limits" in c["resources"]:
        default(c["resources"], requests={})
        default(c["resources"]["requests"], **c["resources"]["limits"])


def default_volume(v):
    if len(v) == 1:
        v["emptyDir"] = {}
    for kind in ("secret", "configMap", "projected", "downwardAPI"):
        if kind in v:
            default(v[kind], defaultMode=420)
    if "hostPath" in v:
        default(v["hostPath"], type="")


def default_spec(spec):
    """Of a pod or a template."""
    default(spec, restartPolicy="Always", terminationGracePeriodSeconds=30, dnsPolicy="ClusterFirst", securityContext={},
            schedulerName="default-scheduler")
    for c in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        default_container(c, spec.get("hostNetwork"))
    for v in spec.get("volumes") or ():
        default_volume(v)
    if "serviceAccountName" in spec:
        default(spec, serviceAccount=spec["serviceAccountName"])


def add_token(spec):
    name, path = "kube-api-access-x7k2p", "/var/run/secrets/kubernetes.io/serviceaccount"
    if spec.get("automountServiceAccountToken") is False:
        return
    spec.setdefault("volumes", []).append({"name": name, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {
            "apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}})
    for c in [*spec.get("initContainers", ()), *spec["containers"]]:
        mounts = c.setdefault("volumeMounts", [])
        if all(m["mountPath"] != path for m in mounts):
            mounts.append({"name": name, "readOnly": True, "mountPath": path})


def tolerated(spec, key):
    return any(t.get("key", key) == key and t.get("effect", "NoExecute") == "NoExecute" for t in spec.get("tolerations", ()))


def admit_pod(pod):
    """Defaults, and what the admission plugins add that come before webhooks."""
    spec = pod["spec"]
    default_spec(spec)
    default(spec, enableServiceLinks=True, priority=0, preemptionPolicy="PreemptLowerPriority", serviceAccountName="default")
    default(spec, serviceAccount=spec["serviceAccountName"])
    add_token(spec)
    for key in (NOT_READY, UNREACHABLE):
        if not tolerated(spec, key):
            spec.setdefault("tolerations", []).append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    default(pod, status={})
    return pod


def admit_set(obj):
    spec = obj["spec"]
    default(spec, replicas=1, podManagementPolicy="OrderedReady", revisionHistoryLimit=10, serviceName="",
            updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"})
    default(spec["template"], metadata={})
    default(spec, selector={"matchLabels": spec["template"]["metadata"].get("labels", {})})
    default_spec(spec["template"]["spec"])
    default(obj, status={"replicas": 0, "availableReplicas": 0})
    return obj


def admit_workload(obj):
    """A Deployment or DaemonSet."""
    spec = obj["spec"]
    if obj["kind"] == "Deployment":
        default(spec, replicas=1, progressDeadlineSeconds=600, strategy={
            "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}})
    default(spec, revisionHistoryLimit=10)
    default(spec["template"], metadata={})
    default(spec, selector={"matchLabels": spec["template"]["metadata"].get("labels", {})})
    default_spec(spec["template"]["spec"])
    return obj


# --- objects --------------------------------------------------------------------------------------------------------------

def owned_by(kind, name, group="apps/v1"):
    return [{"apiVersion": group, "kind": kind, "name": name, "uid": f"uid-of-{name}", "controller": True,
             "blockOwnerDeletion": True}]


def bare_pod(obj, namespace):
    pod = copy.deepcopy(obj)
    default(pod["metadata"], namespace=namespace)
    return pod


def pod_of_template(template, namespace, **metadata):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": copy.deepcopy(template["spec"])}
    given = template.get("metadata", {})
    for field in ("labels", "annotations"):
        if given.get(field):
            pod["metadata"][field] = dict(given[field])
    pod["metadata"].update(namespace=namespace)
    for key, value in metadata.items():
        pod["metadata"][key] = {**pod["metadata"].get(key, {}), **value} if key == "labels" else value
    return pod


def pod_of_set(obj, ordinal, namespace):
    name = obj["metadata"]["name"]
    pod = pod_of_template(obj["spec"]["template"], namespace, name=f"{name}-{ordinal}", generateName=f"{name}-",
                          ownerReferences=owned_by("StatefulSet", name), labels={
                              "apps.kubernetes.io/pod-index": str(ordinal),
                              "controller-revision-hash": f"{name}-6f7d9c8b5",
                              "statefulset.kubernetes.io/pod-name": f"{name}-{ordinal}"})
    default(pod["spec"], hostname=f"{name}-{ordinal}", subdomain=obj["spec"].get("serviceName", ""))
    for claim in obj["spec"].get("volumeClaimTemplates", ()):
        volume = claim["metadata"]["name"]
        pod["spec"].setdefault("volumes", []).append(
            {"name": volume, "persistentVolumeClaim": {"claimName": f"{volume}-{name}-{ordinal}"}})
    return pod


def pod_of_workload(obj, namespace):
    """What a Deployment (its ReplicaSet), DaemonSet, Job, ... makes first."""
    name, kind = obj["metadata"]["name"], obj["kind"]
    labels = {"Deployment": {"pod-template-hash": "7d9c8b5f6"}, "DaemonSet": {"controller-revision-hash": "7d9c8b5f6",
              "pod-template-generation": "1"}}.get(kind, {})
    owner = {"Deployment": ("ReplicaSet", name + "-7d9c8b5f6"), "ReplicationController": (kind, name)}.get(kind, (kind, name))
    return pod_of_template(obj["spec"]["template"], namespace, generateName=owner[1] + "-", labels=labels,
                           ownerReferences=owned_by(*owner, "v1" if kind == "ReplicationController" else "apps/v1"))


# --- reviews --------------------------------------------------------------------------------------------------------------

def review(obj, old=None, operation="CREATE", dry_run=False):
    """The AdmissionReview's text."""
    of = obj or old
    kind, (group, resource) = of["kind"], RESOURCES[of["kind"]]
    scale = kind == "Scale"
    gvk = {"group": "autoscaling" if scale else group, "version": "v1", "kind": kind}
    gvr = {"group": group, "version": "v1", "resource": resource}
    request = {"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": gvk, "resource": gvr, "requestKind": gvk,
               "requestResource": gvr, "namespace": of["metadata"]["namespace"], "operation": operation,
               "userInfo": {"username": "kubernetes-admin"}, "object": obj, "oldObject": old, "dryRun": dry_run,
               "options": {"kind": operation.capitalize() + "Options", "apiVersion": "meta.k8s.io/v1"}}
    if scale:
        request.update(subResource="scale", requestSubResource="scale")
    if "name" in of["metadata"]:
        request["name"] = of["metadata"]["name"]
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})


def scale_of(obj, replicas):
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {
        "name": obj["metadata"]["name"], "namespace": obj["metadata"]["namespace"]}, "spec": spec,
        "status": {"replicas": obj["spec"]["replicas"]}}
