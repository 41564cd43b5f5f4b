"""The manifests of the article, hooks, codis-ha and all, in a second namespace with the same product name."""
from codis import Codis
from world import case, manifests_of, wait_for


@case
def article(w):
    """The article's manifests come up to PONG as they are, with the first Codis beside them."""
    codis = Codis(w.kube, "article")
    try:
        w.make_codis("article", manifests_of("article").replace("nodePort: 31080", "nodePort: 31082"))
        w.note(f"whole after {w.wait_whole(240, codis):.0f} s")
        servers = codis.servers()
        for gid in (1, 2):
            nodes = [s.node for s in servers if s.group == gid]
            assert len(set(nodes)) == 2, f"group {gid} is on {nodes}"
        hooks = w.pod("codis-server-0", "article")["spec"]["containers"][0]["lifecycle"]
        assert "--group-add" not in str(hooks), "its own hook, which ends a guarded pod, is still there"
        viewer = w.pod("codis-ha-0", "article")["spec"]["containers"][0]
        assert viewer["image"] == "codis-k8s:latest", f"codis-ha runs {viewer['image']}"
        kill(w, codis)
        master = codis.master(1)
        line = f" [ ] article/codis-test group-1 [0] {master.pod} {master.address} on {master.node}: master"
        wait_for("its line in codis-ha's log", lambda: (line in (said := w.kube.kubectl("logs", "-n", "article", "codis-ha-0").stdout), said), 30)
    except Exception:
        w.note("; ".join(f"{p['metadata']['name']} {p['status']['phase']}" for p in codis.pods()))
        raise
    finally:
        w.remove_codis("article")


def kill(w, codis):
    """One kill -9 here too: its hooks must not stand in the way of coming back."""
    old = codis.master(1)
    w.kill(f"article/{old.pod}/codis-server")
    w.note(f"whole again {w.wait_whole(60, codis):.1f} s after a kill -9")
    assert codis.master(1).info["run_id"] != old.info["run_id"]
