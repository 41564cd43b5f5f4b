"""AdmissionReviews of a codis-server's pod, as an API server sends them: defaults filled in, managedFields, oldObject null."""
import json

UID = "6f1c2d0a-8e35-4a7b-9d42-{:012x}"


def managed(container, names, volumes):
    """What the StatefulSet controller is said to have set, by the API server."""
    fields = {"f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {}, "f:terminationMessagePath": {},
              "f:terminationMessagePolicy": {}}
    spec = {"f:containers": {}, "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:hostname": {}, "f:restartPolicy": {},
            "f:schedulerName": {}, "f:securityContext": {}, "f:subdomain": {}, "f:terminationGracePeriodSeconds": {}}
    for name in [container, *names]:
        spec["f:containers"][f'k:{{"name":"{name}"}}'] = {".": {}, **fields}
    server = spec["f:containers"][f'k:{{"name":"{container}"}}']
    server.update({"f:args": {}, "f:command": {}, "f:env": {".": {}}})
    for name in ("PRODUCT_NAME", "SERVER_REPLICA", "POD_IP"):
        server["f:env"][f'k:{{"name":"{name}"}}'] = {".": {}, "f:name": {}, "f:value": {}}
    for volume in volumes:
        spec.setdefault("f:volumes", {".": {}})[f'k:{{"name":"{volume}"}}'] = {".": {}, "f:name": {}, "f:configMap": {
            ".": {}, "f:defaultMode": {}, "f:name": {}}}
    meta = {"f:generateName": {}, "f:labels": {".": {}, "f:app": {}, "f:apps.kubernetes.io/pod-index": {},
                                               "f:controller-revision-hash": {}, "f:statefulset.kubernetes.io/pod-name": {}},
            "f:ownerReferences": {".": {}, f'k:{{"uid":"{UID.format(2)}"}}': {}}}
    return [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
             "time": "2026-11-27T07:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": meta, "f:spec": spec}}]


def container(name, image, **more):
    return {"name": name, "image": image, **more, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}


def token_mount():
    return {"name": "kube-api-access-x2b7k", "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}


def server(mounts):
    env = [{"name": "PRODUCT_NAME", "value": "shop"}, {"name": "SERVER_REPLICA", "value": "2"},
           {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}]
    return container("codis-server", "registry.example/codis:3.2.2", command=["codis-server"],
                     args=["/codis/redis.conf", "--bind", "0.0.0.0", "--maxmemory", "4gb"],
                     ports=[{"name": "redis", "containerPort": 6379, "protocol": "TCP"}], env=env,
                     resources={"limits": {"memory": "6Gi"}, "requests": {"cpu": "500m", "memory": "6Gi"}},
                     volumeMounts=[*mounts, token_mount()])


def exporter():
    return container("exporter", "registry.example/redis_exporter:v1.62", args=["--redis.addr=redis://127.0.0.1:6379",
                     "--web.listen-address=0.0.0.0:9121", "--include-system-metrics"],
                     ports=[{"name": "metrics", "containerPort": 9121, "protocol": "TCP"}],
                     resources={"limits": {"cpu": "100m", "memory": "64Mi"}, "requests": {"cpu": "20m", "memory": "32Mi"}},
                     volumeMounts=[token_mount()],
                     livenessProbe={"httpGet": {"path": "/health", "port": "metrics", "scheme": "HTTP"},
                                    "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3})


def shipper():
    env = [{"name": n, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": p}}} for n, p in
           (("NODE_NAME", "spec.nodeName"), ("POD_NAME", "metadata.name"), ("POD_NAMESPACE", "metadata.namespace"))]
    return container("log-shipper", "registry.example/fluent-bit:3.1", args=["-c", "/fluent-bit/etc/fluent-bit.conf"], env=env,
                     resources={"limits": {"memory": "128Mi"}, "requests": {"cpu": "50m", "memory": "64Mi"}},
                     volumeMounts=[{"name": "logs", "mountPath": "/var/log/codis"},
                                   {"name": "fluent-bit", "mountPath": "/fluent-bit/etc"}, token_mount()],
                     securityContext={"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True,
                                      "capabilities": {"drop": ["ALL"]}})


def init():
    return container("copy-config", "registry.example/codis:3.2.2",
                     command=["sh", "-c", "for f in redis.conf users.acl; do\n  sed \"s/@POD@/$HOSTNAME/; s/@NS@/$NAMESPACE/\" "
                              "< /config/$f > /codis/$f\ndone\nchmod 600 /codis/users.acl\n"],
                     resources={"limits": {"memory": "16Mi"}, "requests": {"cpu": "10m", "memory": "16Mi"}},
                     env=[{"name": "NAMESPACE", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}}],
                     volumeMounts=[{"name": "config", "mountPath": "/config"}, {"name": "logs", "mountPath": "/codis"},
                                   token_mount()])


def volumes(large):
    token = {"name": "kube-api-access-x2b7k", "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}}
    config = {"name": "config", "configMap": {"name": "codis-config", "defaultMode": 420}}
    more = [{"name": "fluent-bit", "configMap": {"name": "fluent-bit", "defaultMode": 420}}, {"name": "logs", "emptyDir": {}},
            *({"name": f"scripts-{i}", "configMap": {"name": f"codis-scripts-{i}", "defaultMode": 493, "items": [
                {"key": f"{k}.sh", "path": f"{k}.sh"} for k in ("backup", "restore", "check", "rotate")]}} for i in range(7))]
    return [config, *(more if large else []), token]


def pod(large):
    mounts = [{"name": "config", "mountPath": "/codis"}]
    containers = [server(mounts), *([exporter(), shipper()] if large else [])]
    annotations = {f"example.com/{k}": f"{k} of the team that keeps the shop, and more words than anybody reads" * 2
                   for k in ("owner", "runbook", "pager", "budget", "audit")} if large else {}
    spec = {"volumes": volumes(large), "containers": containers, "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "serviceAccountName": "default",
            "serviceAccount": "default", "securityContext": {}, "hostname": "codis-server-1", "subdomain": "codis-server",
            "schedulerName": "default-scheduler", "priority": 0, "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority", "tolerations": [
                {"key": f"node.kubernetes.io/{k}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
                for k in ("not-ready", "unreachable")]}
    if large:
        spec["initContainers"] = [init()]
        spec["topologySpreadConstraints"] = [
            {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
             "labelSelector": {"matchLabels": {"app": "codis-server"}}}]
    names = [c["name"] for c in containers[1:]]
    meta = {"name": "codis-server-1", "generateName": "codis-server-", "namespace": "shop", "uid": UID.format(1),
            "creationTimestamp": "2026-11-27T07:00:00Z",
            "labels": {"app": "codis-server", "apps.kubernetes.io/pod-index": "1",
                       "controller-revision-hash": "codis-server-6f7d9c8b5",
                       "statefulset.kubernetes.io/pod-name": "codis-server-1"},
            **({"annotations": annotations} if large else {}),
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "codis-server", "uid": UID.format(2),
                                 "controller": True, "blockOwnerDeletion": True}]}
    meta["managedFields"] = managed("codis-server", names, [v["name"] for v in spec["volumes"] if "configMap" in v])
    status = {"phase": "Pending", "qosClass": "Burstable"}
    if large:
        status["conditions"] = [{"type": t, "status": "False", "lastProbeTime": None, "observedGeneration": 1,
                                 "lastTransitionTime": "2026-11-27T07:00:00Z", "reason": "ContainersNotReady",
                                 "message": f"containers with unready status: [codis-server {' '.join(names)}]"}
                                for t in ("PodReadyToStartContainers", "Ready", "ContainersReady")]
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": status}


def review(large):
    """The text of one. About 4 KB, or 12."""
    kind, resource = {"group": "", "version": "v1", "kind": "Pod"}, {"group": "", "version": "v1", "resource": "pods"}
    user = {"username": "system:serviceaccount:kube-system:statefulset-controller", "uid": UID.format(3),
            "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
            "extra": {"authentication.kubernetes.io/credential-id": ["JTI=" + UID.format(4)]}}
    request = {"uid": UID.format(5), "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
               "name": "codis-server-1", "namespace": "shop", "operation": "CREATE", "userInfo": user, "object": pod(large),
               "oldObject": None, "dryRun": False, "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request},
                      separators=(",", ":"))


if __name__ == "__main__":
    import sys
    print(review("large" in sys.argv), end="")
