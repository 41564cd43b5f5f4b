"""What a run has found, by kind: count, outage (the longest gap of all; the longest that began with the fault, without what
the repair costs later), time until whole, what is missing."""
import json
import math

COLUMNS = (("KIND", 18, "<"), ("COUNT", 5, ">"), ("OUTAGE p50", 10, ">"), ("p99", 9, ">"), ("FIRST p50", 9, ">"),
           ("p99", 9, ">"), ("WHOLE p50", 10, ">"), ("p99", 8, ">"), ("MISSING", 8, ">"), ("LAST 50 MS", 10, ">"),
           ("FAILED", 6, ">"))


def percentile(values, percent):
    """Nearest rank: of few values, p99 is the greatest."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def ms(values, percent):
    return f"{percentile(values, percent) / 1000:,.0f} ms" if values else "-"


def seconds(values, percent):
    return f"{percentile(values, percent):.1f} s" if values else "-"


def row(name, rounds):
    outages = [r["outage_us"] for r in rounds if r["outage_us"] is not None]
    first = [r["first_us"] for r in rounds if r.get("first_us") is not None]
    whole = [r["whole_s"] for r in rounds if r["whole_s"] is not None]
    return (name, str(len(rounds)), ms(outages, 50), ms(outages, 99), ms(first, 50), ms(first, 99), seconds(whole, 50),
            seconds(whole, 99), f"{sum(r['missing'] for r in rounds):,}", f"{sum(r['missing_tail'] for r in rounds):,}",
            str(sum(bool(r["failure"]) for r in rounds)))


def table(rounds):
    """Lines. rounds: as run has written them; in the order of first appearance of their kinds."""
    kinds = {}
    for r in rounds:
        kinds.setdefault(r["kind"], []).append(r)
    rows = [tuple(c[0] for c in COLUMNS), *(row(name, kinds[name]) for name in sorted(kinds)), row("all", rounds)]
    return ["  ".join(f"{cell:{align}{width}}" for cell, (_, width, align) in zip(cells, COLUMNS)).rstrip() for cells in rows]


def read(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]
