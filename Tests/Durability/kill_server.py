#!/usr/bin/env python3
"""Kills a server under load, over and over: nothing acknowledged may be lost or stored twice.

    kill_server.py --tally PATH [--kills N] [--producers N] [--seed N] [--work DIR]

Producers send numbered batches, half over the line protocol and half over HTTP, each the next when
the last was acknowledged. The server is killed (SIGKILL) after a random moment and started again;
producers send what was not acknowledged once more under its number. After every kill each batch
must be there whole, once, or not at all if it was not acknowledged; in the end all are there once.
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROWS = 50


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, tally, store):
        self.tally = tally
        self.store = store
        self.port, self.http = free_port(), free_port()
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [self.tally, "serve", "--db", self.store, "--listen", f"127.0.0.1:{self.port}",
             "--http", f"127.0.0.1:{self.http}", "--log-level", "error"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("listening on"):
            raise SystemExit(f"the server did not start: {self.process.stderr.read()[-2000:]}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        if code != 0:
            raise SystemExit(f"the server ended with {code}: {self.process.stderr.read()[-2000:]}")


class Producer(threading.Thread):
    def __init__(self, number, server, over_http, is_over):
        super().__init__(daemon=True)
        self.name_ = f"p{number}"
        self.server = server
        self.over_http = over_http
        self.is_over = is_over
        self.sequence = 1
        self.acknowledged = 0
        self.replays = 0
        self.failure = None

    def batch(self, sequence):
        return "".join(
            f"usage,org=acme,piece={self.name_}-{sequence} requests=1i "
            f"{1_789_000_000_000_000_000 + sequence * 1000 + row}\n"
            for row in range(ROWS)).encode()

    def run(self):
        try:
            while not self.is_over.is_set():
                try:
                    self._send_all()
                except (OSError, http.client.HTTPException, EOFError):
                    time.sleep(0.005)
        except Exception as failure:  # told by the main thread
            self.failure = repr(failure)

    def _send_all(self):
        send = self._open_http() if self.over_http else self._open_line()
        while not self.is_over.is_set():
            accepted, is_replay = send(self.batch(self.sequence))
            if is_replay:
                self.replays += 1
            elif accepted != ROWS:
                raise ValueError(f"{accepted} of {ROWS} rows were taken")
            self.acknowledged = self.sequence
            self.sequence += 1

    def _open_line(self):
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=20)
        file = connection.makefile("rb")

        def send(batch):
            connection.sendall(
                f"INSERT producer={self.name_} seq={self.sequence} {{{len(batch)}}}\n".encode()
                + batch + b"\n")
            line = file.readline().decode()
            if not line.endswith("\n"):
                raise EOFError
            if line.startswith("-") and " retry=yes" in line:
                raise EOFError
            if not line.startswith("+INSERT "):
                raise ValueError(line)
            fields = dict(word.split("=", 1) for word in line.split()[1:])
            return int(fields["accepted"]), fields["replay"] == "yes"
        return send

    def _open_http(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http, timeout=20)

        def send(batch):
            connection.request(
                "POST", f"/v1/ingest?producer={self.name_}&seq={self.sequence}", batch,
                {"Content-Type": "text/plain"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status >= 500:
                raise EOFError
            if answer.status != 200:
                raise ValueError(f"{answer.status} {body[:300]}")
            found = json.loads(body)
            return found["accepted"], found["replay"]
        return send


def stored(server):
    """Rows of each batch."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"QUERY select piece, count(*) as n from usage group by piece\nQUIT\n")
        text = b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()
    if "\n." not in text:
        raise SystemExit(f"no answer: {text[-500:]}")
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {row["piece"]: row["n"] for row in rows}


def check(server, acknowledged, is_end):
    found = stored(server)
    problems = [f"{batch} has {count} rows" for batch, count in found.items() if count != ROWS]
    for name, last in acknowledged.items():
        problems += [f"{name}-{number} was acknowledged and is lost"
                     for number in range(1, last + 1) if f"{name}-{number}" not in found]
    if is_end and len(found) != sum(acknowledged.values()):
        problems.append(f"{len(found)} batches, {sum(acknowledged.values())} were acknowledged")
    if problems:
        raise SystemExit("\n".join(problems[:20]))
    return len(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tally", required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--producers", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", default=None)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        server = Server(os.path.abspath(options.tally), os.path.join(folder, "store"))
        server.start()
        is_over = threading.Event()
        producers = [Producer(number, server, number % 2 == 1, is_over)
                     for number in range(options.producers)]
        for producer in producers:
            producer.start()
        start = time.monotonic()
        for kill in range(1, options.kills + 1):
            time.sleep(chance.uniform(0.02, 0.4))
            server.kill()
            acknowledged = {p.name_: p.acknowledged for p in producers}
            server.start()
            count = check(server, acknowledged, False)
            failures = [p.failure for p in producers if p.failure]
            if failures:
                raise SystemExit(f"a producer was refused: {failures[0]}")
            if kill % 20 == 0:
                print(f"{kill} kills: {count} batches of {ROWS} rows", flush=True)
        is_over.set()
        for producer in producers:
            producer.join(60)
        acknowledged = {p.name_: p.acknowledged for p in producers}
        # What was in flight at the end is acknowledged or not there.
        server.stop()
        server.start()
        count = check(server, acknowledged, True)
        server.stop()
    replays = sum(p.replays for p in producers)
    print(f"{options.kills} kills in {time.monotonic() - start:.0f} s, {count} batches "
          f"acknowledged, none lost, none twice; {replays} were stored before their answer was "
          "lost, and known when they came again")


if __name__ == "__main__":
    sys.exit(main())
