#!/usr/bin/env python3
"""Data and questions that engines like ours are bad at, answered and compared with DuckDB's.

    bad.py --tally PATH [--scale SHARE] [--only CASE ...] [--output FILE]

DuckDB makes the rows of a case from a number, writes them as CSV, and keeps them; Tally imports the
CSV and is asked the same. Answers must be equal, memory bounded. The report has times and peak
memory of both. SHARE below 1 makes every case smaller.
"""

import argparse
import datetime
import decimal
import json
import pathlib
import re
import shutil
import sys
import tempfile

import duckdb

import answers
from measured import Failed, Measured

REPORT = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "benchmarks" / "bad.md"
START = "TIMESTAMP '2026-01-01 00:00:00'"


def spread(days):
    """An expression: rows spread evenly over days, to the millisecond."""
    return f"{START} + to_microseconds(1000 * (n * {days} * 86400000 // $rows))"


USUAL = {
    "time": spread(30),
    "org": "'org-' || n * 7919 % 97",
    '"user"': "'user-' || n * 104729 % 20011",
    "model": "'model-' || n * 31 % 23",
    "feature": "'feature-' || n % 7",
    "success": "n % 50 <> 0",
    "input_tokens": "n * 7919 % 4001",
    "output_tokens": "n * 104729 % 997",
    "cost": "((n * 7919 % 4001) * 0.0000025)::DECIMAL(18,9)",
}


class Case:
    """Rows, as DuckDB expressions of the row number `n`, and questions with a total order."""

    def __init__(self, name, rows, columns, questions, later=None, memory_mib=700):
        self.name, self.rows, self.columns, self.questions = name, rows, columns, questions
        self.later = later  # columns of a second import of as many rows
        self.memory_mib = memory_mib


def grouped(keys, limit=10):
    names = ", ".join(keys)
    order = ", ".join(f"{name} NULLS LAST" for name in keys)
    return (f"SELECT {names}, count(*) AS n, sum(input_tokens) AS i FROM usage GROUP BY {names} "
            f"ORDER BY n DESC, {order} LIMIT {limit}")


OPEN_COLUMNS = {f"x{index:02}": (f"n * {2 * index + 1} % {1000 + index}" if index % 2
                                 else f"'v' || n * {2 * index + 3} % {10 + index}")
                for index in range(50)}
TEN_KEYS = ["org", '"user"', "model", "feature", "success", "team", "project", "environment",
            "region", "plan"]
TOTALS = ("SELECT count(*) AS n, sum(input_tokens) AS i, sum(output_tokens) AS o, sum(cost) AS c "
          "FROM usage")

CASES = [
    Case("five million distinct users", 5_000_000,
         USUAL | {'"user"': "'user-' || n * 2654435761 % 4294967296"},
         [grouped(['"user"'], 1000), 'SELECT "user", min(time) AS t FROM usage GROUP BY "user" '
          'ORDER BY t DESC, "user" LIMIT 5', 'SELECT count(DISTINCT "user") AS c '
          "FROM usage", TOTALS]),
    Case("one organisation has 99 % of the rows", 2_000_000,
         USUAL | {"org": "CASE WHEN n % 100 = 0 THEN 'org-' || n % 91 ELSE 'whale' END"},
         [grouped(["org"], 100), grouped(["org", "model"]),
          "SELECT date_trunc('day', time) AS d, count(*) AS n, sum(cost) AS c FROM usage WHERE "
          "org = 'whale' GROUP BY d ORDER BY d",
          "SELECT count(*) AS n, sum(cost) AS c FROM usage WHERE org <> 'whale'", TOTALS]),
    Case("columns that are NULL or equal everywhere", 1_000_000,
         USUAL | {"input_tokens": "NULL", '"user"': "NULL", "output_tokens": "5",
                  "feature": "'chat'", "cost": "0.000000001::DECIMAL(18,9)"},
         [TOTALS, 'SELECT "user", feature, count(*) AS n FROM usage GROUP BY "user", feature',
          'SELECT count("user") AS u, count(DISTINCT "user") AS d, min(input_tokens) AS a, '
          "max(input_tokens) AS b, avg(input_tokens) AS c, quantile_cont(input_tokens, 0.5) AS q "
          "FROM usage",
          "SELECT min(output_tokens) AS a, max(output_tokens) AS b, "
          "quantile_cont(output_tokens, 0.9) AS q, count(DISTINCT output_tokens) AS d FROM usage",
          "SELECT count(*) AS n FROM usage WHERE input_tokens > 0",
          "SELECT count(*) AS n FROM usage WHERE input_tokens IS NULL AND output_tokens = 5"]),
    Case("one event a day for 10,000 days", 10_000,
         USUAL | {"time": "TIMESTAMP '1999-01-01 12:00:00' + to_days(n::INTEGER)"},
         [TOTALS, grouped(["org"], 100),
          "SELECT date_trunc('year', time) AS y, count(*) AS n, sum(cost) AS c FROM usage "
          "GROUP BY y ORDER BY y",
          "SELECT count(*) AS n FROM usage WHERE time >= TIMESTAMP '2001-02-03' AND time < "
          "TIMESTAMP '2001-02-05'"]),
    Case("a million events in one millisecond", 1_000_000,
         USUAL | {"time": "TIMESTAMP '2026-02-03 04:05:06.789'"},
         [TOTALS, grouped(["org", "model", "feature"]),
          "SELECT time, count(*) AS n FROM usage GROUP BY time ORDER BY time",
          "SELECT count(*) AS n FROM usage WHERE time > TIMESTAMP '2026-02-03 04:05:06.789'"]),
    Case("fifty columns of the user's own", 300_000, USUAL | OPEN_COLUMNS,
         [TOTALS, grouped(["x00", "x02", "x48"]),
          "SELECT " + ", ".join(f"sum({name}) AS {name}" for index, name
                                in enumerate(OPEN_COLUMNS) if index % 2) + " FROM usage",
          "SELECT count(*) AS n FROM usage WHERE x01 > 500 AND x02 = 'v3'"]),
    Case("columns that came later", 1_000_000, USUAL,
         [TOTALS, grouped(["team", "x00"]),
          "SELECT count(x01) AS n, sum(x01) AS s, min(x01) AS a, count(*) AS c FROM usage",
          "SELECT count(*) AS n FROM usage WHERE x01 IS NULL",
          "SELECT team, count(DISTINCT x00) AS d FROM usage GROUP BY team "
          "ORDER BY team NULLS LAST"],
         later=USUAL | {"team": "'team-' || n % 11", "x00": "'v' || n % 13", "x01": "n % 1000"}),
    Case("ten keys", 1_000_000,
         USUAL | {"team": "'t' || n % 3", "project": "'p' || n % 5", "environment": "'e' || n % 2",
                  "region": "'r' || n % 4", "plan": "CASE WHEN n % 3 = 0 THEN NULL ELSE 'x' END"},
         [grouped(TEN_KEYS, 50_000), grouped(TEN_KEYS[2:], 1000)]),
]


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.lines, self.failures = [], []

    def say(self, text):
        print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)

    def tally(self, *arguments):
        return Measured([self.options.tally, *arguments, "--db", self.folder / "usage.tally"])

    def fail(self, text):
        self.say(f"FAILED {text}")
        self.failures.append(text)

    def run(self, case):
        rows = max(100, int(case.rows * self.options.scale))
        self.say(f"{case.name}: {rows:,} rows")
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        seconds, peak = 0, 0
        parts = [case.columns] + ([case.later] if case.later else [])
        database = self.folder / "usage.duckdb"
        with duckdb.connect(str(database)) as connection:
            connection.execute("SET threads = 2")
            for index, columns in enumerate(parts):
                file = self.folder / f"{index}.csv"
                self.make(connection, columns, rows, file, index)
                done = self.tally("import", file)
                if f"imported={rows} rejected=0" not in done.output:
                    return self.fail(f"{case.name}: import says {done.output} {done.errors[:300]}")
                seconds, peak = seconds + done.seconds, max(peak, done.peak_mib)
        size = sum(file.stat().st_size for file in (self.folder / "usage.tally").rglob("*")
                   if file.is_file())
        self.lines += ["", f"## {case.name[0].upper() + case.name[1:]}", "",
                       f"{rows * len(parts):,} rows, imported in {seconds:.1f} s with "
                       f"{peak:.0f} MiB, {size / rows / len(parts):.1f} bytes a row.", "",
                       "| question | Tally ms | peak MiB | DuckDB ms | peak MiB |",
                       "|---|---:|---:|---:|---:|"]
        for question in case.questions:
            self.ask(case, question, database)

    def make(self, connection, columns, rows, file, index):
        shown = ", ".join(f"{text.replace('$rows', str(rows))} AS {name}"
                          for name, text in columns.items())
        rows_query = f"SELECT {shown} FROM range({rows}) AS r(n)"
        if index == 0:
            connection.execute(f"CREATE TABLE usage AS {rows_query}")
        else:
            self.widen(connection, rows_query)
            connection.execute(f"INSERT INTO usage BY NAME {rows_query}")
        connection.execute(f"COPY ({rows_query}) TO '{file}' (HEADER)")

    def widen(self, connection, query):
        known = {row[0] for row in connection.execute("DESCRIBE usage").fetchall()}
        for name, kind, *_ in connection.execute(f"DESCRIBE {query}").fetchall():
            if name not in known:
                connection.execute(f"ALTER TABLE usage ADD COLUMN {name} {kind}")

    def ask(self, case, question, database):
        try:
            mine = self.tally("query", "--format", "jsonl", "--timing", "--threads", "2",
                              "--repeat", "3", question)
        except Failed as failure:
            return self.fail(f"{case.name}: {question}: {failure}")
        ms = min(float(found) for found in re.findall(r"\bms=([\d.]+)", mine.errors))
        peer = Measured([sys.executable, __file__, "--duckdb", database, question])
        theirs = json.loads(peer.output)
        got = [list(json.loads(line, parse_float=str, parse_int=str).values())
               for line in mine.output.splitlines()]
        same = answers.compare(got, theirs["rows"], "latency percentiles")
        if same not in (answers.EQUAL, answers.ROUNDED):
            self.fail(f"{case.name}: {question}: {same}")
        if mine.peak_mib > case.memory_mib:
            self.fail(f"{case.name}: {question}: {mine.peak_mib:.0f} MiB, "
                      f"expected at most {case.memory_mib}")
        shown = question if len(question) < 120 else question[:117] + "..."
        self.lines.append(f"| `{shown}` | {ms:.2f} | {mine.peak_mib:.0f} | {theirs['ms']:.1f} | "
                          f"{peer.peak_mib:.0f} |")

    def exhaust(self):
        """A hash aggregation that may not have the memory it needs: an error that says so, and the
        process answers the next question."""
        self.say("the memory limit")
        question = 'SELECT "user", org, model, count(*) AS n FROM usage GROUP BY "user", org, model'
        script = (f"SET memory_limit_mib = 1;\n{question};\nSET memory_limit_mib = 512;\n"
                  "SELECT count(*) AS n FROM usage;\n")
        done = Measured(["sh", "-c", '"$0" --db "$1" 2>&1 || true', self.options.tally,
                         self.folder / "usage.tally"], text=script)
        text = done.output
        self.lines += ["", "## A memory limit that is too low", "", "```",
                       *[line for line in text.splitlines() if line.strip()][:12], "```"]
        if "limit reached" not in text or "memory_limit_mib" not in text:
            self.fail(f"the memory limit: {text[:400]!r}")
        if not re.search(r"\d+ ", text.split("1 row")[0].split("hint")[-1]) or "1 row" not in text:
            self.fail(f"no answer after the memory limit: {text[-400:]!r}")


def ask_duckdb(database, question):
    import time

    connection = duckdb.connect(database, read_only=True)
    connection.execute("SET threads = 2")
    times = []
    for _ in range(3):
        start = time.monotonic()
        rows = connection.execute(question).fetchall()
        times.append(1000 * (time.monotonic() - start))
    print(json.dumps({"ms": min(times), "rows": [[text(value) for value in row] for row in rows]}))


def text(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    return value if value is None or isinstance(value, (bool, str)) else str(value)


def main():
    if sys.argv[1:2] == ["--duckdb"]:
        return ask_duckdb(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tally", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--only", nargs="+", help="words of the cases' names")
    parser.add_argument("--output", type=pathlib.Path, default=REPORT)
    options = parser.parse_args()
    options.tally = options.tally.resolve()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder))
        for case in CASES:
            if not options.only or any(word in case.name for word in options.only):
                bench.run(case)
        bench.exhaust()
    state = "All answers are right." if not bench.failures else "**FAILED:**"
    head = ["# Bad cases", "",
            f"`make bench-bad`, {datetime.date.today()}, DuckDB {duckdb.__version__}; two threads, "
            "best of three, peak memory of the process that answered. DuckDB's includes Python.",
            "", state, *(f"- {failure}" for failure in bench.failures)]
    options.output.write_text("\n".join(head + bench.lines) + "\n")
    print(f"{options.output}: {state}", *bench.failures, sep="\n")
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
