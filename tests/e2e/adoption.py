"""A Codis that ran before codis-k8s was installed."""
import time

from codis import controller_status, status_line
from inputs import WHOLE, applied, no_webhook, small, uids, wait_line
from world import case
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
    return next(c["adoption"] for c in controller_status(w.kube)["clusters"] if c["namespace"] == NAME)


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
