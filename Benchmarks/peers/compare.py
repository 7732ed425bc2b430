#!/usr/bin/env python3
"""Tally beside DuckDB on the reference workload: import, size, ten questions, memory, start-up.

    compare.py --tally PATH [--events N] [--seed N] [--repeat N] [--work DIR] [--output FILE]

Answers are compared before times are. Absolute times mean nothing on shared machines; the ratios
are the message. Both engines run one after the other, warm, with two threads.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import workload

HERE = pathlib.Path(__file__).resolve().parent
REPORTS = HERE.parent.parent / "docs" / "benchmarks"


class Measured:
    """A finished process: output, seconds, peak resident memory."""

    def __init__(self, arguments, text=None, environment=None):
        start = time.monotonic()
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env=environment)
            if text is not None:
                process.stdin.write(text.encode())
            process.stdin.close()
            self.output = process.stdout.read().decode()
            _, status, usage = os.wait4(process.pid, 0)  # which alone tells its peak memory
            self.seconds = time.monotonic() - start
            errors.seek(0)
            self.errors = errors.read().decode()
        process.returncode = os.waitstatus_to_exitcode(status)
        self.peak_mib = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
        if process.returncode != 0:
            raise SystemExit(
                f"{' '.join(map(str, arguments))[:300]}: exit code {process.returncode}\n"
                f"{self.errors[-2000:]}")


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.events = folder / "events.jsonl"
        self.store = folder / "usage.tally"
        self.database = folder / "usage.duckdb"
        self.environment = dict(os.environ, TALLY_DB=str(self.store))

    def tally(self, *arguments, text=None):
        return Measured([str(self.options.tally), *arguments], text, self.environment)

    def peer(self, *arguments):
        done = Measured([sys.executable, str(HERE / "peer_run.py"), *map(str, arguments)])
        return json.loads(done.output), done

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def generate(self):
        if self.events.exists():
            return
        self.say(f"generating {self.options.events:,} events")
        self.tally("generate", "--events", str(self.options.events), "--days", "90", "--seed",
                   str(self.options.seed), "--output", str(self.events))

    def load(self):
        """Import rates and sizes."""
        for path in (self.store, self.database):
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
        self.say("importing into DuckDB")
        theirs, peer = self.peer("import", self.database, self.events)
        self.say("importing into Tally")
        mine = self.tally("import", str(self.events))
        imported = re.search(r"imported=(\d+) rejected=(\d+)", mine.output)
        if not imported or int(imported[1]) != theirs["rows"]:
            raise SystemExit(f"Tally says {mine.output!r}, DuckDB has {theirs['rows']} rows")
        size = sum(file.stat().st_size for file in self.store.rglob("*") if file.is_file())
        rows = theirs["rows"]
        return {
            "rows": rows,
            "import": (rows / mine.seconds, rows / theirs["seconds"]),
            "import memory": (mine.peak_mib, peer.peak_mib),
            "bytes": (size / rows, self.database.stat().st_size / rows),
        }

    def ask(self, *switches):
        """Per query: warm median in milliseconds and rows, of Tally."""
        answers = {}
        for name, query in workload.QUERIES.items():
            done = self.tally(
                "query", "--format", "jsonl", "--threads", "2", "--timing", "--repeat",
                str(self.options.repeat + 1), *switches, query)
            times = [float(found) for found in re.findall(r"\bms=([\d.]+)", done.errors)]
            answers[name] = {
                "ms": statistics.median(times[1:]),  # the first one warms the cache
                "source": ",".join(sorted(set(re.findall(r"\bsource=(\w+)", done.errors)))),
                "rows": [json.loads(line, parse_float=str) for line in done.output.splitlines()],
                "peak": done.peak_mib,
            }
        return answers

    def start_up(self):
        """Milliseconds of a fresh process with one question, the best of several, each engine;
        None for DuckDB where its command line is not installed."""
        mine = [self.tally("query", "--format", "csv", workload.ONE_DAY).seconds
                for _ in range(7)]
        beside = str(pathlib.Path(sys.executable).parent)
        shell = shutil.which("duckdb", path=beside) or shutil.which("duckdb")
        if not shell:
            return min(mine) * 1000, None
        database = self.readable_database(shell)
        theirs = [Measured([shell, "-readonly", "-csv", str(database), workload.ONE_DAY]).seconds
                  for _ in range(7)]
        return min(mine) * 1000, min(theirs) * 1000

    def readable_database(self, shell):
        """The database, or a copy of it if the command line is older than the library."""
        probe = subprocess.run([shell, "-readonly", str(self.database), "select 1"],
                               capture_output=True)
        if probe.returncode == 0:
            return self.database
        copy = self.folder / "older.duckdb"
        copy.unlink(missing_ok=True)
        self.peer("downgrade", self.database, copy)
        return copy


def same_rows(mine, theirs):
    """Whether both gave the same rows; doubles and times are compared by value."""
    return len(mine) == len(theirs) and all(
        list(a) == list(b) and all(same(a[name], b[name]) for name in a)
        for a, b in zip(mine, theirs))


def same(mine, theirs):
    if mine == theirs:
        return True
    left, right = str(mine).replace("T", " ").removesuffix("Z"), str(theirs)
    try:
        return left == right or math.isclose(float(left), float(right), rel_tol=1e-12)
    except ValueError:
        return False


def geometric_mean(numbers):
    return math.exp(statistics.fmean(map(math.log, numbers)))


def query_table(title, mine, theirs):
    lines = [f"## {title}", "", "| question | Tally ms | DuckDB ms | ratio | answered from | "
             "peak MiB |", "|---|---:|---:|---:|---|---:|"]
    ratios = []
    for name, answer in mine.items():
        peer = statistics.median(theirs[name]["ms"])
        ratio = peer / max(answer["ms"], 1e-3)
        ratios.append(ratio)
        lines.append(f"| {name} | {answer['ms']:.2f} | {peer:.1f} | {ratio:.1f} | "
                     f"{answer['source']} | {answer['peak']:.0f} |")
    lines += ["", f"Geometric mean of the ratios: **{geometric_mean(ratios):.1f}**, "
              f"smallest {min(ratios):.1f}.", ""]
    return lines


def pair(label, mine, theirs, better, digits=0):
    ratio = (mine / theirs if better == "more" else theirs / mine) if theirs else None
    shown = f"{ratio:.2f}" if ratio else "-"
    peer = f"{theirs:,.{digits}f}" if theirs else "-"
    return f"| {label} | {mine:,.{digits}f} | {peer} | {shown} |"


def report(options, sizes, scanned, planned, theirs, start_up):
    import duckdb

    lines = [
        f"# {sizes['rows']:,} events beside DuckDB {duckdb.__version__}", "",
        f"Seed {options.seed}, {datetime.date.today()}, {platform.machine()}, "
        f"{os.cpu_count()} processors; two threads each, warm, median of {options.repeat}. A ratio "
        "above 1 is in Tally's favour. All answers were equal.", "",
        "| | Tally | DuckDB | ratio |", "|---|---:|---:|---:|",
        pair("import of JSON lines, rows/s", *sizes["import"], "more"),
        pair("peak memory of the import, MiB", *sizes["import memory"], "less"),
        pair("bytes an event on disk", *sizes["bytes"], "less", 2),
        pair("fresh process, one day by model, ms", *start_up, "less", 1),
        pair("peak memory of all questions, MiB",
             max(answer["peak"] for answer in scanned.values()), theirs["peak_kib"] / 1024,
             "less"), "",
    ]
    lines += query_table("Rows scanned (`--no-rollups`)", scanned, theirs)
    lines += query_table("As planned (metadata and rollups may answer)", planned, theirs)
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tally", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--work", type=pathlib.Path, help="keep generated data here")
    parser.add_argument("--output", type=pathlib.Path, help="default docs/benchmarks/duckdb.md")
    options = parser.parse_args()
    options.tally = options.tally.resolve()
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
        return run(options, options.work)
    with tempfile.TemporaryDirectory() as folder:
        return run(options, pathlib.Path(folder))


def run(options, folder):
    bench = Bench(options, folder)
    bench.generate()
    sizes = bench.load()
    bench.say("asking DuckDB")
    theirs, _ = bench.peer("ask", bench.database, options.repeat)
    bench.say("asking Tally")
    scanned, planned = bench.ask("--no-rollups"), bench.ask()
    different = [name for name in workload.QUERIES for answers in (scanned, planned)
                 if not same_rows(answers[name]["rows"], theirs[name]["rows"])]
    if different:
        print("DIFFERENT answers: " + ", ".join(different))
        for name in different[:1]:
            print("tally ", scanned[name]["rows"][:5], "\nduckdb", theirs[name]["rows"][:5])
        return 1
    text = report(options, sizes, scanned, planned, theirs, bench.start_up())
    print(text)
    output = options.output or REPORTS / "duckdb.md"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
