"""A StatefulSet for each group, by the label codis.io/group on its template."""
import copy
import time

from codis import status_line
from inputs import applied, container, listed, set_env, small, wait_line, workload
from world import case, wait_for
from writers import Writers

NAME = "grouped"
SETS = f"/apis/apps/v1/namespaces/{NAME}/statefulsets/"


def group_set(objects, gid):
    """The plain StatefulSet, as that of one group: no SERVER_REPLICA, and a number of its own behind its name."""
    found = copy.deepcopy(workload(objects, "codis-server"))
    found["metadata"]["name"] = f"codis-server-{gid}"
    for labels in (found["spec"]["selector"]["matchLabels"], found["spec"]["template"]["metadata"]["labels"]):
        labels["codis.io/group"] = str(gid)
    set_env(container([found], f"codis-server-{gid}"), SERVER_REPLICA=None)
    return found


def line(groups):
    return f": OK, {groups}/{groups} groups led, 1 proxy, 1024/1024 slots served"


def slots(w, gid):
    return w.kube.get(f"{SETS}codis-server-{gid}")["metadata"].get("annotations", {}).get("codis.io/slots", "")


def wait_slots(w, **expected):
    """Each StatefulSet says of its own group what it serves; slots may have to move there first."""
    def probe():
        said = {name: slots(w, name[1:]) for name in expected}
        return all(said[name].startswith(text) and "," not in said[name] for name, text in expected.items()), said
    wait_for("codis.io/slots", probe, 120)


def wait_budget(w, gid):
    path = f"/apis/policy/v1/namespaces/{NAME}/poddisruptionbudgets/codis-server-{gid}-group-{gid}"

    def probe():
        found = w.kube.find(path)
        return bool(found) and found.get("status", {}).get("expectedPods") == 2, found and found.get("status")
    wait_for(f"the budget of group {gid}", probe, 30)
    budget = w.kube.get(path)
    assert budget["spec"]["minAvailable"] == 1, budget["spec"]
    assert budget["metadata"]["ownerReferences"][0]["name"] == f"codis-server-{gid}", budget["metadata"]


def fail_over(w, codis, gid):
    old = codis.master(gid)
    w.writers.fault(w.kill(f"{NAME}/{old.pod}/codis-server"))

    def probe():
        why = codis.group_trouble(gid)
        return not why and codis.master(gid).pod != old.pod, why or f"{old.pod} still leads"
    w.note(f"group {gid}: two in sync after {wait_for(f'group {gid}', probe, 60, every=0.1):.1f} s")


def move_back(w, codis):
    """As a person would, by the dashboard: a group that has been emptied is not filled again."""
    for gid, count in ((1, 171), (2, 170)):
        status, text = codis.put(f"slots/action/create-some/:xauth/3/{gid}/{count}")
        assert status == 200, text


def label_pod(w, pod, gid):
    w.kube.kubectl("label", "-n", NAME, "pod", pod, f"codis.io/group={gid}", "--overwrite")


@case
def a_set_each(w):
    """Two StatefulSets, one a group, are led, fail over and are kept; a third one joins; one that serves cannot go."""
    objects = small(w)
    two = [o for o in objects if o is not workload(objects, "codis-server")] + [group_set(objects, gid) for gid in (1, 2)]
    with applied(w, NAME, two) as codis:
        wait_line(w, NAME, line(2), 120)
        assert sorted((s.pod, s.group) for s in codis.servers()) == [
            (f"codis-server-{gid}-{i}", gid) for gid in (1, 2) for i in (0, 1)], codis.topology()
        w.writers = Writers(w.kube, NAME)
        w.writers.start()
        wait_slots(w, g1="1=512", g2="2=512")
        for gid in (1, 2):
            wait_budget(w, gid)
            fail_over(w, codis, gid)
        wait_line(w, NAME, line(2))
        declared = codis.declared_groups()
        w.kube.merge(f"{SETS}codis-server-1", {"metadata": {"annotations": {"codis.io/migration-parallel": "64"}}})
        label_pod(w, "codis-server-2-0", 1)  # its StatefulSet lets it go: the selector has the label
        time.sleep(3)
        assert codis.declared_groups() == declared and line(2) in status_line(w.kube, NAME), codis.topology()
        label_pod(w, "codis-server-2-0", 2)
        w.kube.apply(listed([group_set(objects, 3)]), NAME)
        wait_line(w, NAME, line(3), 120)
        wait_budget(w, 3)
        wait_slots(w, g1="1=341", g2="2=342", g3="3=341")  # the new one gets its share
        move_back(w, codis)
        wait_slots(w, g1="1=512", g2="2=512", g3="none")
        status, text = w.kube.request("PATCH", f"{SETS}codis-server-2/scale", {"spec": {"replicas": 0}},
                                      "application/merge-patch+json")
        assert status == 422 and "group 2 still serves 512 slots" in text, (status, text)
        w.kube.merge(f"{SETS}codis-server-3", {"spec": {"replicas": 0}})
        wait_line(w, NAME, line(2), 60)
        assert codis.trouble(proxies=1) == "", codis.topology()
        w.assert_nothing_lost()
