"""A Kubernetes: its API through `kubectl proxy`, so that every kind of kubeconfig works, and kubectl itself."""
import atexit
import ctypes
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

MERGE_PATCH = "application/merge-patch+json"


class Error(RuntimeError):
    """The API server's refusal: status and its words."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Kube:
    def __init__(self, kubectl="kubectl", kubeconfig=None):
        self.program = kubectl
        self.env = dict(os.environ, **({"KUBECONFIG": kubeconfig} if kubeconfig else {}))
        self.folder = tempfile.TemporaryDirectory(prefix="codis-kube-")
        self.socket = os.path.join(self.folder.name, "api")
        self.proxy = None
        atexit.register(self.close)

    def close(self):
        if self.proxy:
            self.proxy.terminate()
            self.proxy.wait()
            self.proxy = None
        self.folder.cleanup()

    # --- the API ---------------------------------------------------------------------------------------------------

    def _start_proxy(self):
        if self.proxy and self.proxy.poll() is None:
            return
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        log = open(os.path.join(self.folder.name, "proxy.log"), "w+")
        self.proxy = subprocess.Popen([self.program, "proxy", f"--unix-socket={self.socket}"], env=self.env,
                                      stdout=log, stderr=log, preexec_fn=_end_with_parent)
        deadline = time.monotonic() + 15
        while not os.path.exists(self.socket):
            if self.proxy.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise RuntimeError("kubectl proxy does not start: " + log.read().strip())
            time.sleep(0.02)

    def request(self, method, path, body=None, kind="application/json", timeout=15):
        """(status, text); whoever asks decides what a status means."""
        return self.request_warned(method, path, body, kind, timeout)[:2]

    def request_warned(self, method, path, body=None, kind="application/json", timeout=15):
        """(status, text, warnings)."""
        self._start_proxy()
        connection = UnixConnection(self.socket, timeout)
        try:
            data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
            connection.request(method, path, body=data, headers={"Content-Type": kind} if data is not None else {})
            answer = connection.getresponse()
            warnings = [re.sub(r"\\(.)", r"\1", w.partition('"')[2].rstrip()[:-1])
                        for w in answer.headers.get_all("Warning", [])]  # 299 - "..."
            return answer.status, answer.read().decode("utf-8", "replace"), warnings
        except http.client.HTTPException as e:
            raise OSError(f"{method} {path}: {e!r}") from e
        finally:
            connection.close()

    def call(self, method, path, body=None, kind="application/json", timeout=15):
        """The object that the API server answers; Error with its words otherwise."""
        status, text = self.request(method, path, body, kind, timeout)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"message": text.strip()}
        if status >= 300:
            raise Error(status, answer.get("message", text))
        return answer

    def get(self, path):
        return self.call("GET", path)

    def find(self, path):
        """The object, or None when there is none."""
        try:
            return self.get(path)
        except Error as e:
            if e.status == 404:
                return None
            raise

    def items(self, path, selector=None):
        if selector:
            path += "?labelSelector=" + urllib.parse.quote(selector)
        return self.get(path)["items"]

    def merge(self, path, patch):
        return self.call("PATCH", path, patch, MERGE_PATCH)

    def delete(self, path, grace=None):
        """Deletes; an object that is gone already is what was wanted."""
        try:
            self.call("DELETE", path, {} if grace is None else {"gracePeriodSeconds": grace})
        except Error as e:
            if e.status != 404:
                raise

    # --- what is asked often ---------------------------------------------------------------------------------------

    def pods(self, namespace, selector=None):
        return self.items(f"/api/v1/namespaces/{namespace}/pods", selector)

    def pod_http(self, namespace, pod, port, path, method="GET", timeout=15):
        """(status, text) of a pod's own HTTP server, asked through the API server."""
        body = "" if method == "POST" else None
        return self.request(method, f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}", body,
                            timeout=timeout)

    def nodes(self):
        return self.items("/api/v1/nodes")

    def cordon(self, node, on=True):
        self.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": on or None}})

    def events(self, namespace, name):
        """The messages of an object's Events, oldest first."""
        path = f"/api/v1/namespaces/{namespace}/events?fieldSelector=" + urllib.parse.quote(f"involvedObject.name={name}")
        found = self.get(path)["items"]
        found.sort(key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")
        return [f"{e.get('reason', '')}: {e.get('message', '')}" for e in found]

    # --- kubectl ---------------------------------------------------------------------------------------------------

    def kubectl(self, *args, text=None, check=True, timeout=120):
        """CompletedProcess of one kubectl command; with check, RuntimeError with its words when it fails."""
        done = subprocess.run([self.program, *args], input=text, capture_output=True, text=True, env=self.env,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(args[:3])}: {(done.stderr or done.stdout).strip()}")
        return done

    def apply(self, text, namespace=None, check=True):
        scope = ["-n", namespace] if namespace else []
        return self.kubectl("apply", *scope, "-f", "-", text=text, check=check)

    def run_in(self, namespace, pod, *command, container=None, timeout=20):
        """What a command prints that runs in a pod."""
        where = ["-c", container] if container else []
        return self.kubectl("exec", "-n", namespace, pod, *where, "--", *command, timeout=timeout).stdout


def is_ready(pod):
    """Whether a pod is Ready and not on its way out."""
    conditions = pod.get("status", {}).get("conditions", [])
    return "deletionTimestamp" not in pod["metadata"] and any(
        c["type"] == "Ready" and c["status"] == "True" for c in conditions)
