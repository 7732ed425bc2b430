#!/usr/bin/env python3
"""`tally serve` under load on loopback, beside servers that people use today.

    bench.py --tally PATH [--only PART ...] [--seconds N] [--rounds N] [--connections N]
             [--batches N] [--seed N] [--work DIR] [--output FILE]

Parts: ingest (beside InfluxDB and VictoriaMetrics), acks (beside the disk's own sync), queries
(beside SELECT 1 on PostgreSQL), pings (beside Redis), idle. Each runs its servers one at a time in
turns, several rounds, and reports medians and ratios: absolute times mean nothing here. A peer that
is not installed is left out, and the report says so.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import clients
import payload
import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.lines = []

    def say(self, text=""):
        print(text, flush=True)
        self.lines.append(text)

    def tally(self, name="tally", *arguments):
        return servers.Tally(os.path.join(self.folder, name), self.options.tally, arguments)

    def load(self, server, *arguments, seconds=None):
        """What `tally client bench` measured."""
        done = subprocess.run(
            [self.options.tally, "client", "bench", "--server", f"127.0.0.1:{server.port}",
             "--seconds", str(seconds or self.options.seconds), "--json", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # Ends with 1 if requests failed, or were unanswered in the end, as at a rate too high.
        if done.returncode not in (0, 1) or not done.stdout:
            raise SystemExit(f"tally client bench {arguments}: {done.stderr[-500:]}")
        found = json.loads(done.stdout)
        if found["failed"]:
            raise SystemExit(f"tally client bench {arguments}: {done.stdout[-500:]}")
        return {"rate": found["requests_per_second"],
                "latency_ms": {name: found[f"{name}_ms"] for name in ("p50", "p99")}}

    # MARK: Ingest

    def ingest(self):
        options = self.options
        self.say("## Ingest")
        self.say()
        self.say(f"Batches of 1,000 events of line protocol over {options.connections} "
                 "connections, each batch when the one before was answered. Tally answers when "
                 "they are durable; InfluxDB has them in a synced log; VictoriaMetrics in memory.")
        self.say()
        self.say("| users are | server | rows/s | ack p50 ms | p99 ms | memory MiB | Tally is |")
        self.say("|---|---|---:|---:|---:|---:|---:|")
        for user_is_tag in (False, True):
            batches = payload.batches(
                options.tally, options.batches, 1000, options.seed, user_is_tag)
            found = {}
            for _ in range(options.rounds):
                for name, server, client in self._writers():
                    with server:
                        run = clients.send_all(
                            lambda: client(server), batches, 1000, options.connections)
                        found.setdefault(name, []).append((run, server.memory_kib()[1]))
            ours = statistics.median(run.rate for run, _ in found["Tally"])
            for name, runs in found.items():
                runs.sort(key=lambda pair: pair[0].rate)
                run, memory = runs[len(runs) // 2]
                self.say(
                    f"| {'a tag' if user_is_tag else 'a field'} | {name} | {run.rate:,.0f} | "
                    f"{run.percentile(.5) * 1e3:.1f} | {run.percentile(.99) * 1e3:.1f} | "
                    f"{memory / 1024:,.0f} | {ours / run.rate:.1f}x |")
        self.say()

    def _writers(self):
        yield "Tally", self.tally(), clients.LineClient
        yield ("Tally, POST /write", self.tally("tally-http"),
               lambda server: clients.HttpClient(server.http(), "/write?precision=ns"))
        for kind in (servers.InfluxDB, servers.VictoriaMetrics):
            if kind.is_installed():
                yield kind.name, kind(os.path.join(self.folder, kind.program)), clients.HttpClient
            else:
                self.say(f"{kind.name} is not installed.")

    # MARK: Acknowledgements

    def acks(self):
        options = self.options
        self.say("## Acknowledgements at half load")
        self.say()
        with self.tally() as server:
            full = self.load(
                server, "--insert", 1000, "--connections", options.connections)["rate"]
        ratios = []
        self.say("| round | batches/s | ack p50 ms | ack p99 ms | sync p50 ms | sync p99 ms | "
                 "ack p99 is |")
        self.say("|---:|---:|---:|---:|---:|---:|---:|")
        for number in range(options.rounds):
            before = sync_latencies(self.folder, options.seconds / 2)
            with self.tally() as server:
                found = self.load(server, "--insert", 1000, "--connections",
                                  options.connections, "--rate", f"{full / 2:.1f}")
            syncs = sorted(before + sync_latencies(self.folder, options.seconds / 2))
            p50, p99 = syncs[len(syncs) // 2], syncs[len(syncs) * 99 // 100]
            latency = found["latency_ms"]
            ratios.append(latency["p99"] / (p99 * 1e3))
            self.say(f"| {number + 1} | {found['rate']:.0f} | {latency['p50']:.2f} | "
                     f"{latency['p99']:.2f} | {p50 * 1e3:.2f} | {p99 * 1e3:.2f} | "
                     f"{ratios[-1]:.2f}x |")
        self.say()
        self.say(f"Median: {statistics.median(ratios):.2f} times the 99th percentile of a sync "
                 "(64 KiB written and fdatasync, before and after).")
        self.say()

    # MARK: Queries

    def queries(self):
        options = self.options
        store = os.path.join(self.folder, "questions")
        if not os.path.isdir(store):
            subprocess.run(
                [options.tally, "generate", "--db", store, "--events", "2000000", "--seed",
                 str(options.seed)], check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
        self.say("## Queries")
        self.say()
        self.say(f"2,000,000 events of 90 days, {options.connections} connections. `depth` is how "
                 "many requests of a connection are unanswered at a time.")
        self.say()
        questions = [("one org", "sum(cost) where org = 'org-0003'"),
                     ("by model", "sum(cost) by model")]
        rows = {}
        for _ in range(options.rounds):
            self._pgbench(rows)
            for replies in ("32", "0"):
                server = self.tally("questions-server", "--reply-cache", replies)
                server.store = store
                with server:
                    for name, text in questions:
                        for depth in (1, 64):
                            if replies == "0" and depth > 16:
                                depth = 16
                            found = self.load(server, "--query", text, "--connections",
                                              options.connections, "--depth", depth)
                            key = (f"Tally, {name}" + ("" if replies != "0" else
                                   ", `--reply-cache 0`"), depth)
                            rows.setdefault(key, []).append(
                                (found["rate"], found["latency_ms"]["p50"],
                                 found["latency_ms"]["p99"]))
        self.say("| question | depth | a second | p50 ms | p99 ms | of SELECT 1 |")
        self.say("|---|---:|---:|---:|---:|---:|")
        one = rows.get(("PostgreSQL, SELECT 1", 1))
        base = statistics.median(run[0] for run in one) if one else 0
        for (name, depth), runs in rows.items():
            runs.sort()
            rate, p50, p99 = runs[len(runs) // 2]
            ratio = f"{rate / base:.2f}x" if base else "?"
            tail = "" if math.isnan(p99) else f"{p99:.3f}"
            self.say(f"| {name} | {depth} | {rate:,.0f} | {p50:.3f} | {tail} | {ratio} |")
        self.say()
        if base:
            self._half_rate(store, base)

    def _half_rate(self, store, base):
        """Latency at half of five times what PostgreSQL does, requests at fixed times."""
        server = self.tally("questions-server")
        server.store = store
        with server:
            found = [self.load(server, "--query", "sum(cost) where org = 'org-0003'",
                               "--connections", self.options.connections, "--depth", 64,
                               "--rate", f"{base * 2.5:.0f}")["latency_ms"]
                     for _ in range(self.options.rounds)]
        found.sort(key=lambda latency: latency["p99"] / latency["p50"])
        middle = found[len(found) // 2]
        self.say(f"At {base * 2.5:,.0f} a second, half of five times SELECT 1, requests beginning "
                 f"at fixed times: p50 {middle['p50']:.3f} ms, p99 {middle['p99']:.3f} ms, "
                 f"{middle['p99'] / middle['p50']:.1f} times the median.")
        self.say()

    def _pgbench(self, rows):
        if not servers.PostgreSQL.is_installed():
            return
        with servers.PostgreSQL(os.path.join(self.folder, "postgresql")) as server:
            script = os.path.join(self.folder, "select.sql")
            with open(script, "w") as file:
                file.write("SELECT 1;\n")
            count = str(self.options.connections)
            for mode, name in (("simple", "PostgreSQL, SELECT 1"),
                               ("prepared", "PostgreSQL, SELECT 1, prepared")):
                done = subprocess.run(
                    ["pgbench", "-n", "-h", "127.0.0.1", "-p", str(server.port), "-U", "bench",
                     "-f", script, "-c", count, "-j", "1", "-T", str(int(self.options.seconds)),
                     "-M", mode, "-P", "1000", "-r", "template1"],
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
                rate = float(re.search(r"tps = ([\d.]+)", done.stdout)[1])
                latency = float(re.search(r"latency average = ([\d.]+)", done.stdout)[1])
                rows.setdefault((name, 1), []).append((rate, latency, float("nan")))

    # MARK: Pings

    def pings(self):
        options = self.options
        self.say("## Pings")
        self.say()
        rows = {}
        for _ in range(options.rounds):
            if servers.Redis.is_installed():
                with servers.Redis(os.path.join(self.folder, "redis")) as server:
                    for depth in (1, 64):
                        done = subprocess.run(
                            ["redis-benchmark", "-p", str(server.port), "-c",
                             str(options.connections), "-P", str(depth), "-n",
                             str(3_000_000 if depth > 1 else 150_000), "-t", "ping_inline",
                             "--csv"], stdout=subprocess.PIPE, text=True, check=True)
                        fields = done.stdout.strip().splitlines()[-1].replace('"', "").split(",")
                        rows.setdefault(("Redis", depth), []).append(float(fields[1]))
            with self.tally() as server:
                for depth in (1, 64):
                    found = self.load(server, "--ping", "--connections", options.connections,
                                      "--depth", depth)
                    rows.setdefault(("Tally", depth), []).append(found["rate"])
        self.say("| server | depth | pings/s |")
        self.say("|---|---:|---:|")
        for (name, depth), rates in sorted(rows.items()):
            self.say(f"| {name} | {depth} | {statistics.median(rates):,.0f} |")
        self.say()
        if ("Redis", 64) in rows:
            ratio = statistics.median(rows[("Tally", 64)]) / statistics.median(
                rows[("Redis", 64)])
            self.say(f"Pipelined, Tally answers {ratio:.2f} times as many.")
            self.say()

    # MARK: Idle connections

    def idle(self):
        self.say("## Idle connections")
        self.say()
        with self.tally() as server:
            before = server.memory_kib()[0]
            connections = [server.connect() for _ in range(1000)]
            for connection in connections:
                connection.sendall(b"HELLO 1\n")
            for connection in connections:
                connection.recv(4096)
            after = server.memory_kib()[0]
            start = cpu_seconds(server.process.pid)
            time.sleep(10)
            spent = cpu_seconds(server.process.pid) - start
            for connection in connections:
                connection.close()
        self.say(f"1,000 connections that said HELLO take {(after - before) / 1024:.1f} MiB "
                 f"({before / 1024:.0f} before, {after / 1024:.0f} after) and "
                 f"{spent * 10:.2f} % of one processor over 10 seconds.")
        self.say()


def sync_latencies(folder, seconds):
    """Seconds that it takes to write 64 KiB and have them on disk, again and again."""
    found = []
    path = os.path.join(folder, "sync")
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    piece = os.urandom(64 << 10)
    end = time.perf_counter() + seconds
    try:
        while time.perf_counter() < end:
            start = time.perf_counter()
            os.write(descriptor, piece)
            os.fdatasync(descriptor)
            found.append(time.perf_counter() - start)
    finally:
        os.close(descriptor)
        os.unlink(path)
    return found


def cpu_seconds(process):
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parts = ["ingest", "acks", "queries", "pings", "idle"]
    parser = argparse.ArgumentParser()
    parser.add_argument("--tally", required=True)
    parser.add_argument("--only", nargs="*", default=parts, choices=parts)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", default=None)
    parser.add_argument("--output", default=str(ROOT / "docs" / "benchmarks" / "server.md"))
    options = parser.parse_args()
    options.tally = os.path.abspath(options.tally)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        os.chmod(folder, 0o755)
        bench = Bench(options, folder)
        bench.say("# The server under load")
        bench.say()
        bench.say(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} processors "
                  "that clients and servers share, all on loopback, each server alone and in "
                  f"turns, medians of {options.rounds} rounds of {options.seconds:.0f} s. "
                  "Written by `make bench-ingest`.")
        bench.say()
        for part in options.only:
            getattr(bench, part)()
        with open(options.output, "w") as file:
            file.write("\n".join(bench.lines).rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())
