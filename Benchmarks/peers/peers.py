#!/usr/bin/env python3
"""Tally beside DuckDB, ClickHouse, Polars and DataFusion: the same events, the same questions.

    peers.py --tally PATH [--sizes N ...] [--seed N] [--work DIR] [--only ENGINE ...]

For each size it writes docs/benchmarks/peers-<events>.md, .svg and .json, then growth.md from all
the .json files there. Answers are compared before times are shown. Each engine works in processes
of its own, one at a time, each ended when its time is up; an engine that is not installed is left
out, and the report says so.
"""

import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import answers
import engines
import peers_report
import workload
from measured import Failed, Measured

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
REPORTS = ROOT / "docs" / "benchmarks"
MODULES = {"duckdb": "duckdb", "clickhouse": "chdb", "polars": "polars",
           "datafusion": "datafusion"}
TALLY = {"Tally": [], "Tally rows": ["--no-rollups"]}
JSON_LINES_LIMIT = 20_000_000  # 318 bytes an event: more would fill a disk to say the same


class Run:
    def __init__(self, options, events, folder):
        self.options, self.events, self.folder = options, events, folder
        self.store = folder / "usage.tally"
        self.csv = folder / "events.csv"
        self.limit = 300 + events / 15_000
        self.result = {
            "events": events, "seed": options.seed, "date": str(datetime.date.today()),
            "machine": machine(), "commit": commit(), "versions": {}, "layouts": {},
            "skipped": {}, "import": {}, "bytes": {}, "warm": {}, "fresh": {}, "peak": {},
            "process": {}, "rounded": [], "different": {},
        }
        self.answers = {}

    # MARK: Programs

    def say(self, text):
        print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)

    def tally(self, *arguments, store=None):
        environment = dict(os.environ, TALLY_DB=str(store or self.store))
        return Measured([self.options.tally, *arguments], self.limit, environment=environment)

    def peer(self, name, *arguments, threads=2):
        environment = dict(os.environ)
        if name in ("polars", "datafusion"):
            environment |= {"POLARS_MAX_THREADS": str(threads),
                            "TOKIO_WORKER_THREADS": str(threads)}
        done = Measured([sys.executable, HERE / "peer.py", name, *arguments], self.limit,
                        environment=environment)
        return json.loads(done.output.splitlines()[-1]), done

    # MARK: Loading

    def generate(self, path, events):
        self.say(f"generating {events:,} events as {path.suffix[1:]}")
        self.tally("generate", "--events", str(events), "--days", "90", "--seed",
                   str(self.options.seed), "--output", path)

    def load_tally(self):
        self.say("importing into Tally")
        shutil.rmtree(self.store, ignore_errors=True)
        done = self.tally("import", self.csv)
        self.took("Tally", "CSV", imported(done), done.seconds, done.peak_mib)
        self.tally("compact")
        size = sum(file.stat().st_size for file in self.store.rglob("*") if file.is_file())
        self.result["bytes"]["Tally"] = size / self.events
        self.result["versions"]["Tally"] = self.result["commit"]

    def took(self, title, form, rows, seconds, peak):
        self.result["import"].setdefault(title, {})[form] = {
            "rows": rows, "per second": rows / seconds, "peak": peak}

    def load_peer(self, name):
        """Makes the tables of one engine; False if it cannot be asked."""
        title = engines.TITLES[name]
        try:
            if importlib.util.find_spec(MODULES[name]) is None:
                raise Failed(f"Python module {MODULES[name]} is not installed")
            found, done = self.peer(name, "version")
            self.result["versions"][title] = found["version"]
            self.result["process"][title] = {"library peak": done.peak_mib}
            self.result["layouts"][title] = found["layouts"]
            if name in ("polars", "datafusion"):
                parquet = self.folder / "parquet" / "usage.parquet"
                if not parquet.exists():
                    raise Failed("no Parquet file: DuckDB writes it, and is left out")
                self.result["bytes"]["Parquet"] = parquet.stat().st_size / self.events
            else:
                self.say(f"loading {title}")
                self.import_into(name, self.csv)
                store = self.folder / name
                shutil.rmtree(store, ignore_errors=True)
                sizes, _ = self.peer(name, "load", store, self.csv, "2")
                for layout, size in sizes["found"].items():
                    self.result["bytes"][f"{title} {layout}"] = size / self.events
            return True
        except Failed as failure:
            self.skip(title, str(failure))
            return False

    def import_into(self, name, events):
        store = self.folder / f"{name}-taken"
        try:
            shutil.rmtree(store, ignore_errors=True)
            found, done = self.peer(name, "take", store, events, "2")
            self.took(engines.TITLES[name], form(events), found["found"], found["seconds"],
                      done.peak_mib)
        finally:
            shutil.rmtree(store, ignore_errors=True)

    def import_json_lines(self, names):
        """Import rates of the other format, into stores that are thrown away."""
        path, taken = self.folder / "events.jsonl", self.folder / "taken.tally"
        self.generate(path, min(self.events, JSON_LINES_LIMIT))
        try:
            self.say("importing JSON lines")
            done = self.tally("import", path, store=taken)
            self.took("Tally", form(path), imported(done), done.seconds, done.peak_mib)
            for name in names:
                if name in ("duckdb", "clickhouse"):
                    self.import_into(name, path)
        except Failed as failure:
            self.skip("import of JSON lines", str(failure))
        finally:
            path.unlink(missing_ok=True)
            shutil.rmtree(taken, ignore_errors=True)

    def skip(self, title, reason):
        self.say(f"LEFT OUT {title}: {reason}")
        self.result["skipped"][title] = reason

    # MARK: Asking

    def ask_tally(self, title, threads):
        times = self.result["warm"].setdefault(str(threads), {}).setdefault(title, {})
        repeat = 21 if self.events <= JSON_LINES_LIMIT else 9
        for name, query in workload.ALL.items():
            done = self.tally("query", "--format", "jsonl", "--threads", str(threads), "--timing",
                              "--repeat", str(repeat), *TALLY[title], query)
            found = [float(ms) for ms in re.findall(r"\bms=([\d.]+)", done.errors)]
            times[name] = statistics.median(found[1:])
            rows = [list(json.loads(line, parse_float=str, parse_int=str).values())
                    for line in done.output.splitlines()]
            self.compare(title, name, rows)

    def ask_peer(self, name, layout, threads):
        title = column_title(name, layout)
        found, _ = self.peer(name, "ask", self.peer_store(name), layout, str(threads),
                             str(self.options.repeat), str(self.options.seconds),
                             threads=threads)
        times = self.result["warm"].setdefault(str(threads), {}).setdefault(title, {})
        for question, answer in found.items():
            times[question] = statistics.median(answer["ms"])
            self.compare(title, question, answer["rows"])

    def peer_store(self, name):
        return self.folder / ("parquet" if name in ("polars", "datafusion") else name)

    def compare(self, title, name, rows):
        expected = self.answers.setdefault(name, rows)
        same = answers.compare(rows, expected, name)
        if same == answers.ROUNDED:
            if [title, name] not in self.result["rounded"]:
                self.result["rounded"].append([title, name])
        elif same != answers.EQUAL:
            self.say(f"DIFFERENT answer of {title} to '{name}': {same}")
            self.result["different"].setdefault(title, {})[name] = same

    def ask_fresh(self, title, command):
        """First answers of new processes, the median of three (one, where each takes long), and the
        highest memory of them."""
        fresh = self.result["fresh"].setdefault(title, {})
        peak = self.result["peak"].setdefault(title, {})
        for name in workload.ALL:
            found = [command(name) for _ in range(3 if self.events <= JSON_LINES_LIMIT else 1)]
            fresh[name] = statistics.median(ms for ms, _ in found)
            peak[name] = max(mib for _, mib in found)

    def fresh_tally(self, title):
        def command(name):
            done = self.tally("query", "--format", "csv", "--threads", "2", *TALLY[title],
                              workload.ALL[name])
            return done.seconds * 1000, done.peak_mib
        return command

    def fresh_peer(self, name, layout):
        def command(question):
            found, done = self.peer(name, "fresh", self.peer_store(name), layout, "2", question)
            return found["ms"], done.peak_mib
        return command

    def ask_shell(self):
        """DuckDB's command line, whole processes."""
        beside = str(pathlib.Path(sys.executable).parent)
        shell = shutil.which("duckdb", path=beside) or shutil.which("duckdb")
        if not shell:
            return self.skip("DuckDB's command line", "duckdb is not installed")
        database = self.folder / "duckdb" / "sorted.duckdb"
        if subprocess.run([shell, "-readonly", database, "select 1"],
                          capture_output=True).returncode != 0:
            copy = self.folder / "duckdb" / "older.duckdb"
            copy.unlink(missing_ok=True)
            self.peer("duckdb", "downgrade", self.folder / "duckdb", "sorted", copy)
            database = copy
        self.result["versions"]["duckdb command line"] = subprocess.run(
            [shell, "--version"], capture_output=True, text=True).stdout.split()[0]

        def command(name):
            done = Measured([shell, "-readonly", "-csv", "-cmd", "SET threads = 2", database,
                             workload.ALL[name]], self.limit)
            return done.seconds * 1000, done.peak_mib

        self.ask_fresh("duckdb command line", command)

    def run(self):
        self.generate(self.csv, self.events)
        self.load_tally()
        names = [name for name in engines.NAMES
                 if name in self.options.only and self.load_peer(name)]
        self.csv.unlink()
        self.import_json_lines(names)
        for threads in (2, 1):
            for title in TALLY:
                self.say(f"asking {title}, {threads} threads")
                self.ask_tally(title, threads)
        for title in TALLY:
            self.ask_fresh(title, self.fresh_tally(title))
        for name in names:
            for layout in self.result["layouts"][engines.TITLES[name]]:
                self.measure_peer(name, layout)
        if "duckdb" in names:
            self.say("asking DuckDB's command line")
            self.guard("DuckDB's command line", self.ask_shell)
        return self.result

    def measure_peer(self, name, layout):
        title = column_title(name, layout)

        def work():
            for threads in (2, 1):
                self.say(f"asking {title}, {threads} threads")
                self.ask_peer(name, layout, threads)
            self.ask_fresh(title, self.fresh_peer(name, layout))

        self.guard(title, work)

    def guard(self, title, body):
        try:
            body()
        except Failed as failure:
            self.skip(title, str(failure))


def column_title(name, layout):
    if name in ("polars", "datafusion"):
        return engines.TITLES[name]
    return f"{engines.TITLES[name]} {layout}"


def form(path):
    return "CSV" if path.suffix == ".csv" else "JSON lines"


def imported(done):
    found = re.search(r"imported=(\d+) rejected=0", done.output)
    if not found:
        raise SystemExit(f"the import into Tally says {done.output!r} {done.errors[-300:]!r}")
    return int(found[1])


def machine():
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*: (.*)", cpuinfo.read_text())
        model = found[1] if found else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (f"{os.cpu_count()} processors ({model}), {memory:.0f} GiB of memory, "
            f"{platform.system()} {platform.release()}")


def commit():
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True,
                           capture_output=True)
    return found.stdout.strip() or "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tally", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=7, help="repetitions of a question, warm")
    parser.add_argument("--seconds", type=float, default=5, help="bound of these repetitions")
    parser.add_argument("--only", nargs="+", default=engines.NAMES, choices=engines.NAMES)
    parser.add_argument("--work", type=pathlib.Path, help="temporary data goes here")
    parser.add_argument("--reports", type=pathlib.Path, default=REPORTS)
    parser.add_argument("--readme", type=pathlib.Path, default=ROOT / "README.md",
                        help="its table is that of the largest size")
    options = parser.parse_args()
    options.tally = options.tally.resolve()
    options.reports.mkdir(parents=True, exist_ok=True)
    is_right = True
    for events in options.sizes:
        if options.work:
            options.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            result = Run(options, events, pathlib.Path(folder)).run()
        peers_report.write(result, options.reports)
        is_right = is_right and not result["different"]
        peers_report.write_summary(options.reports, options.readme)
    if not is_right:
        print("answers DIFFERED: see the report", file=sys.stderr)
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
