#!/usr/bin/env python3
"""One org's token on a server of many orgs, and on a server of that org alone: the same replies.

    served_isolation.py --tally PATH [--queries N] [--seed N] [--rows N]

Random queries, statements that look around (SHOW, EXPLAIN, misspelt names near those of others) and
every other one asked twice, so that kept replies are among them, while another org writes all the
time. Whole replies are compared, errors and hints included, but for the time they took; names that
only others have may not occur at all.
"""

import argparse
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import time

import events
import queries

ORG = "acme"
CHUNK = 60
TIME = re.compile(rb" ms=[0-9.]+")
NUMBERS = re.compile(rb"crc32c:[0-9a-f]+|[0-9. ]+")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, tally, store, made, chance):
        self.tally, self.store, self.port = tally, store, free_port()
        path = f"{store}.jsonl"
        events.write_for_tally(made, path, chance)
        self._run("import", "--db", store, path)
        self.process = None

    def _run(self, *arguments):
        return subprocess.run([self.tally, *arguments], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout.strip()

    def token(self, name, *options):
        return self._run("token", "create", "--db", self.store, "--name", name, "--exempt",
                         "--scope", "org:analytics:read", "--scope", "org:analytics:write",
                         *options)

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.tally, "serve", "--db", self.store, "--listen", f"127.0.0.1:{self.port}",
             "--http", "none", "--log-level", "error"], stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("listening on"):
            raise SystemExit("the server did not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)


class Client:
    def __init__(self, server, token):
        self.connection = socket.create_connection(("127.0.0.1", server.port), timeout=120)
        self.file = self.connection.makefile("rb")
        self.connection.sendall(f"AUTH TOKEN {token}\n".encode())
        line = self.file.readline()
        if not line.startswith(b"+AUTH"):
            raise SystemExit(line.decode())

    def ask(self, texts):
        """The whole reply to each."""
        request = b""
        for text in texts:
            encoded = text.encode()
            request += b"QUERY {%d}\n" % len(encoded) + encoded + b"\n"
        self.connection.sendall(request)
        return [self._reply() for _ in texts]

    def insert(self, lines):
        payload = lines.encode()
        self.connection.sendall(b"INSERT ack=os {%d}\n" % len(payload) + payload + b"\n")
        line = self.file.readline()
        if not line.startswith(b"+INSERT"):
            raise SystemExit(line.decode())

    def _reply(self):
        reply = b""
        while True:
            line = self.file.readline()
            if not line:
                raise SystemExit("the connection was closed")
            reply += TIME.sub(b"", line)
            if line[:1] in b".-+":
                return reply
            if line[:1] == b">":
                count = int(line[line.rindex(b"{") + 1:line.rindex(b"}")])
                reply += self.file.read(count + 1)


def hidden(made, chance):
    """What others have: names of their own among those that the org has as well."""
    for number, event in enumerate(made):
        if event.get("org") == ORG:
            continue
        event["end_user" if "end_user" in event else "user"] = f"secret-user-{number % 900}"
        if chance.random() < 0.5:
            event["model"] = chance.choice(["secret-model", "gpt-4o-secret", "claude-secret"])
        if chance.random() < 0.1:
            event["tag"] = "secret-tag"
    return made


def curious(chance):
    """Statements of who looks for what others have."""
    return chance.choice([
        "show columns", "show values model", "show values org", "show values \"user\" like 's%'",
        "show values tag", "show stats", "show partitions", "select * from usage where x = 1",
        "count(*) where model = 'secret-mode'", "count(*) where model = 'gpt-4o-secre'",
        "count(*) where org = 'beta'", "count(*) by org", "select sum(cots) from usage",
        "sum(cost) where \"user\" = 'secret-user-1'", "explain sum(cost) by model",
        "explain analyze count(*) where model = 'secret-model'", "count(distinct org)",
        "select min(org), max(org), min(model), max(model) from usage",
        "select secret_column from usage", "count(*) by tag order by tag",
        "sum(cost) by org, model where org <> 'acme'", "count(*) where org in ('acme', 'beta')",
    ])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tally", required=True)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", default=None)
    options = parser.parse_args()
    tally = os.path.abspath(options.tally)
    chance = random.Random(options.seed)
    made = hidden(events.generate(chance, options.rows), chance)
    own = [event for event in made if event.get("org") == ORG]
    names = [name for items in events.NAMES.values() for name in items] + events.USERS[::40]
    maker = queries.QueryMaker(chance, names + ["secret-model", "secret-user-7"])
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        base = pathlib.Path(folder)
        many = Server(tally, str(base / "many"), made, random.Random(1))
        alone = Server(tally, str(base / "alone"), own, random.Random(1))
        tokens = [many.token("acme", "--org", ORG), alone.token("acme", "--org", ORG)]
        writer = many.token("all", "--all-orgs")
        with many, alone:
            return compare(options, maker, chance, Client(many, tokens[0]),
                           Client(alone, tokens[1]), Client(many, writer))


def compare(options, maker, chance, many, alone, writer):
    start = time.monotonic()
    asked = different = failed = byte_count = 0
    while asked < options.queries:
        texts = []
        while len(texts) < CHUNK:
            text = curious(chance) if chance.random() < 0.2 else maker.query()
            texts += [text, text] if chance.random() < 0.5 else [text]
        for text, mine, theirs in zip(texts, many.ask(texts), alone.ask(texts)):
            byte_count += len(mine)
            if text.startswith("explain analyze"):  # tells times
                mine, theirs = NUMBERS.sub(b"", mine), NUMBERS.sub(b"", theirs)
            failed += mine.startswith(b"-")
            # What was asked for may be named in an error; nothing else of others may.
            leaks = b"secret" in mine and "secret" not in text
            if mine != theirs or leaks:
                different += 1
                if different <= 5:
                    print(f"--- {text}\n{mine[:600].decode()}\n{theirs[:600].decode()}")
        asked += len(texts)
        number = asked
        writer.insert(f"usage,org=globex,model=secret-model,user=secret-user-{number} cost=1\n"
                      f"usage,org=beta,model=gpt-4o secret_{number % 20}=1i\n")
    print(f"{asked} queries of {ORG}, {failed} of them refused alike, {byte_count} bytes of "
          "replies:"
          f" {different} different or with names of others, {time.monotonic() - start:.0f} s")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
