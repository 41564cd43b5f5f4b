"""A Codis that ran before codis-k8s was installed."""
import time

from codis import Codis, cluster_status, status_line
from inputs import WHOLE, applied, listed, no_webhook, objects_of, small, uids, wait_line, workload
from world import case, manifest, wait_for
from writers import Writers

NAME = "adopted"
SET = f"/apis/apps/v1/namespaces/{NAME}/statefulsets/codis-server"


def annotate(w, **annotations):
    w.kube.merge(SET, {"metadata": {"annotations": {f"codis.io/{k}": v for k, v in annotations.items()}}})


def is_guarded(pod):
    container = pod["spec"]["containers"][0]
    line = " ".join(container.get("command", []) + container.get("args", []))
    return "slaveof 127.0.0.1 1" in line and "slave-serve-stale-data no" in line


def adoption(w):
    return cluster_status(w.kube, NAME)["adoption"]


def reasons(w, pod):
    return [e.split(":")[0] for e in w.kube.events(NAME, pod)]


@case
def rolled_in(w):
    """Unguarded servers are left as they are, said in the status, and rolled in one by one under load: nothing is lost."""
    with no_webhook(w):
        context = applied(w, NAME, small(w))
        codis = context.__enter__()
    try:
        line = wait_line(w, NAME, WHOLE)
        assert "2/2 servers are not guarded (codis-server-0, codis-server-1)" in line, line
        w.wait_admission()
        w.writers = Writers(w.kube, NAME)
        w.writers.start()
        before, begin = uids(codis), time.monotonic()
        time.sleep(5)
        assert uids(codis) == before, "somebody was replaced who was not to be"
        annotate(w, paused="e2e", adopt="true")
        wait_line(w, NAME, ": PAUSED, OK, ")
        time.sleep(3)
        assert uids(codis) == before, "a paused cluster was changed"
        annotate(w, paused=None)
        wait_line(w, NAME, ": OK, 1/1 groups led, 1 proxy, 1024/1024 slots served, adopted", 120)
        after = uids(codis)
        w.note(f"two servers after {time.monotonic() - begin:.0f} s")
        assert all(before[name] != after[name] for name in before), (before, after)
        assert all(is_guarded(p) for p in codis.pods("codis-server"))
        assert adoption(w) == {"asked": True, "servers": 2, "unguarded": 0, "waits": ""}, adoption(w)
        for name in before:
            assert "Replaced" in reasons(w, name), (name, reasons(w, name))
        assert "Switched" in reasons(w, "codis-server-1"), reasons(w, "codis-server-1")
        w.assert_nothing_lost()
    finally:
        context.__exit__(None, None, None)


@case
def stops(w):
    """Where codis-webhook is not there, one replica comes back unguarded, and adoption stops and says so."""
    with no_webhook(w), applied(w, NAME + "-not", small(w)) as codis:
        wait_line(w, codis.namespace, WHOLE)
        before = uids(codis)
        w.kube.kubectl("annotate", "-n", codis.namespace, "sts", "codis-server", "codis.io/adopt=true")
        wait_line(w, codis.namespace, "codis-server-1 has come back without the guard: look after codis-webhook", 60)
        time.sleep(5)
        after = uids(codis)
        assert after["codis-server-0"] == before["codis-server-0"] and after["codis-server-1"] != before["codis-server-1"]
        assert ": OK, 1/1 groups led" in status_line(w.kube, codis.namespace)


ARTICLE = "from-article"


def article_of_old(w):
    """The article's manifests as they ran before: codis-ha, hooks, --remove-lock; one group, one proxy, one ZooKeeper."""
    return small(w, "article") + objects_of(w, manifest("codis", "article", "codis-ha.yaml"))


def synced(codis, within=90):
    def probe():
        words = [s.words for s in codis.servers()]
        return sum(s.is_master for s in codis.servers()) == 1 and sum(s.linked for s in codis.servers()) == 1, words
    return wait_for("a replica in sync", probe, within)


def managed(w, yes):
    w.kube.kubectl("label", "namespace", ARTICLE, "codis.io/managed-" if yes else "codis.io/managed=false")


def runs_ha(w):
    return wait_for("codis-ha", lambda: (w.pod("codis-ha-0", ARTICLE)["spec"]["containers"][0]["image"].startswith("codis-image"),
                                         "the viewer"), 60)


def by_hand(w, codis):
    """Its start as the article has it: everything but the servers, the servers, the slots, codis-ha."""
    objects = article_of_old(w)
    servers, ha = (workload(objects, name) for name in ("codis-server", "codis-ha"))
    w.kube.kubectl("create", "namespace", ARTICLE)
    managed(w, False)
    w.kube.apply(listed([o for o in objects if o not in (servers, ha)]), ARTICLE)
    wait_for("the dashboard", lambda: (bool(codis.topom()), ""), 90)
    w.kube.apply(listed([servers]), ARTICLE)
    synced(codis, 240)  # its own postStart ends a server that has no role yet: 10, 20, 40, 80 s until it is started again
    w.kube.run_in(ARTICLE, "codis-dashboard-0", "codis-admin", "--dashboard=codis-dashboard:18080", "--slots-assign",
                  "--beg=0", "--end=1023", "--gid=1", "--confirm")
    w.kube.apply(listed([ha]), ARTICLE)


def deleted(w, codis, name, line):
    before = w.pod(name, ARTICLE)["metadata"]["uid"]
    w.delete_pod(name, ARTICLE)
    wait_for(f"another {name}", lambda: ((w.kube.find(f"/api/v1/namespaces/{ARTICLE}/pods/{name}") or {"metadata": {"uid": before}})
                                         ["metadata"]["uid"] != before, "the old one"), 60)
    synced(codis)
    wait_line(w, ARTICLE, line)


@case
def article_and_back(w):
    """A live Codis of the article, codis-ha and all, comes under codis-k8s and is given back: under load nothing is lost."""
    codis = Codis(w.kube, ARTICLE)
    try:
        by_hand(w, codis)
        runs_ha(w)
        w.writers = Writers(w.kube, ARTICLE)
        w.writers.start()
        managed(w, True)
        wait_line(w, ARTICLE, WHOLE)
        line = wait_line(w, ARTICLE, "codis-ha-0 acts beside codis-controller")
        assert WHOLE in line and "2/2 servers are not guarded" in line, line
        w.kube.kubectl("annotate", "-n", ARTICLE, "sts", "codis-server", "codis.io/adopt=true")
        wait_line(w, ARTICLE, "it waits: codis-ha-0 would take out a server that has just come")
        w.kube.kubectl("delete", "pod", "-n", ARTICLE, "codis-ha-0")
        wait_line(w, ARTICLE, WHOLE + ", adopted", 120)
        assert all(is_guarded(p) for p in codis.pods("codis-server"))
        deleted(w, codis, "codis-dashboard-0", WHOLE + ", adopted")
        w.kube.kubectl("annotate", "-n", ARTICLE, "sts", "codis-server", "codis.io/adopt-")
        with no_webhook(w):
            for name in ("codis-server-1", "codis-server-0", "codis-dashboard-0"):
                deleted(w, codis, name, WHOLE)
            managed(w, False)
            w.kube.kubectl("delete", "pod", "-n", ARTICLE, "codis-ha-0")
            runs_ha(w)
        assert not any(is_guarded(p) for p in codis.pods("codis-server"))
        w.assert_nothing_lost()
    finally:
        w.kube.kubectl("delete", "namespace", ARTICLE, "--wait=false")
        w.kube.kubectl("delete", "pods", "-n", ARTICLE, "--all", "--grace-period=1", "--wait=false")
