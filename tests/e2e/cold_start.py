"""When everything was gone at once."""
import time

from world import case, wait_for


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


@case
def power_loss(w):
    """All nodes lose their power and get it back: proxies, dashboard and slots are right, and it serves."""
    before = {s.pod: s.info["run_id"] for s in w.codis.servers()}
    for i in range(1, 5):
        w.cluster.power_off(i)
    time.sleep(2)
    begin = time.monotonic()
    for i in range(1, 5):
        w.cluster.power_on(i)
    w.wait_system(180)
    w.note(f"codis-system is ready {time.monotonic() - begin:.0f} s after the power came back")
    assert_serves_empty(w, before, 240)
    w.note(f"it serves {time.monotonic() - begin:.0f} s after the power came back")
    w.wait_admission()
    w.note(f"pods and StatefulSets are admitted {time.monotonic() - begin:.0f} s after the power came back")
