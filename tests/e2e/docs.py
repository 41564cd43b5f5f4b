"""README.md and docs/, by their words: each command does what the page says, under writers where it is about a living Codis."""
import glob
import json
import os
import re
import tempfile
import time

from codis import Codis
from pages import fenced, indented, page, run, section, shell
from world import NAMESPACE, TOP, case, wait_for
from writers import Writers

SHOP = "shop"
LOCAL = "--image=codis-image:latest --image-pull-policy=IfNotPresent"  # as the quick start has it for this machine

# By which change of a master the commands of a section show what they do.
CHANGES = {"A master is killed": "Promoted", "A node is drained": "Switched"}
# Each is run by a case of its own.
RUN_ELSEWHERE = {"docs/operations.md", "docs/quickstart.md", "docs/quickstart.zh-CN.md", "docs/uninstall.md"}
A_PICTURE = "docs/architecture.md"  # of what calls what
MOVES_SLOTS = "--slot-action --create-some"  # of the real cluster: not by the way
# What a page leaves to its reader.
FILLED = [(r"\bshop\b", NAMESPACE), (r"namespace NAME\b", f"namespace {NAMESPACE}"), (r"node NAME\b", "node node1"),
          (r"overlays/NAME\b", "overlays/single-node"), (r"\bFOLDER\b", "manifests/overlays/single-node"), (r"\bNAMESPACE\b", NAMESPACE),
          (r"codis-ha-0", "codis-dashboard-0"), (r"\b(?:pod(?: -n \S+)?) \K(?:NAME|POD|PROXY|OLD-MASTER)\b", "codis-server-0"),
          (r"codis-password\|NAME", "codis-password|some-secret"), (r"\bGROUP\b", "1"), (r"\$NS\b", NAMESPACE)]
# What changes something is only tried.
TRIED = re.compile(r"\bkubectl (?:-n \S+ )?(?:apply|annotate|label|scale|delete|create|patch|taint|drain|cordon|uncordon|set env|set image)\b")
# What cannot end well here, and why.
NOT_HERE = {"no matches for kind": "the Prometheus operator's kinds are on no cluster of ours",
            "denied the request": "codis-webhook refuses it here, where servers have data: the page says when it is meant",
            "dump.rdb": "these servers have no volume"}


def built_up(w):
    """A Codis of manifests/codis/plain, in four nodes that have another one."""
    w.note(shell(w, f"codisctl buildup -n {SHOP}").splitlines()[-1])
    codis = Codis(w.kube, SHOP)
    w.wait_whole(codis=codis)
    return codis


def taken_away(w):
    w.kube.kubectl("delete", "namespace", SHOP, "--ignore-not-found", "--wait=false")
    w.kube.kubectl("delete", "pods", "-n", SHOP, "--all", "--grace-period=1", "--wait=false")


def step(w, text, **how):
    """One block; how long it took."""
    begin = time.monotonic()
    said = shell(w, text, **how)
    w.note(f"{time.monotonic() - begin:5.1f} s: {text.strip().splitlines()[0][:110]}")
    return said


def busiest(codis):
    led = [s.node for s in codis.servers() if s.is_master]
    return max(led, key=led.count)


def here(line, node):
    """A command of the quick start, where no terminal is, and where the other cases go on."""
    if line.endswith(" -w"):
        return f"timeout 3 {line} || [ $? = 124 ]"  # it goes on until Ctrl-C
    if "install.yaml" in line:
        return ""
    line = line.replace("--image=busybox", LOCAL).replace("NODE", node).replace(" -it ", " -i ")
    return f"{line} || [ $? = 1 ]" if line.startswith("codisctl status") else line  # 1: it lacks something, as the page says


@case
def quickstart(w):
    """docs/quickstart.md from the Codis on: a key survives a kill and a drain; at the end nothing is left."""
    codis = built_up(w)
    try:
        node = codis.master(1).node
        for heading in ("A key", "A master is killed", "A node is drained", "Taking it away"):  # operations scales
            texts = indented(section("docs/quickstart.md", heading))
            assert texts, f"{heading} has no commands"
            for text in texts:
                said = step(w, "\n".join(here(line.strip(), node) for line in text.splitlines()), timeout=300)
                assert "get greeting" not in text or "hello" in said, said
            if heading in CHANGES:
                w.wait_whole(120, codis=codis)
                wait_for(f"what was {CHANGES[heading]} in the history", lambda what=CHANGES[heading]: (
                    f": {what}: " in shell(w, f"codisctl history -n {SHOP} --since 5m"), "nothing was"), 20)
                node = busiest(codis)
        assert not w.kube.find(f"/api/v1/namespaces/{SHOP}")
    finally:
        taken_away(w)
        wait_for("the end of its namespace", lambda: (not w.kube.find(f"/api/v1/namespaces/{SHOP}"), "there"), 60)


@case
def operations(w):
    """docs/operations.md, each command in its order, under writers: no acknowledged write is missing."""
    codis = built_up(w)
    try:
        node = busiest(codis)
        w.writers = Writers(w.kube, SHOP)
        w.writers.start(node=next(n["metadata"]["name"] for n in w.kube.nodes() if n["metadata"]["name"] != node))
        w.writers.fault()
        with tempfile.TemporaryDirectory(prefix="codis-docs-") as folder:
            os.symlink(os.path.join(TOP, "manifests"), os.path.join(folder, "manifests"))
            for text in fenced(page("docs/operations.md"))[1:]:  # the first one sets what the reader has
                if "--subresource resize" in text and not w.resizes_pods():
                    continue
                step(w, text, folder=folder, timeout=400, NS=SHOP, NODE=node)
            backup = page(os.path.join(folder, "codis-test.json"))
        assert len(backup.splitlines()) > 1024, backup[:1000]
        w.wait_whole(codis=codis)
        w.assert_nothing_lost()
    finally:
        taken_away(w)
        wait_for("the end of its namespace", lambda: (not w.kube.find(f"/api/v1/namespaces/{SHOP}"), "there"), 60)


def shown(path):
    """The commands of a page, in its blocks and in its text. One that is only named (kubectl drain) is none."""
    text = page(path)
    for block in [*fenced(text), *indented(text)]:
        lines = [re.sub(r"\s+#.*", "", line).strip() for line in block.splitlines() if re.search(r"^\s*(?:kubectl |[A-Z]+=|: )|\| kubectl ", line)]
        if any("kubectl " in line for line in lines):
            yield "\n".join(lines)
    for words in re.findall(r"`((?:kubectl|sed) [^`]*)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)):
        words = " ".join(words.split())
        if "kubectl " in words and MOVES_SLOTS not in words and len([word for word in words.split() if not word.startswith("-")]) > 3:
            yield words


def filled(text):
    for what, put in FILLED:
        before, keep, after = what.partition(r"\K")
        text = re.sub(f"({before}){after}" if keep else what, rf"\g<1>{put}" if keep else put, text)
    text = TRIED.sub(lambda m: m[0] + " --dry-run=server", text)
    # what goes on until somebody ends it
    text = re.sub(r"\bkubectl (?=logs -f |.*port-forward |proxy)", "timeout 3 kubectl ", text)
    return re.sub(r"^(kubectl diff .*)", r"\1 || [ $? = 1 ]", text, flags=re.M)  # 1: they differ


@case
def every_command(w):
    """Each other command of kubectl in README.md and docs/ is one, and finds what it names; what changes something is tried (dry run)."""
    tried, failed = set(), []
    with tempfile.TemporaryDirectory(prefix="codis-docs-") as folder:
        for name, to in (("manifests", "manifests"), ("install.yaml", "manifests/install.yaml"), ("new.yaml", "manifests/codis/plain/codis-server.yaml")):
            os.symlink(os.path.join(TOP, to), os.path.join(folder, name))
        variables = {"IMAGE": "codis-k8s:latest", "KUBECONFIG": os.path.join(folder, "kubeconfig")}
        with open(variables["KUBECONFIG"], "w", encoding="utf-8") as f:
            f.write(w.kube.kubectl("config", "view", "--raw").stdout)
        shell(w, f"kubectl config set-context --current --namespace={NAMESPACE}", **variables)
        for path in ["README.md", *sorted(glob.glob("docs/*.md", root_dir=TOP))]:
            for text in () if path in {*RUN_ELSEWHERE, A_PICTURE} else map(filled, shown(path)):
                done = None if text in tried else run(w, text, folder=folder, **variables)
                tried.add(text)
                if done and done.returncode not in (0, 124) and not any(words in done.stderr + text for words in NOT_HERE):
                    failed.append(f"{path}: {text}: {done.stderr.strip() or done.stdout.strip()}")
    assert len(tried) > 40, json.dumps(sorted(tried), indent=1)
    assert not failed, "\n".join(failed)
    w.note(f"{len(tried)} commands")
