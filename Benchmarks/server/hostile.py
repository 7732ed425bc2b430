#!/usr/bin/env python3
"""What normal clients notice while others misbehave.

    hostile.py --tally PATH [--seconds N] [--only ATTACK ...] [--work DIR] [--report FILE]

Normal clients ask and insert at a steady rate, alone and during each attack of attacks.py. The 99th
percentile of their latency during an attack is compared with that alone; nothing of theirs may
fail; the server's memory is read while it lasts. All on loopback, in bounded time.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import attacks
import payload
import servers

HERE = pathlib.Path(__file__).resolve().parent
MEMORY_MIB_MAX = 600
NEEDS_TOKENS = {"guesses"}


class Normal:
    """Four connections, each 50 requests a second: half queries, half durable inserts."""

    rate = 50
    connections = 4

    def __init__(self, server, batches, token):
        self.server = server
        self.batches = batches
        self.token = token
        self.latencies = []
        self.failures = []
        self.lock = threading.Lock()

    def run(self, seconds):
        threads = [threading.Thread(target=self._work, args=(number, seconds))
                   for number in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = sorted(self.latencies)
        if not found:
            return 0.0, 0.0
        return found[len(found) // 2], found[min(len(found) * 99 // 100, len(found) - 1)]

    def _work(self, number, seconds):
        mine = []
        try:
            connection = self.server.connect()
            connection.settimeout(20)
            file = connection.makefile("rb")
            if self.token:
                connection.sendall(f"AUTH TOKEN {self.token}\n".encode())
                self._expect(file, b"+AUTH")
            start = time.perf_counter()
            for index in range(int(seconds * self.rate)):
                due = start + index / self.rate + number / self.rate / self.connections
                wait = due - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                before = time.perf_counter()
                if index % 2:
                    connection.sendall(b"QUERY sum(cost) by model\n")
                    self._expect(file, b".")
                else:
                    batch = self.batches[(index + number) % len(self.batches)]
                    connection.sendall(b"INSERT precision=ns {%d}\n" % len(batch) + batch + b"\n")
                    self._expect(file, b"+INSERT")
                mine.append(time.perf_counter() - before)
            connection.close()
        except (OSError, ValueError) as failure:
            self.failures.append(str(failure))
        with self.lock:
            self.latencies += mine

    @staticmethod
    def _expect(file, first):
        while True:
            line = file.readline()
            if not line:
                raise ValueError("the connection was closed")
            if line.startswith(b"-"):
                raise ValueError(line.decode()[:200])
            if line.startswith(first):
                return


class Watch(threading.Thread):
    """The most memory and descriptors that a server has had."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.is_over = threading.Event()
        self.memory_mib = 0
        self.descriptors = 0

    def run(self):
        while not self.is_over.wait(0.1):
            try:
                self.memory_mib = max(self.memory_mib, self.server.memory_kib()[0] / 1024)
                path = f"/proc/{self.server.process.pid}/fd"
                self.descriptors = max(self.descriptors, len(os.listdir(path)))
            except OSError:
                return


def measure(options, folder, batches, name):
    """One attack on a server of its own: alone, attacked, and whether it is well afterwards."""
    server = servers.Tally(os.path.join(folder, name), options.tally)
    token = None
    if name in NEEDS_TOKENS:
        token = _token(options, server)
    with server:
        _, alone = Normal(server, batches, token).run(options.seconds)
        watch = Watch(server)
        watch.start()
        attack = subprocess.Popen(
            [sys.executable, str(HERE / "attacks.py"), name, "127.0.0.1", str(server.port),
             str(options.seconds + 4)], stdout=subprocess.PIPE, text=True)
        time.sleep(3)
        normal = Normal(server, batches, token)
        median, during = normal.run(options.seconds)
        seen, _ = attack.communicate(timeout=options.seconds + 60)
        watch.is_over.set()
        after = Normal(server, batches, token)
        after.run(1)
        return {
            "attack": name, "alone_p99_ms": alone * 1e3, "median_ms": median * 1e3,
            "p99_ms": during * 1e3, "ratio": during / alone if alone else 0,
            "failures": normal.failures + after.failures, "memory_mib": watch.memory_mib,
            "descriptors": watch.descriptors, "seen": json.loads(seen or "{}"),
        }


def _token(options, server):
    """A store with one token, made before its server starts."""
    os.makedirs(server.folder, exist_ok=True)
    store = os.path.join(server.folder, "store")
    server.keeps_folder = True
    subprocess.run([options.tally, "generate", "--db", store, "--events", "1000"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return subprocess.run(
        [options.tally, "token", "create", "--db", store, "--name", "normal", "--all-orgs",
         "--scope", "org:analytics:read", "--scope", "org:analytics:write", "--exempt"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tally", required=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", nargs="*", default=list(attacks.ATTACKS))
    parser.add_argument("--work", default=None)
    options = parser.parse_args()
    options.tally = os.path.abspath(options.tally)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        batches = payload.batches(options.tally, 40, 20, 1, True)
        results = []
        for name in options.only:
            result = measure(options, folder, batches, name)
            results.append(result)
            print(f"{name:17} p99 {result['p99_ms']:7.2f} ms, alone {result['alone_p99_ms']:6.2f}"
                  f" ({result['ratio']:.2f}x)  {result['memory_mib']:5.0f} MiB"
                  f"  {result['descriptors']:4} descriptors  {json.dumps(result['seen'])}"
                  + (f"  FAILED {result['failures'][:2]}" if result["failures"] else ""),
                  flush=True)
    bad = [r for r in results if r["failures"] or r["memory_mib"] > MEMORY_MIB_MAX]
    slow = [r["attack"] for r in results if r["ratio"] > 2]
    print(f"normal requests failed or memory unbounded: {len(bad)}; p99 over 2x: {slow or 'none'}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
