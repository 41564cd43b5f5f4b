"""What a patch does to a pod: applied, and told in lines that a person can read and compare."""
import copy
import json
import re

MARK = "# codis-k8s: "
# Objects that are told by their members, also where they are new.
OPENED = {"metadata", "labels", "annotations", "lifecycle", "affinity", "podAntiAffinity", "podAffinity"}
# Objects that are told as a whole where they differ.
WHOLE = {"postStart", "preStop", "readinessProbe", "livenessProbe", "startupProbe"}
# Where a script of ours asks, and whom it tells what.
SAID = re.compile(r'(?:(?<= -[hpa] )|(?<=AUTH=)|(?<=--dashboard=)|(?<=--addr=))"([^"]*)"')


# --- JSON Patch -----------------------------------------------------------------------------------------------------------

class Wrong(Exception):
    """A patch that an API server would not take."""


def place(doc, pointer):
    if not pointer.startswith("/"):
        raise Wrong(f"path {pointer!r}")
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]
    for part in parents:
        doc = doc[index(doc, part, False)] if isinstance(doc, list) else doc[part]
    return doc, last


def index(array, part, end):
    if part == "-" and end:
        return len(array)
    if not re.fullmatch("0|[1-9][0-9]*", part) or int(part) >= len(array) + end:
        raise Wrong(f"no element {part}")
    return int(part)


def patched(doc, patch):
    doc = copy.deepcopy(doc)
    for op in patch:
        try:
            parent, last = place(doc, op["path"])
            kind, array = op["op"], isinstance(parent, list)
            key = index(parent, last, kind == "add") if array else last
            if not array and kind != "add" and key not in parent:
                raise Wrong(f"{kind} of what is not there")
            if kind == "remove":
                del parent[key]
            elif kind == "add" and array:
                parent.insert(key, copy.deepcopy(op["value"]))
            elif kind in ("add", "replace"):
                parent[key] = copy.deepcopy(op["value"])
            elif kind != "test" or parent[key] != op["value"]:
                raise Wrong(f"operation {kind}")
        except (KeyError, IndexError, TypeError, Wrong) as e:
            raise Wrong(f"{json.dumps(op)[:200]}: {e}") from e
    return doc


# --- differences ----------------------------------------------------------------------------------------------------------

class Change:
    """sign +, - or ~ (another value); path is a list of names and indices. Of a list that has grown, + has what is new."""

    def __init__(self, sign, path, old, new):
        self.sign, self.path, self.old, self.new = sign, path, old, new

    def __str__(self):
        value = self.old if self.sign == "-" else self.new
        return f"{self.sign} {'.'.join(self.path).replace('.[', '[')}: {text_of(value)}"


def text_of(value):
    return json.dumps(told(value), ensure_ascii=False, sort_keys=True).replace('"', "'")


def told(value):
    """With a script of ours by its first line, and by what it asks or tells whom."""
    if isinstance(value, list):
        return [told(v) for v in value]
    if isinstance(value, dict):
        command = (value.get("exec") or {}).get("command", ())
        if len(command) == 3 and command[:2] == ["sh", "-c"] and command[2].startswith(MARK):
            return {"sh": told(command[2]), **{k: v for k, v in value.items() if k != "exec"}}
        return {k: told(v) for k, v in value.items()}
    if isinstance(value, str) and value.startswith(MARK):
        said = list(dict.fromkeys(SAID.findall(value)))
        return f"{value.splitlines()[0]}: {' '.join(said)}".rstrip(": ")
    return value


def key_of(array, at):
    """How an element is called in a path: by its name, as containers are; a toleration by its key."""
    for name in ("name", "key"):
        keys = [isinstance(e, dict) and e.get(name) for e in array]
        if keys[at] and keys.count(keys[at]) == 1:
            return f"[{keys[at]}]"
    return f"[{at}]"


def changes(old, new, path=()):
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key not in new:
                yield Change("-", [*path, key], old[key], None)
            elif key in old and key in WHOLE and old[key] != new[key]:
                yield Change("~", [*path, key], old[key], new[key])
            elif key in old:
                yield from changes(old[key], new[key], [*path, key])
            elif key in OPENED and isinstance(new[key], dict):
                yield from changes({}, new[key], [*path, key])
            else:
                yield Change("+", [*path, key], None, new[key])
    elif isinstance(old, list) and isinstance(new, list):
        yield from list_changes(old, new, path)
    elif old != new:
        yield Change("~", list(path), old, new)


def list_changes(old, new, path):
    if not all(isinstance(e, dict) for e in [*old, *new]):
        if len(old) == len(new):
            for i, (a, b) in enumerate(zip(old, new)):
                yield from changes(a, b, [*path, f"[{i}]"])
        elif old == new[:len(old)]:
            yield Change("+", list(path), None, new[len(old):])
        else:
            yield Change("~", list(path), old, new)
        return
    before, after = ({key_of(a, i): e for i, e in enumerate(a)} for a in (old, new))
    for key in {**before, **after}:
        if key not in after:
            yield Change("-", [*path, key], before[key], None)
        elif key not in before:
            yield Change("+", [*path, key], None, after[key])
        else:
            yield from changes(before[key], after[key], [*path, key])
