"""The local Kubernetes of tests/cluster, and precise blows at the processes on its nodes."""
import glob
import os
import select
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
        """Returns when it was gone, in microseconds of wall time."""
        return int(self.run("power-off", number(node)))

    def power_on(self, node):
        self.run("power-on", number(node))

    def shut_down(self, node):
        """As by systemctl poweroff: its kubelet ends the pods first. Returns when the power went, as above."""
        return int(self.run("shut-down", number(node)))

    def cut(self, node):
        """Returns when nothing got in or out any more, in microseconds of wall time."""
        return int(self.run("cut", number(node)))

    def heal(self, node):
        self.run("heal", number(node))

    # --- a pod's network: nothing gets to other pods, nodes and Services, or back; its own kubelet still reaches it -------

    def cut_pod(self, pod):
        """Returns when nothing got through any more, in microseconds of wall time."""
        self._nft(pod, CUT_PODS + f"add element ip cut-pods addresses {{ {pod['status']['podIP']} }}\n", check=True)
        return time.time_ns() // 1000

    def heal_pod(self, pod):
        """A pod or a node that is gone meanwhile needs no healing."""
        self._nft(pod, f"delete element ip cut-pods addresses {{ {pod['status']['podIP']} }}\n", check=False)

    def cut_pair(self, pod, other):
        """Nothing that a pod sends gets to another one, which is on another node."""
        pair = f"{pod['status']['podIP']} . {other['status']['podIP']}"
        self._nft(other, CUT_PAIRS + f"add element ip cut-pairs pairs {{ {pair} }}\n", check=True)

    def heal_pair(self, pod, other):
        pair = f"{pod['status']['podIP']} . {other['status']['podIP']}"
        self._nft(other, f"delete element ip cut-pairs pairs {{ {pair} }}\n", check=False)

    def _nft(self, pod, commands, check):
        network = f"/run/netns/{self.name}-node{number(pod['spec']['nodeName'])}"
        subprocess.run(["nsenter", f"--net={network}", "nft", "-f", "-"], input=commands, text=True, check=check,
                       stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL)


CUT_PODS = """add table ip cut-pods
add set ip cut-pods addresses { type ipv4_addr; }
add chain ip cut-pods forward { type filter hook forward priority -300; }
flush chain ip cut-pods forward
add rule ip cut-pods forward ip saddr @addresses drop
add rule ip cut-pods forward ip daddr @addresses drop
"""

CUT_PAIRS = """add table ip cut-pairs
add set ip cut-pairs pairs { type ipv4_addr . ipv4_addr; }
add chain ip cut-pairs forward { type filter hook forward priority -300; }
flush chain ip cut-pairs forward
add rule ip cut-pairs forward ip saddr . ip daddr @pairs drop
"""


def number(node):
    """"node3" -> 3"""
    return int(str(node).removeprefix("node"))


def container_id(pod, container):
    for status in pod["status"].get("containerStatuses", []):
        if status["name"] == container and "running" in status.get("state", {}):
            return status["containerID"].split("://", 1)[1]
    raise RuntimeError(f"container {container} of pod {pod['metadata']['name']} does not run")


class Process:
    """A process of this machine: known by more than its number, which another one may have later."""

    def __init__(self, pid):
        self.pid = pid
        self.handle = os.pidfd_open(pid)

    def __del__(self):
        os.close(self.handle)

    def send(self, signal_number):
        """Whether it was still there."""
        try:
            signal.pidfd_send_signal(self.handle, signal_number)
        except ProcessLookupError:
            return False
        return True

    def wait_end(self, seconds):
        """Whether it ended within so many seconds."""
        return bool(select.select([self.handle], [], [], seconds)[0])

    def group_file(self, controller, name):
        """A file of its control group (v1), as this machine sees it; RuntimeError where there is none."""
        with open(f"/proc/{self.pid}/cgroup", encoding="ascii") as f:
            groups = dict(line.rstrip("\n").split(":", 2)[1:] for line in f)
        path = f"/sys/fs/cgroup/{controller}{groups.get(controller, '')}/{name}"
        if controller not in groups or not os.path.exists(path):
            raise RuntimeError(f"control groups here have no {name}")
        return path


def main_process(container):
    """A container's process 1. The nodes' processes are ours too, seen from here."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cgroup", encoding="ascii") as f:
                if container not in f.read():
                    continue
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                spaces = next(line for line in f if line.startswith("NSpid:")).split()
            if len(spaces) > 2 and spaces[-1] == "1":
                return Process(int(pid))
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue  # it has ended meanwhile
    raise RuntimeError(f"container {container[:12]} has no process on this machine")


def main_processes(targets):
    """The processes 1 of (pod, container)s."""
    return [main_process(container_id(pod, container)) for pod, container in targets]


def send_all(processes, signal_number):
    """A signal for all of them. Returns the wall time right after it, in microseconds."""
    for process in processes:
        process.send(signal_number)
    return time.time_ns() // 1000


def kill_containers(targets):
    """kill -9 of the processes 1 of (pod, container)s, all of them found before the first is hit. Returns when."""
    return send_all(main_processes(targets), signal.SIGKILL)
