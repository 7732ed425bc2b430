"""DuckDB's half of the comparison, in a process of its own so that its memory can be told.

Prints one JSON object. `import` loads JSON lines into a database file; `ask` times the workload;
`one` runs a single query (its peak memory is what counts).
"""

import json
import resource
import sys
import time

import duckdb

import workload


def connect(database):
    connection = duckdb.connect(database)
    connection.execute("PRAGMA threads=2")
    return connection


def load(database, events):
    connection = connect(database)
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in workload.PEER_COLUMNS.items())
    start = time.monotonic()
    connection.execute(
        f"CREATE TABLE usage AS SELECT * FROM read_json('{events}', columns = {{{columns}}}, "
        "format = 'newline_delimited')")
    connection.execute("CHECKPOINT")
    seconds = time.monotonic() - start
    rows = connection.execute("SELECT count(*) FROM usage").fetchone()[0]
    connection.close()
    return {"seconds": seconds, "rows": rows}


def downgrade(database, copy):
    """Copies the table into a file that an older command line can open."""
    connection = connect(database)
    connection.execute(f"ATTACH '{copy}' AS older (STORAGE_VERSION 'v1.2.0')")
    connection.execute("CREATE TABLE older.usage AS SELECT * FROM usage")
    connection.execute("CHECKPOINT older")
    return {}


def ask(database, repeat):
    connection = connect(database)
    answers = {}
    for name, query in workload.QUERIES.items():
        connection.execute(query).fetchall()
        times = []
        for _ in range(repeat):
            start = time.monotonic()
            cursor = connection.execute(query)
            rows = cursor.fetchall()
            times.append((time.monotonic() - start) * 1000)
        columns = [column[0] for column in cursor.description]
        answers[name] = {
            "ms": times,
            "rows": [dict(zip(columns, map(text, row))) for row in rows],
        }
    return answers


def text(value):
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def main():
    action, database = sys.argv[1:3]
    if action == "import":
        result = load(database, sys.argv[3])
    elif action == "downgrade":
        result = downgrade(database, sys.argv[3])
    elif action == "ask":
        result = ask(database, int(sys.argv[3]))
    else:
        connect(database).execute(sys.argv[3]).fetchall()
        result = {}
    result["peak_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(result))


if __name__ == "__main__":
    main()
