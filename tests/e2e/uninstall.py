"""codis-k8s is taken away in both ways, by the commands of docs/uninstall.md as they stand there, under writers."""
import os
import re
import subprocess

from adoption import is_guarded
from inputs import WHOLE, applied, listed, small, wait_line
from kube import is_ready
from pages import fenced, page, section, shell
from world import NAMESPACE, TOP, case, manifest, wait_for
from writers import Writers

PAGE = "docs/uninstall.md"
STAYS, GOES = "stays", "goes"


def left(w):
    """What is anywhere in the cluster and has one of our names; the other cases' Codis is to be there again."""
    kinds = w.kube.kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    text = w.kube.kubectl("get", ",".join(k for k in kinds if not k.startswith("events")), "-A", "--ignore-not-found", "--no-headers",
                          "-o", "custom-columns=KIND:.kind,WHERE:.metadata.namespace,NAME:.metadata.name,"
                                "PART:.metadata.labels.app\\.kubernetes\\.io/part-of,BY:.metadata.labels.app\\.kubernetes\\.io/managed-by").stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    ours = re.compile(r"codis-(k8s|system|webhook|scheduler|controller)|^Namespace \S+ (codis-system|goes)\b")
    return [line for line in lines if ours.search(line) and line.split()[1] != NAMESPACE]


def stock_pod_comes(w, codis, name):
    """A pod that is made anew finds a node and is ready, with nobody of codis-k8s there."""
    before = w.pod(name, STAYS)["metadata"]["uid"]
    w.delete_pod(name, STAYS)

    def probe():
        pod = w.kube.find(f"/api/v1/namespaces/{STAYS}/pods/{name}")
        return bool(pod) and pod["metadata"]["uid"] != before and is_ready(pod), pod and pod["status"]["phase"]
    return wait_for(f"another {name}", probe, 40)


@case
def both_ways(w):
    """A Codis goes on without codis-k8s, another one goes with it, by the page's commands: nothing is lost, nothing is left behind."""
    steps = fenced(section(PAGE, "Codis goes on without codis-k8s"))
    namespace, system = fenced(section(PAGE, "All goes"))[0].splitlines()
    assert system == next(s.strip() for s in steps if "install.yaml" in s), system
    w.make_codis(GOES, listed(small(w)))
    with applied(w, STAYS, small(w)) as codis:
        try:
            for where in (GOES, STAYS):
                wait_line(w, where, WHOLE)
            w.kube.kubectl("label", "-n", GOES, "sts", "codis-server", "codis.io/protect=true")
            shell(w, namespace + " --wait=false", NS=GOES)
            w.writers = Writers(w.kube, STAYS)
            w.writers.start()
            w.writers.fault()
            functions = ""
            for text in steps:
                said = shell(w, functions + re.sub(r"^NS=.*\n", "", text), NS=STAYS)
                functions += "".join(line.strip() + "\n" for line in text.splitlines() if "() {" in line)
                if "get pod -A" in text:
                    assert not [line for line in said.splitlines() if line.startswith(STAYS)], said
            gone(w, codis)
            w.assert_nothing_lost()
        finally:
            w.kube.kubectl("delete", "namespace", GOES, "--ignore-not-found", "--wait=false")
            w.kube.apply(manifest("install.yaml"))  # whoever comes next waits for it


def gone(w, codis):
    wait_for("an end of all", lambda: (not left(w), "; ".join(left(w))), 40, every=1)
    assert not any(is_guarded(p) for p in codis.pods("codis-server"))
    for pod in codis.pods():
        assert pod["spec"]["schedulerName"] == "default-scheduler" and "codis.io/role" not in pod["metadata"]["labels"], pod["metadata"]
    notes = w.kube.get(f"/apis/apps/v1/namespaces/{STAYS}/statefulsets/codis-server")["metadata"].get("annotations", {})
    assert not [key for key in notes if key.startswith("codis.io/")], notes
    replica = next(s for s in codis.servers() if not s.is_master)
    assert replica.linked, f"{replica.pod} {replica.words}"
    w.note(f"a server that is made anew is ready after {stock_pod_comes(w, codis, replica.pod):.1f} s")


@case
def by_helm(w):
    """Helm brings codis-k8s, upgrades it and takes it away, by the commands of docs/install.md: each server keeps its role, nothing is left."""
    helm = subprocess.run([os.path.join(TOP, "tests/chart/build")], stdout=subprocess.PIPE, text=True, timeout=900, check=True).stdout.split()[-1]
    before = {s.pod: s.words for s in w.codis.servers()}
    install = re.search(r"`(helm install [^`]*)`", page("docs/install.md"))[1]
    install = install.replace("registry.example/codis-k8s", "codis-k8s").replace("tag=1.0", "tag=latest")
    try:
        shell(w, "kubectl delete --ignore-not-found -f manifests/install.yaml")
        for line in [install, *fenced(section("docs/install.md", "The Helm chart"))[0].splitlines()]:
            shell(w, f"PATH={os.path.dirname(helm)}:$PATH\n{line}")
            if line.startswith(("helm install", "helm upgrade")):
                w.note(f"{line[:12]}: ready after {w.wait_system():.0f} s")
                w.wait_admission()
                w.wait_whole()
        wait_for("an end of all", lambda: (not left(w), "; ".join(left(w))), 40, every=1)
    finally:
        w.kube.apply(manifest("install.yaml"))  # whoever comes next waits for it
    after = {s.pod: s.words for s in w.codis.servers()}
    assert after == before, f"{before} are {after}"
