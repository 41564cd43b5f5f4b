"""The texts of manifests/."""
import glob
import os

MANIFESTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "manifests")


def manifest(*parts):
    with open(os.path.join(MANIFESTS, *parts), encoding="utf-8") as f:
        return f.read()


def manifests_of(name):
    """All of manifests/codis/NAME as one text."""
    paths = sorted(glob.glob(os.path.join(MANIFESTS, "codis", name, "*.yaml")))
    return "\n---\n".join(manifest("codis", name, os.path.basename(p)) for p in paths)
