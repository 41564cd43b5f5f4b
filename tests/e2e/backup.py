"""codisctl backup and restore: the coordinator's tree goes while the proxies serve on, and comes back."""
import json
import os
import sys
import tempfile

from cli import codisctl
from world import TOP, case, wait_for

sys.path.append(os.path.join(TOP, "tests", "contract"))
from zk import Zk  # noqa: E402 (as a person with zkCli would)

ROOT = "/codis3/codis-test"


def delete_below(zk, path):
    """Nodes that come meanwhile, for codis-controller makes groups anew, stay."""
    for name in zk.children(path) or []:
        zk.delete(f"{path}/{name}")


def delete_tree(w):
    """By whichever member of ZooKeeper serves."""
    for member in ("zookeeper-0", "zookeeper-1", "zookeeper-2"):
        try:
            zk = Zk(w.pod(member)["status"]["podIP"] + ":2181")
        except OSError:
            continue
        for folder in ("slots", "group", "proxy"):
            delete_below(zk, f"{ROOT}/{folder}")
        zk.close()
        return
    raise RuntimeError("no member of ZooKeeper serves")


def wait_forgotten(w):
    def told():
        line = w.status_line()
        return "ZooKeeper knows of no slot" in line, line
    wait_for("a status that says so", told, 30)
    line = w.status_line()
    assert "proxies send slots: codisctl restore --from-proxies -n " in line, line
    w.note(line)


def lose_and_restore(w, *source):
    """The tree goes, and is restored; the proxies' clients notice nothing."""
    before = w.codis.overview()["stats"]["slots"]
    w.writers.fault()
    delete_tree(w)
    wait_forgotten(w)
    told, seconds = codisctl(w, "restore", *source, "--yes")
    w.note(f"{' '.join(source)}: {seconds:.1f} s:\n{told}")
    w.note(f"whole {w.wait_whole(60):.1f} s later")
    after = w.codis.overview()["stats"]["slots"]
    wrong = [(a, b) for a, b in zip(before, after) if a["group_id"] != b["group_id"]]
    assert not wrong, f"{len(wrong)} slots have another group: {wrong[:2]}"


@case
def the_tree_is_lost(w):
    """ZooKeeper's tree is deleted, and restored from a backup and from living proxies: OK again, no key missing, no writer held up."""
    w.start_writers()
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "tree.json")
        _, seconds = codisctl(w, "backup", "-o", file)
        with open(file, encoding="utf-8") as f:
            copy = json.load(f)
        rebuilt = json.loads(codisctl(w, "backup", "--from-proxies")[0])
        w.note(f"backup in {seconds:.1f} s: {len(copy['nodes'])} nodes")
        for path, data in ((n["path"], n["data"]) for n in copy["nodes"] if not n["path"].startswith("proxy/")):
            also = next(n["data"] for n in rebuilt["nodes"] if n["path"] == path)
            same = data == also if path.startswith("slots/") else servers(data) == servers(also)
            assert same, f"{path} is {data}, and by the proxies {also}"
        codisctl(w, "restore", "--from-proxies")  # nothing is missing: nothing to be refused
        lose_and_restore(w, "-f", file)
        lose_and_restore(w, "--from-proxies")
    report = w.assert_nothing_lost()
    w.note(f"longest gap of a writer: {max(f['outage_us'] for f in report['faults']) / 1000:.0f} ms")


def servers(group):
    return [s["server"] for s in group["servers"]]
