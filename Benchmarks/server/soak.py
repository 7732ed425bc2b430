#!/usr/bin/env python3
"""A server at half load for minutes on end: what it takes must not grow, nor its answers get slow.

    soak.py --tally PATH [--minutes N] [--work DIR] [--output FILE]

The highest rate of durable inserts is measured first. Then inserts come at half of it and queries
at 200 a second, from two clients, and every minute memory, descriptors, disk and latencies are
noted. Resident memory includes pages of files that the kernel may take back at any time; what the
process itself holds is the anonymous part.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import servers


def load(tally, server, *arguments):
    return subprocess.Popen(
        [tally, "client", "bench", "--server", f"127.0.0.1:{server.port}", "--json",
         *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process):
    output, errors = process.communicate()
    if not output:
        raise SystemExit(f"tally client bench: {errors[-500:]}")
    found = json.loads(output)
    if found["failed"]:
        raise SystemExit(f"requests failed: {output[-500:]}")
    return found


def anonymous_mib(process):
    with open(f"/proc/{process}/status") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return 0.0


def disk_mib(folder):
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_blocks * 512
            except OSError:
                pass  # removed meanwhile
    return total / (1 << 20)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tally", required=True)
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--minute-seconds", type=float, default=60)
    parser.add_argument("--work", default=None)
    parser.add_argument("--output", default=None)
    options = parser.parse_args()
    tally = os.path.abspath(options.tally)
    lines = []

    def say(text):
        print(text, flush=True)
        lines.append(text)

    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        server = servers.Tally(os.path.join(folder, "tally"), tally)
        with server:
            full = result(load(tally, server, "--insert", 1000, "--connections", 8, "--seconds",
                               min(5, options.minute_seconds)))["requests_per_second"]
            say(f"{full:.0f} batches of 1,000 rows a second at most; half of that, and 200 queries "
                f"a second, for {options.minutes} minutes:")
            say("")
            say("| minute | anonymous MiB | resident MiB | descriptors | disk MiB | insert p50 ms "
                "| p99 ms | query p50 ms | p99 ms |")
            say("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
            samples = []
            for minute in range(1, options.minutes + 1):
                seconds = options.minute_seconds - 1
                inserts = load(tally, server, "--insert", 1000, "--connections", 8, "--rate",
                               f"{full / 2:.1f}", "--seconds", seconds)
                queries = load(tally, server, "--query",
                               "sum(cost), p95(latency_ms) by model last 1d", "--connections", 4,
                               "--rate", 200, "--seconds", seconds)
                insert, query = result(inserts), result(queries)
                process = server.process.pid
                sample = (anonymous_mib(process), server.memory_kib()[0] / 1024,
                          len(os.listdir(f"/proc/{process}/fd")), disk_mib(server.folder),
                          insert["p50_ms"], insert["p99_ms"], query["p50_ms"], query["p99_ms"])
                samples.append(sample)
                say("| {} | {:.0f} | {:.0f} | {} | {:.0f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} |"
                    .format(minute, *sample))
            third = max(1, len(samples) // 3)

            def middle(part, index):
                return statistics.median(sample[index] for sample in part)

            say("")
            for name, index in (("anonymous memory", 0), ("descriptors", 2), ("insert p99", 5),
                                ("query p99", 7)):
                first = middle(samples[:third], index)
                last = middle(samples[-third:], index)
                say(f"- {name}: {first:.1f} in the first third, {last:.1f} in the last "
                    f"({last / first if first else 0:.2f}x)")
    if options.output:
        with open(options.output, "w") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
