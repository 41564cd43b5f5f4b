"""What a real Prometheus learns from the programs, with the configuration, alerts and dashboard of manifests/monitoring."""
import contextlib
import json
import os
import re
import tempfile
import threading
import urllib.parse
import urllib.request

from cluster import TOP
from codis import SYSTEM
from programs import free_port, start
from world import NAMESPACE, case, wait_for

FILES = os.path.join(TOP, "manifests", "monitoring")


def read(name):
    with open(os.path.join(FILES, name), encoding="utf-8") as f:
        return f.read()


def targets(w):
    """{address: pod} of the ports called ops in codis-system: what Kubernetes' discovery finds with prometheus.yaml."""
    return {f"{p['status']['podIP']}:{port['containerPort']}": p["metadata"]["name"] for p in w.kube.pods(SYSTEM) if p["status"].get("podIP")
            for c in p["spec"]["containers"] for port in c.get("ports", []) if port.get("name") == "ops"}


def compressed(rules):
    """The alerts once more, with a second for each minute that they wait, and a label that says so."""
    rules = re.sub(r"\bfor: (\d+)m$", r"for: \1s", rules, flags=re.M)
    rules = re.sub(r"\bfor: (\d+)h$", lambda m: f"for: {int(m[1]) * 60}s", rules, flags=re.M)
    rules = re.sub(r"^- name: (.*)$", r"- name: compressed-\1", rules, flags=re.M)
    return rules.replace("labels: { severity:", "labels: { compressed: yes, severity:")


class Prometheus:
    """One by itself that scrapes each second. Debian's is built without Kubernetes' discovery, which is played: it is told
    whom in a file, that follows the pods which are there."""

    def __init__(self, stack, w, more=None):
        self.w = w
        self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="codis-prometheus-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.told = None
        self.tell()
        text, n = re.subn(r"  kubernetes_sd_configs:\n(?:  .*\n)*\Z", f"  file_sd_configs: [{{ files: ['{self.folder}/targets.json'] }}]\n",
                          read("prometheus.yaml"))
        assert n == 1, "prometheus.yaml has no discovery at its end"
        text = "global: { evaluation_interval: 1s }\n" + text.replace("scrape_interval: 15s", "scrape_interval: 1s")
        rules = {"alerts.yaml": read("alerts.yaml"), **(more or {})}
        text = text.replace("rule_files: [alerts.yaml]", f"rule_files: [{', '.join(rules)}]")
        for name, what in {"prometheus.yml": text, **rules}.items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
                f.write(what)
        start(stack, self.folder, "prometheus", ["prometheus", f"--config.file={self.folder}/prometheus.yml",
                                                 f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address={self.url[7:]}"])
        ended = threading.Event()
        following = threading.Thread(target=self.follow, args=(ended,), daemon=True)
        following.start()
        stack.callback(following.join)
        stack.callback(ended.set)

    def tell(self):
        """The file is another one in one step: half of it is never read."""
        found = targets(self.w)
        if found == self.told:
            return
        path = os.path.join(self.folder, "targets.json")
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump([{"targets": [address], "labels": {"pod": pod}} for address, pod in sorted(found.items())], f)
        os.replace(path + ".new", path)
        self.told = found

    def follow(self, ended):
        while not ended.wait(1):
            with contextlib.suppress(OSError, RuntimeError):  # the API server is away for a moment
                self.tell()

    def get(self, path, **query):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def ask(self, expression):
        """[(labels, value)] as it is now."""
        return [(r["metric"], float(r["value"][1])) for r in self.get("query", query=expression)["result"]]

    def value(self, expression):
        answer = self.ask(expression)
        if len(answer) != 1:
            raise RuntimeError(f"{expression} has {len(answer)} answers: {answer}")
        return answer[0][1]


def panels():
    """(title, expression) of the dashboard, with Grafana's variables put in."""
    for panel in json.loads(read("grafana-dashboard.json"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$namespace", ".*").replace("$product", ".*")


@case
def prometheus_tells(w):
    """A real Prometheus scrapes all programs, each panel of the dashboard has an answer, a failover is counted, and no proxy is an alert."""
    with contextlib.ExitStack() as stack:
        p, of = Prometheus(stack, w), f'{{namespace="{NAMESPACE}",product="codis-test"}}'
        wait_for("all programs", lambda: (p.value("count(up == 1)") == len(targets(w)), p.ask("up")), 60)
        wait_for("an OK", lambda: (p.value(f'max(codis_cluster_state{{state="OK",{of[1:]})') == 1, p.ask("codis_cluster_state")), 20)
        for what, expected in (("slots_served", 1024), ("groups", 2), ("groups_led", 2), ("proxies_serving", 2), ("keys_lost", 0)):
            assert p.value(f"codis_cluster_{what}{of}") == expected, p.ask(f"codis_cluster_{what}")
        assert [v for _, v in p.ask(f"codis_group_replicas_synced{of}")] == [1, 1], p.ask("codis_group_replicas_synced")
        assert len({labels["version"] for labels, _ in p.ask("codis_build_info")}) == 1, p.ask("codis_build_info")
        wait_for("no alert", lambda: (not p.ask("ALERTS"), p.ask("ALERTS")), 20)  # before the first scrape all is missing
        before = p.value(f"sum(codis_cluster_failovers_total{of})")
        old = w.codis.master(1)
        w.kill(f"{old.pod}/codis-server")
        wait_for("a failover", lambda: (p.value(f"sum(codis_cluster_failovers_total{of})") == before + 1, p.ask("codis_cluster_failovers_total")), 20)
        w.wait_moved(1, old)
        # rate() needs two samples; those scraped last have had one when the failover is seen early.
        wait_for("two samples of each", lambda: (p.value("min(count_over_time(up[1m]))") >= 2, p.ask("count_over_time(up[1m])")), 10)
        silent = [(title, e) for title, e in panels() if not p.ask(e) and "Keys lost" not in title]
        assert not silent, silent
        w.note(f"{len(list(panels()))} questions of the dashboard are answered")
        w.kube.kubectl("scale", "-n", NAMESPACE, "deploy", "codis-proxy", "--replicas=0")
        try:
            down = 'ALERTS{alertname="CodisDown",alertstate="pending"}'
            seconds = wait_for("the alert", lambda: (bool(p.ask(down)), p.ask("ALERTS")), 30)
            w.note(f"without proxies CodisDown is pending after {seconds:.1f} s")
        finally:
            w.kube.kubectl("scale", "-n", NAMESPACE, "deploy", "codis-proxy", "--replicas=2")
        w.wait_whole(120)
        wait_for("an end of it", lambda: (not p.ask("ALERTS"), p.ask("ALERTS")), 60)
