"""codisctl against a real API server: what it shows, whoever of the controllers is away, and a pause."""
import json
import os
import signal
import subprocess
import time

from codis import SYSTEM, cluster_status
from world import NAMESPACE, TOP, case, wait_for

CODISCTL = os.path.join(TOP, os.environ.get("BUILD", "build"), "codisctl")
CONTROLLER = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/codis-controller"


def codisctl(w, *args, status=0, within=60, namespace=NAMESPACE):
    """What it prints, and the seconds that it took, at most within."""
    begin = time.monotonic()
    done = subprocess.run([CODISCTL, *args, "-n", namespace], capture_output=True, text=True, env=w.kube.env, timeout=within)
    seconds = time.monotonic() - begin
    assert done.returncode in (status if isinstance(status, tuple) else (status,)), \
        f"codisctl {' '.join(args)} ends with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout, seconds


@case
def status_of_all_that_is_well(w):
    """codisctl status shows each group's master, replica and slots; as JSON it has the leader's view; version finds the images."""
    text, seconds = codisctl(w, "status")
    for words in (f"{NAMESPACE}/codis-test: OK, 2/2 groups led", w.codis.master(1).pod, w.codis.master(2).pod, " 512 ", "serves"):
        assert words in text, f"{words} is not in:\n{text}"
    report = json.loads(codisctl(w, "status", "-o", "json")[0])
    assert report["leads"] and report["from"] == w.leader() == report["lease"], f"it believes {report['from']}"
    versions, _ = codisctl(w, "version")
    assert "Kubernetes" in versions and "codis-webhook" in versions and "codis-controller" in versions, versions
    w.note(f"status in {seconds * 1000:.0f} ms:\n{text}")


@case
def pause_and_resume(w):
    """codisctl pause is over when the status says PAUSED with the reason, resume when it does not."""
    text, seconds = codisctl(w, "pause", "e2e: a test")
    try:
        assert "PAUSED" in w.status_line() and "e2e: a test" in w.status_line(), w.status_line()
        assert "PAUSED" in codisctl(w, "status", status=(0, 1))[0]
        w.note(f"paused in {seconds:.2f} s: {text.strip()}")
    finally:
        text, seconds = codisctl(w, "resume")
    assert "PAUSED" not in w.status_line(), w.status_line()
    w.note(f"resumed in {seconds:.2f} s")


@case
def the_leaders_node_is_off(w):
    """With the power of the leading controller's node off, status tells within its time what the other one sees."""
    leader = w.leader()
    node = w.pod(leader, SYSTEM)["spec"]["nodeName"]
    w.cluster.power_off(node)
    try:
        for _ in range(3):
            text, seconds = codisctl(w, "status", status=(0, 1))
            assert f"{NAMESPACE}/codis-test: " in text and "NO CONTROLLER" not in text, text
            w.note(f"{seconds:.2f} s: {text.splitlines()[0]}")
        text, seconds = codisctl(w, "logs", "--since", "5m", status=1)
        assert " codis/codis-test " in text and seconds < 10, f"{seconds:.1f} s: {text}"
        w.note(f"logs in {seconds:.2f} s")
        wait_for("another leader", lambda: (w.leader() != leader, f"{leader} holds the Lease"), 60, every=0.2)
        text, seconds = codisctl(w, "status", status=(0, 1))
        assert "the one that leads does not answer" not in text, text
        w.note(f"{seconds:.2f} s with another leader")
    finally:
        w.cluster.power_on(node)
    w.wait_system(180)
    w.wait_whole(180)


@case
def logs(w):
    """After a failover codisctl logs has the decision and why from the one that led, in order of time; one that follows has it, too."""
    old = w.codis.master(1)
    with subprocess.Popen([CODISCTL, "logs", "codis-test", "-f", "--tail", "1", "-n", NAMESPACE], stdout=subprocess.PIPE, text=True,
                          env=w.kube.env) as follower:
        try:
            follower.stdout.readline()  # from here on it follows
            w.kill(f"{old.pod}/codis-server")
            w.wait_moved(1, old)
            w.note("followed: " + next(line for line in follower.stdout if " action.done action=promote " in line).strip())
        finally:
            follower.terminate()
    assert follower.returncode == 130, f"it ends with {follower.returncode}"
    text, seconds = codisctl(w, "logs", "codis-test", "--since", "2m")
    lines = text.splitlines()
    assert lines == sorted(lines, key=lambda line: line.split(" ", 1)[0]), "the lines are not in order of time"
    controllers = {p["metadata"]["name"] for p in w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller")}
    assert controllers == {line.split(" ")[1].removesuffix("(previous)") for line in lines}, f"{controllers} are there: {text}"
    begun = [line for line in lines if f" {w.leader()} leads info {NAMESPACE}/codis-test action.begun action=promote " in line
             and f" group=1 addr={w.codis.master(1).address} " in line]
    assert len(begun) == 1 and " why=\"" in begun[0] and " evidence=\"" in begun[0], text
    last = json.loads(codisctl(w, "logs", "--tail", "1", "-o", "json")[0])
    assert last["product"] == "codis-test" and last["fields"], last
    w.note(f"{len(lines)} lines in {seconds:.2f} s; {begun[-1]}")
    w.wait_whole()


@case
def history(w):
    """What a leader did is told when its pod is gone: by codisctl history, and by the status of the next one, which has the label."""
    old, leader = w.codis.master(1), w.leader()
    w.kill(f"{old.pod}/codis-server")
    w.wait_moved(1, old)
    w.wait_group(1)
    new = w.codis.master(1).pod
    w.delete_pod(leader, SYSTEM)
    wait_for("another leader", lambda: (w.leader() not in ("", leader), w.leader()), 30)
    replaced = f"codis-test: Promoted: group 1: {new} "

    def told():
        now = w.leader()
        lines = codisctl(w, "history", "codis-test", "--since", "2m")[0].splitlines()
        by_old = [at for at, line in enumerate(lines) if replaced in line and f" replaces {old.pod} " in line and line.endswith(f" ({leader})")]
        led = [at for at, line in enumerate(lines) if line.endswith(f" -: leads from now on ({now})")]
        return bool(by_old and led and led[-1] > by_old[-1]), lines
    wait_for("both in the history", told, 20)
    wait_for("what was done before in the status",
             lambda: (f" replaces {old.pod} " in json.dumps(recent := cluster_status(w.kube, NAMESPACE)["recent"]), recent), 20)
    w.note(told()[1][-1])

    def labelled():
        names = [p["metadata"]["name"] for p in w.kube.pods(SYSTEM, "codis.io/leader=true")]
        return names == [w.leader()], names
    wait_for("its label", labelled, 20)
    w.wait_whole()


@case
def no_controller_at_all(w):
    """Without any controller status says so, and shows what Kubernetes and the dashboard know."""
    w.kube.merge(CONTROLLER, {"spec": {"replicas": 0}})
    try:
        wait_for("no controller", lambda: (not w.kube.pods(SYSTEM, "app.kubernetes.io/name=codis-controller"), "pods"), 60)
        text, seconds = codisctl(w, "status", status=1)
        for words in ("no codis-controller is there", "NO CONTROLLER, 4/4 servers ready", "1024/1024 slots assigned",
                      w.codis.master(1).pod):
            assert words in text, f"{words} is not in:\n{text}"
        w.note(f"{seconds:.2f} s:\n{text}")
    finally:
        w.kube.merge(CONTROLLER, {"spec": {"replicas": 2}})
        w.wait_system(90)
    w.wait_whole(60)


@case
def certificates(w):
    """codisctl certs status tells of the webhook's pods; rotate ends when the new CA alone is trusted, and each pod serves by it."""
    text, _ = codisctl(w, "certs", "status")
    for words in (f"{SYSTEM}/codis-webhook: OK, 2 pods", "ca.crt  signs", "MutatingWebhookConfiguration    the CA"):
        assert words in text, f"{words} is not in:\n{text}"
    before = w.kube.get(f"/api/v1/namespaces/{SYSTEM}/secrets/codis-webhook-ca")["data"]
    told, seconds = codisctl(w, "certs", "rotate")
    after = w.kube.get(f"/api/v1/namespaces/{SYSTEM}/secrets/codis-webhook-ca")["data"]
    assert before["ca.crt"] != after["ca.crt"] and "ca-old.crt" not in after, list(after)
    for words in ("codis.io/rotate=", "stage 1 of 2", "and no other one is trusted"):
        assert words in told, f"{words} is not in:\n{told}"
    assert codisctl(w, "certs", "status")[0].startswith(f"{SYSTEM}/codis-webhook: OK")
    w.note(f"rotated in {seconds:.1f} s:\n{told}")


@case
def ping(w):
    """codisctl ping gets PONG through each proxy, by port-forwards through the API server; one that hangs costs its own 3 s alone."""
    proxies = sorted(pod["metadata"]["name"] for pod in w.kube.pods(NAMESPACE, "app=codis-proxy"))
    text, seconds = codisctl(w, "ping")
    assert text.endswith("\nPONG\n") and all(f"{name}  PONG in " in text for name in proxies), text
    w.note(f"{seconds:.2f} s:\n{text}")
    w.kill(f"{proxies[0]}/codis-proxy", signal_number=signal.SIGSTOP)
    try:
        text, seconds = codisctl(w, "ping", status=1)
    finally:
        w.kill(f"{proxies[0]}/codis-proxy", signal_number=signal.SIGCONT)
    assert f"{proxies[0]}  no answer within 3 s" in text and f"{proxies[1]}  PONG in " in text and "\nPONG" not in text, text
    assert codisctl(w, "ping")[0].endswith("\nPONG\n")
    w.note(f"with {proxies[0]} stopped, in {seconds:.2f} s:\n{text}")


@case
def scale_proxy(w):
    """codisctl scale-proxy 3, and 2 again, end with PONG through so many proxies, and no other one is left."""
    try:
        text, seconds = codisctl(w, "scale-proxy", "3")
        assert "codis-proxy: 2 -> 3\n" in text and text.endswith("\nPONG\n") and text.count("PONG in ") == 3, text
        w.note(f"{seconds:.1f} s:\n{text}")
    finally:
        text, seconds = codisctl(w, "scale-proxy", "2")
    assert text.endswith("\nPONG\n") and text.count("PONG in ") == 2, text
    w.note(f"{seconds:.1f} s:\n{text}")
    w.wait_whole(60)
