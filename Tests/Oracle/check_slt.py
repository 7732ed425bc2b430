#!/usr/bin/env python3
"""Holds the language tests against DuckDB.

Every query record of Tests/LanguageContractTests/SLT is run on the same rows in DuckDB: the
record's `oracle` line if it has one (for what only Tally can say), else the query itself. Records
with `oracle none` are not comparable and are left alone.

    check_slt.py [FILE...]              list the records whose expected rows differ
    check_slt.py --complete [FILE...]   write DuckDB's rows where none are expected yet
"""

import argparse
import datetime
import decimal
import math
import pathlib
import sys

import usage_table

ROOT = pathlib.Path(__file__).resolve().parent.parent / "LanguageContractTests"
TYPES = {"timestamp": "TIMESTAMP", "symbol": "VARCHAR", "text": "VARCHAR", "bool": "BOOLEAN"}
TYPES |= {"int64": "BIGINT", "double": "DOUBLE"}


class Record:
    """One query record: where it is, what it asks, what it expects."""

    def __init__(self, line):
        self.line = line
        self.types = ""
        self.is_sorted = False
        self.oracle = None
        self.query = []
        self.rows_at = None  # index of the line after `----`
        self.rows = []


def parse(lines):
    """Yields ("load", name) and ("query", record); other records need no oracle."""
    index, oracle = 0, None
    while index < len(lines):
        words = lines[index].split()
        if not words or words[0].startswith("#"):
            index += 1
        elif words[0] in ("now", "warning", "skipif-matrix"):
            index += 1
        elif words[0] == "load":
            yield "load", words[1]
            index += 1
        elif words[0] == "oracle":
            oracle = lines[index][len("oracle "):]
            index += 1
        elif words[0] == "query" and words[1] != "error":
            record = Record(index + 1)
            record.types, record.is_sorted = words[1], "rowsort" in words
            record.oracle, oracle = oracle, None
            index += 1
            while index < len(lines) and lines[index] not in ("----", ""):
                record.query.append(lines[index])
                index += 1
            if index < len(lines) and lines[index] == "----":
                index += 1
                record.rows_at = index
                while index < len(lines) and lines[index] != "":
                    record.rows.append(lines[index])
                    index += 1
            yield "query", record
        else:
            while index < len(lines) and lines[index].strip():
                index += 1


def unescape(text):
    if text == "NULL":
        return None
    if text == "(empty)":
        return ""
    out, index = [], 0
    while index < len(text):
        if text[index] == "\\":
            index += 1
            out.append({"t": "\t", "n": "\n"}.get(text[index], text[index]))
        else:
            out.append(text[index])
        index += 1
    return "".join(out)


def load(connection, name):
    lines = (ROOT / "Data" / f"{name}.tsv").read_text().split("\n")
    header = [part.split(":") for part in lines[0].split("\t")]
    extra = {
        column: TYPES.get(kind, kind)
        for column, kind in header
        if column not in usage_table.STANDARD_COLUMNS
    }
    usage_table.create(connection, extra)
    rows = [[unescape(value) for value in line.split("\t")] for line in lines[1:] if line]
    if rows:
        names = ", ".join(f'"{column}"' for column, _ in header)
        slots = ", ".join("?" for _ in header)
        connection.executemany(f"INSERT INTO usage ({names}) VALUES ({slots})", rows)


def letter(kind):
    name = str(kind)
    if name.startswith("DECIMAL"):
        return "D"
    return {
        "VARCHAR": "T", "DOUBLE": "R", "BOOLEAN": "B", "TIMESTAMP": "S", "DATE": "A", '"NULL"': "N",
    }.get(name, "I" if "INT" in name else "?")


def show(value):
    if value is None:
        return "NULL"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        text = value.isoformat(sep=" ")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(value)
    text = str(value)
    if text == "":
        return "(empty)"
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def same(left, right):
    if left == right:
        return True
    lefts, rights = left.split("\t"), right.split("\t")
    if len(lefts) != len(rights):
        return False
    return all(a == b or close(a, b) for a, b in zip(lefts, rights))


def close(left, right):
    """Only doubles may differ in their last digits: they have an exponent or many digits."""
    try:
        a, b = float(left), float(right)
    except ValueError:
        return False
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def answer(connection, record):
    cursor = connection.execute(record.oracle or "\n".join(record.query))
    types = "".join(letter(column[1]) for column in cursor.description)
    rows = ["\t".join(show(value) for value in row) for row in cursor.fetchall()]
    return types, sorted(rows) if record.is_sorted else rows


def check(connection, path, complete):
    """Returns (checked, problems)."""
    lines = path.read_text().split("\n")
    checked, problems, insertions = 0, [], []
    for kind, item in parse(lines):
        if kind == "load":
            load(connection, item)
            continue
        if item.oracle == "none":
            continue
        where = f"{path.name}:{item.line}"
        try:
            types, rows = answer(connection, item)
        except Exception as error:  # every failure of the oracle is a finding
            problems.append(f"{where}: DuckDB says {str(error).splitlines()[0]}")
            continue
        checked += 1
        expected = sorted(item.rows) if item.is_sorted else item.rows
        if types != item.types:
            problems.append(f"{where}: types {item.types}, DuckDB has {types}")
        if item.rows_at is None:
            problems.append(f"{where}: no ---- line")
        elif not item.rows and rows and complete:
            insertions.append((item.rows_at, rows))
        elif len(rows) != len(expected) or not all(map(same, expected, rows)):
            problems.append(f"{where}: expected\n  " + "\n  ".join(expected))
            problems.append("DuckDB answers\n  " + "\n  ".join(rows))
    for position, rows in reversed(insertions):
        lines[position:position] = rows
    if insertions:
        path.write_text("\n".join(lines))
    return checked, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--complete", action="store_true")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    connection = usage_table.connect()
    total, problems = 0, []
    for path in options.files or sorted((ROOT / "SLT").rglob("*.slt")):
        checked, found = check(connection, path, options.complete)
        total += checked
        problems += found
    for problem in problems:
        print(problem)
    print(f"{total} records compared with DuckDB, {len(problems)} remarks")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
