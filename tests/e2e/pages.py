"""The commands of README.md and docs/, as they stand there, in a shell whose kubectl and codisctl are this cluster's."""
import os
import re
import subprocess

from world import TOP

BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))


def page(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def section(path, heading):
    """What stands below a heading, down to the next one."""
    return next(s for s in re.split(r"^##+ ", page(path), flags=re.M) if s.startswith(heading + "\n"))


def fenced(text):
    """What stands between fences, each as it is indented."""
    return [inside for _, inside in re.findall(r"^( *)```\n(.*?)^\1```$", text, flags=re.M | re.S)]


def indented(text):
    """The blocks that are indented by four."""
    return re.findall(r"(?:^ {4,}\S.*\n)+", text, flags=re.M)


def run(w, text, folder=TOP, timeout=150, **variables):
    """A CompletedProcess of such commands, which end with the first one that fails."""
    path = os.pathsep.join([os.path.dirname(w.kube.program), BUILD, os.environ["PATH"]])
    return subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", text], cwd=folder, env=dict(w.kube.env, PATH=path, **variables),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)


def shell(w, text, **how):
    """What they print. None may fail."""
    done = run(w, text, **how)
    assert done.returncode == 0, f"{text} ends with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr
