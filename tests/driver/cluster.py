"""The local Kubernetes of tests/cluster, and precise blows at the processes on its nodes."""
import glob
import os
import signal
import subprocess
import time

from kube import Kube

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(TOP, "tests", "cluster", "cluster")


class Failed(RuntimeError):
    """What the cluster said when it could not do what it was asked."""


class Cluster:
    """One instance, by its name; two can stand side by side."""

    def __init__(self, name):
        self.name = name
        self.environ = dict(os.environ, CLUSTER_NAME=name)

    def run(self, *args, quiet=True, timeout=None):
        """Runs a verb and returns what it prints; not quiet: what it says on the way is seen."""
        done = subprocess.run([PROGRAM, *map(str, args)], env=self.environ, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE if quiet else None, timeout=timeout)
        if done.returncode != 0:
            raise Failed(((done.stderr or "").strip().splitlines() or [f"cluster {args[0]} failed"])[-1])
        return done.stdout

    def begin(self, nodes, images, quiet=True):
        """Ends what an earlier run has left, starts it anew with the archives of a folder; returns its Kube."""
        self.run("stop")
        self.run("start", nodes, quiet=quiet)
        self.run("load", *sorted(glob.glob(os.path.join(images, "*.tar"))), quiet=quiet)
        return self.kube()

    def kube(self):
        env = self.environment()
        return Kube(os.path.join(env["KUBE_BIN_DIR"], "kubectl"), env["KUBECONFIG"])

    def environment(self):
        """KUBECONFIG, PATH and addresses, as `cluster env` prints them for a shell."""
        lines = subprocess.run(["bash", "-c", 'eval "$("$0" env)" && env -0', PROGRAM], env=self.environ, check=True,
                               stdout=subprocess.PIPE, text=True).stdout
        return dict(line.split("=", 1) for line in lines.split("\0") if "=" in line)

    def power_off(self, node):
        self.run("power-off", number(node))

    def power_on(self, node):
        self.run("power-on", number(node))


def number(node):
    """"node3" -> 3"""
    return int(str(node).removeprefix("node"))


def container_id(pod, container):
    for status in pod["status"].get("containerStatuses", []):
        if status["name"] == container and "running" in status.get("state", {}):
            return status["containerID"].split("://", 1)[1]
    raise RuntimeError(f"container {container} of pod {pod['metadata']['name']} does not run")


def main_process(container):
    """This machine's number of a container's process 1. The nodes' processes are ours too, seen from here."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cgroup", encoding="ascii") as f:
                if container not in f.read():
                    continue
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                spaces = next(line for line in f if line.startswith("NSpid:")).split()
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue  # it has ended meanwhile
        if len(spaces) > 2 and spaces[-1] == "1":
            return int(pid)
    raise RuntimeError(f"container {container[:12]} has no process on this machine")


def kill_containers(targets, signal_number=signal.SIGKILL):
    """A signal for the processes 1 of (pod, container)s, all of them found before the first is hit. Returns the wall
    time right after it, in microseconds."""
    found = [main_process(container_id(pod, container)) for pod, container in targets]
    for pid in found:
        os.kill(pid, signal_number)
    return time.time_ns() // 1000
