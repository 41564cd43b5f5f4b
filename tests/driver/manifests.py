"""The texts of manifests/."""
import glob
import os
import re

MANIFESTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "manifests")


def manifest(*parts):
    """The text of a manifest, with the kube-scheduler of the Kubernetes that KUBE_VERSION names, as README.md asks for."""
    with open(os.path.join(MANIFESTS, *parts), encoding="utf-8") as f:
        return of_kubernetes(f.read())


def of_kubernetes(text):
    version = os.environ.get("KUBE_VERSION")
    return re.sub(r"(/kube-scheduler:)v[0-9.]+", rf"\g<1>{version}", text) if version else text


def manifests_of(name):
    """All of manifests/codis/NAME as one text."""
    paths = sorted(glob.glob(os.path.join(MANIFESTS, "codis", name, "*.yaml")))
    return "\n---\n".join(manifest("codis", name, os.path.basename(p)) for p in paths)
