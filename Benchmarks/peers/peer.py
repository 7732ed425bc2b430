"""One engine at work, in a process of its own so that its memory can be told and its time bounded.

    peer.py ENGINE version
    peer.py ENGINE take STORE EVENTS THREADS       loads a file as it comes
    peer.py ENGINE load STORE EVENTS THREADS       makes the tables that are asked
    peer.py ENGINE ask STORE LAYOUT THREADS REPEAT SECONDS    all questions, warm
    peer.py ENGINE fresh STORE LAYOUT THREADS QUESTION        one, the first of this process
    peer.py duckdb downgrade STORE LAYOUT COPY

Prints one JSON object. SECONDS bounds the repetitions of one question; there are at least three,
and as many as a twentieth of a second holds (at most 200), because short times scatter most.
"""

import datetime
import json
import pathlib
import sys
import time

import pyarrow  # noqa: F401 - here, so that no first question pays for loading it

import engines
import workload


def seconds(body):
    start = time.monotonic()
    result = body()
    return time.monotonic() - start, result


def rows(table):
    """Rows of text, numbers in full, so that engines can be compared."""
    columns = [[text(value) for value in column.to_pylist()] for column in table.columns]
    return [list(row) for row in zip(*columns)]


def text(value):
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    return value if value is None or isinstance(value, (bool, str)) else str(value)


def ask(engine, store, layout, threads, repeat, budget):
    asked = engine.connect(store, layout, threads)
    answers = {}
    for name in workload.ALL:
        _, table = seconds(lambda: asked(name))
        times = []
        while (len(times) < 3 or (len(times) < repeat and sum(times) < budget)
               or (sum(times) < 0.05 and len(times) < 200)):
            times.append(seconds(lambda: asked(name))[0])
        answers[name] = {"ms": [1000 * took for took in times], "rows": rows(table)}
    return answers


def fresh(engine, store, layout, threads, name):
    took, _ = seconds(lambda: engine.connect(store, layout, threads)(name))
    return {"ms": 1000 * took}


def main():
    name, action, *rest = sys.argv[1:]
    engine = engines.engine(name)
    if action == "version":
        result = {"version": engine.version(), "layouts": engine.LAYOUTS}
    elif action in ("take", "load"):
        store, events = pathlib.Path(rest[0]), pathlib.Path(rest[1])
        store.mkdir(parents=True, exist_ok=True)
        took, found = seconds(lambda: getattr(engine, action)(events, store, int(rest[2])))
        result = {"seconds": took, "found": found}
    elif action == "downgrade":
        engine.downgrade(pathlib.Path(rest[0]), rest[1], rest[2])
        result = {}
    elif action == "ask":
        result = ask(engine, pathlib.Path(rest[0]), rest[1], int(rest[2]), int(rest[3]),
                     float(rest[4]))
    else:
        result = fresh(engine, pathlib.Path(rest[0]), rest[1], int(rest[2]), rest[3])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
