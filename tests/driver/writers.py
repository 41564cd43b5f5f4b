"""codis-writers in a pod: clients that write through the proxies and tell what a fault has cost them."""
import json
import os
import re
import subprocess
import tempfile

from say import wait_for

PORT = 8090
HISTORY = "/tmp/history"
LINEARIZABLE = os.environ.get("LINEARIZABLE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/linearizable"))


class Writers:
    def __init__(self, kube, namespace, image="codis-image:latest", name="codis-writers"):
        self.kube = kube
        self.namespace = namespace
        self.name = name
        self.image = image
        self.path = f"/api/v1/namespaces/{namespace}/pods"

    def start(self, writers=8, rate=250, keep=0, node=None, registers=0):
        """Starts them, on a given node if it matters, and waits for the first acknowledgements. With registers they read
        and write so many keys together, and keep the history of that."""
        container = {"name": "writers", "image": self.image, "imagePullPolicy": "IfNotPresent",
                     "command": ["codis-writers", f"--writers={writers}", f"--rate={rate}", f"--keep={keep}",
                                 *([f"--registers={registers}", f"--history={HISTORY}"] if registers else [])],
                     "ports": [{"containerPort": PORT}]}
        spec = {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 2,
                **({"nodeName": node} if node else {})}
        self.kube.call("POST", self.path, {"apiVersion": "v1", "kind": "Pod", "spec": spec,
                                           "metadata": {"name": self.name, "labels": {"app": self.name}}})
        wait_for("writers that are acknowledged", lambda: (self.status()["acknowledged"] > 1000, "starting"), 60)

    def stop(self):
        self.kube.delete(f"{self.path}/{self.name}", grace=0)
        wait_for("the end of the writers", lambda: (not self.kube.find(f"{self.path}/{self.name}"), "ending"), 30)

    def _ask(self, path, method="GET", timeout=15):
        status, text = self.kube.pod_http(self.namespace, self.name, PORT, path, method, timeout)
        if status != 200:
            said = re.search(r'"message":"(.*?)"[,}]', text)  # the API server's, where nobody listens there yet
            raise RuntimeError(f"codis-writers answers {status}: {(said[1] if said else text.strip())[:200]}")
        return json.loads(text)

    def status(self):
        return self._ask("/status")

    def fault(self, at_us=None):
        """Tells them that a fault happened at a wall time; without one, now. Returns the time that was taken."""
        return self._ask(f"/fault?at={at_us}" if at_us else "/fault", "POST")["at_us"]

    def report(self, since_us=None):
        """Gaps and missing keys by fault; every key that was acknowledged since is read back."""
        return self._ask(f"/report?since={since_us}" if since_us else "/report", timeout=90)

    def judge(self, keep=None):
        """Ends clients of registers; whether their history is linearizable, and the sentence about it. keep: a file for it."""
        self._ask("/stop", "POST", timeout=60)
        history = self.kube.run_in(self.namespace, self.name, "cat", HISTORY, timeout=60)
        with open(keep, "w", encoding="ascii") if keep else tempfile.NamedTemporaryFile("w", encoding="ascii") as f:
            f.write(history)
            f.flush()
            done = subprocess.run([LINEARIZABLE, f.name], capture_output=True, text=True, timeout=600)
        if done.returncode not in (0, 1):
            raise RuntimeError((done.stderr or done.stdout).strip())
        return done.returncode == 0, done.stdout.strip()


def verdict(report):
    """Why the report is not what is promised; "" when it is. The tail of each fault is no part of the promise."""
    if report["check_failure"] or report["checked"] != report["acknowledged"]:
        return f"only {report['checked']} of {report['acknowledged']} keys could be read: {report['check_failure']}"
    lost = sum(f["missing_before"] + f["missing_after"] for f in report["faults"])
    lost += report["missing"] if not report["faults"] else 0
    return f"{lost} acknowledged writes are missing" if lost else ""
