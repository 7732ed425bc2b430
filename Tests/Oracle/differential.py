#!/usr/bin/env python3
"""Random queries on random events, Tally beside DuckDB.

    differential.py --tally PATH [--seed N] [--count N] [--rows N] [--only N] [--keep DIR]

Integers, decimals, text, booleans and times must be equal, doubles to one part in 10^9. A query
that both refuse counts as agreement. `--only N` asks query N of the seed again and prints both
answers. Exit code 1 if anything differs.
"""

import argparse
import datetime
import decimal
import math
import pathlib
import random
import sys
import tempfile
import time

import events
import queries
import usage_table
from tally import Failure, Number, Tally

BATCH = 50


def moment(text):
    text = text.removesuffix("Z")
    return datetime.datetime.fromisoformat(text.replace("T", " "))


def same(kind, mine, theirs):
    """Whether Tally's JSON value is DuckDB's value of type `kind`."""
    if theirs is None or mine is None:
        return mine is theirs or (kind == "DOUBLE" and not_finite(theirs))
    if kind == "DOUBLE":
        return math.isclose(float(mine), theirs, rel_tol=1e-9, abs_tol=1e-15)
    if kind.startswith("DECIMAL"):
        return not isinstance(mine, bool) and decimal.Decimal(str(mine)) == theirs
    if kind == "TIMESTAMP":
        return isinstance(mine, str) and moment(mine) == theirs
    if kind == "DATE":
        return mine == theirs.isoformat()
    if kind == "BOOLEAN":
        return mine is theirs
    if isinstance(theirs, int):
        return isinstance(mine, int) and not isinstance(mine, bool) and mine == theirs
    return not isinstance(mine, Number) and mine == theirs


def not_finite(value):
    return isinstance(value, float) and not math.isfinite(value)


def difference(kinds, names, mine, theirs):
    """What is wrong with Tally's rows, or None."""
    if len(mine) != len(theirs):
        return f"{len(mine)} rows, DuckDB has {len(theirs)}"
    for number, (row, wanted) in enumerate(zip(mine, theirs)):
        if list(row) != names:
            return f"columns {list(row)}, DuckDB has {names}"
        for name, kind, value in zip(names, kinds, wanted):
            if not same(kind, row[name], value):
                return f"row {number}, {name} ({kind}): {row[name]!r}, DuckDB has {value!r}"
    return None


class Oracle:
    def __init__(self, path):
        self.connection = usage_table.connect()
        usage_table.create(self.connection, events.OPEN_COLUMNS)
        kinds = usage_table.STANDARD_COLUMNS | events.OPEN_COLUMNS
        listed = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items()) + "}"
        self.connection.execute(
            f"INSERT INTO usage SELECT * FROM read_json('{path}', columns = {listed}, "
            "format = 'newline_delimited')")

    def answer(self, query):
        """(kinds, names, rows), or the error's text."""
        try:
            cursor = self.connection.execute(query)
            kinds = [str(column[1]) for column in cursor.description]
            return kinds, [column[0] for column in cursor.description], cursor.fetchall()
        except Exception as error:  # any refusal is an answer
            return str(error).split("\n")[0]


class Report:
    def __init__(self):
        self.equal = self.refused = self.rows = self.beyond = 0
        self.failures = []

    def add(self, number, query, mine, theirs):
        if isinstance(mine, Failure) and mine.is_crash:
            self.failures.append((number, query, f"exit code {mine.code}: {mine.text}"))
        elif isinstance(theirs, str):
            if isinstance(mine, Failure):
                self.refused += 1
            elif "Overflow" in theirs:
                self.beyond += 1  # Tally's result type is wider here
            else:
                self.failures.append((number, query, f"answered, DuckDB says {theirs}"))
        elif isinstance(mine, Failure):
            self.failures.append((number, query, f"refused: {mine.text}"))
        else:
            kinds, names, rows = theirs
            problem = difference(kinds, names, mine, rows)
            if problem:
                self.failures.append((number, query, problem))
            else:
                self.equal += 1
                self.rows += len(rows)


def run(options, folder):
    source = random.Random(options.seed)
    made = events.generate(source, options.rows)
    events.write_for_tally(made, folder / "events.jsonl", source)
    events.write_for_duckdb(made, folder / "oracle.jsonl")
    tally = Tally(options.tally.resolve(), folder / "store")
    counts, remarks = tally.load(folder / "events.jsonl")
    if counts.get("imported") != len(made):
        print(f"imported {counts}, expected {len(made)}: {remarks[-1000:]}")
        return 1
    oracle = Oracle(folder / "oracle.jsonl")
    names = [name for items in events.NAMES.values() for name in items] + events.USERS[::40]
    maker = queries.QueryMaker(source, names + ["nobody"])
    asked = [maker.query() for _ in range(options.count)]
    if options.only is not None:
        return show(asked[options.only], tally, oracle)
    report = Report()
    start = time.monotonic()
    for first in range(0, len(asked), BATCH):
        batch = asked[first:first + BATCH]
        for offset, mine in enumerate(tally.answers(batch, options.tally_options.split())):
            report.add(first + offset, batch[offset], mine, oracle.answer(batch[offset]))
    return summarize(options, report, time.monotonic() - start)


def show(query, tally, oracle):
    print(query)
    mine = tally.answers([query])[0]
    print("tally: ", mine.text if isinstance(mine, Failure) else mine[:40])
    theirs = oracle.answer(query)
    print("duckdb:", theirs if isinstance(theirs, str) else theirs[2][:40])
    return 0


def summarize(options, report, seconds):
    for number, query, problem in report.failures[:options.show]:
        print(f"--- query {number}: {problem}\n{query}")
    print(f"differential test: seed {options.seed}, {options.rows} events, {options.count} queries:"
          f" {report.equal} equal ({report.rows} rows), {report.refused} refused by both,"
          f" {report.beyond} beyond DuckDB's range, {len(report.failures)} different,"
          f" {seconds:.0f} s")
    if report.failures:
        first = report.failures[0][0]
        print(f"replay one: differential.py --tally {options.tally} --seed {options.seed}"
              f" --rows {options.rows} --count {options.count} --only {first}")
    return 1 if report.failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tally", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000, help="queries")
    parser.add_argument("--rows", type=int, default=40_000, help="events")
    parser.add_argument("--only", type=int, help="ask this one query and print both answers")
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    parser.add_argument("--tally-options", default="", help="further options of tally query")
    parser.add_argument("--keep", type=pathlib.Path, help="work here and leave the files")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        return run(options, options.keep)
    with tempfile.TemporaryDirectory() as folder:
        return run(options, pathlib.Path(folder))


if __name__ == "__main__":
    sys.exit(main())
