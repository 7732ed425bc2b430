"""A client of Tally servers in one file: Python 3.9 or later, nothing to install.

    from tally import Tally

    with Tally("127.0.0.1", 6480, token="tally_...") as db:
        db.insert([{"model": "gpt-5", "input_tokens": 812, "cost": Decimal("0.0123")}])
        for row in db.rows("sum(cost) as cost by model"):
            print(row["model"], row["cost"])

Exact numbers are `int` and `Decimal`, doubles are `float`, times and dates are text. The protocol
is in docs/wire-protocol.md. One object is one connection, for one thread.
"""

import argparse
import datetime
import json
import random
import re
import secrets
import socket
import ssl
import sys
import time
from decimal import Decimal

__all__ = ["Tally", "TallyError"]


class TallyError(Exception):
    """What the server refused, or what this client found wrong with its answer.

    `code` is for programs, `str(error)` for people. `line`, `col`, `offset` and `length` say where
    in the query, if it is about a place in it. `rejects` are the rows of an insert that were not
    taken: dicts with `code`, `line`, `field`, `reason`.
    """

    def __init__(self, code, message, fields=None, rejects=()):
        fields = fields or {}
        self.code = code
        self.message = message
        self.fields = fields
        self.hint = fields.get("hint")
        self.retry = fields.get("retry") == "yes"
        self.after = int(fields.get("after_ms", 0)) / 1000
        self.line, self.col, self.offset, self.length = (
            int(fields[key]) if key in fields else None for key in ("line", "col", "offset", "len")
        )
        self.rejects = list(rejects)
        place = " (line %d, column %s)" % (self.line, self.col) if self.line else ""
        hint = "; " + self.hint if self.hint else ""
        super().__init__(code + ": " + message + place + hint)


class Tally:
    """A connection to a server. It is opened at once, and again where it was lost.

    `org` narrows a token of all orgs. `tls` is True, or an `ssl.SSLContext`; `ca` is a file of
    certificates to trust. `timeout` is how long the server may be silent, in seconds. Batches are
    sent up to `attempts` times.
    """

    def __init__(self, host="127.0.0.1", port=6480, token=None, org=None, tls=False, ca=None,
                 timeout=90, producer=None, attempts=10):
        self.address = (host, port)
        self.token = token
        self.org = org
        self.context = tls if isinstance(tls, ssl.SSLContext) else None
        if self.context is None and (tls or ca):
            self.context = ssl.create_default_context(cafile=ca)
        if self.context is not None:
            self.context.set_alpn_protocols(["lqp/1"])
        self.timeout = timeout
        self.producer = producer or "python-" + secrets.token_hex(6)
        self.attempts = attempts
        self.sequence = 0
        self.socket = self.file = None
        self._connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connection; a query that runs is stopped."""
        file, self.file = self.file, None
        opened, self.socket = self.socket, None
        for each in (file, opened):
            if each is not None:
                try:
                    each.close()
                except OSError:
                    pass

    # Asking

    def query(self, text, params=None, **options):
        """All rows of a statement, as dicts. `$1`, `$2` stand for `params`.

        Options are those of QUERY: `timeout="5s"`, `max_rows=1000`, `rollups=False`, ...
        """
        return list(self.rows(text, params, **options))

    def rows(self, text, params=None, **options):
        """The rows of a statement as they come. Whoever stops before the end stops the query.

        The number of rows and their checksum are compared with what the server says at the end:
        an answer that was cut short raises `TallyError`, it never just ends.
        """
        options["format"] = "jsonl"
        if self.file is None:
            self._connect()
        if params is None:
            self._send("QUERY", options, payload=text.encode())
        else:
            self._request("PREPARE q", {}, payload=text.encode())
            values = "[" + ",".join(_json(value) for value in params) + "]"
            self._send("EXEC q", options, payload=values.encode())
        is_whole = False
        try:
            doubles, decimals, count, checksum = [], [], 0, 0
            while True:
                kind, fields, message, payload = self._reply()
                if kind == "-":
                    is_whole = True
                    raise TallyError(message[0], message[1], fields)
                if kind == "=":
                    doubles = [name for name, type in message if type == "double"]
                    decimals = [name for name, type in message if type.startswith("decimal")]
                elif kind == ">":
                    checksum = _crc32c(payload, checksum)
                    for line in payload.splitlines():
                        row = json.loads(line, parse_float=Decimal)
                        for name in doubles:
                            row[name] = None if row[name] is None else float(row[name])
                        for name in decimals:
                            row[name] = None if row[name] is None else Decimal(row[name])
                        count += 1
                        yield row
                elif kind == ".":
                    is_whole = True
                    if (fields["rows"], fields["checksum"]) != (
                        str(count), "crc32c:%08x" % checksum
                    ):
                        raise TallyError("CLIENT_DAMAGED", "the rows are not those that were sent")
                    return
        finally:
            if not is_whole:
                self.close()

    # Sending events

    def insert(self, events, format="influx", seq=None, **options):
        """Stores a batch, once, and returns what became of it: `accepted`, `rejected`, ...

        `events` are text or bytes of `format` (`influx`, `jsonl`, `csv`), a list of lines, or a
        list of dicts by columns. Options are those of INSERT: `ack="memory"`, `mode="partial"`,
        `precision="s"`, `encoding="gzip"`, `strict=True`. After a lost connection, and where the
        server says that it may work later, the batch is sent again under the same number.
        """
        if not isinstance(events, (str, bytes)):
            events = list(events)
            if events and isinstance(events[0], dict):
                format = "jsonl"
                events = [_event(event) for event in events]
            events = "\n".join(events)
        payload = events.encode() if isinstance(events, str) else events
        if seq is None:
            self.sequence += 1
            seq = self.sequence
        options.update(data=format, producer=self.producer, seq=seq)
        for attempt in range(1, self.attempts + 1):
            try:
                fields, rejects = self._request("INSERT", options, payload)
                for key in ("accepted", "rejected", "duplicates"):
                    fields[key] = int(fields.get(key, 0))
                fields["replay"] = fields.get("replay") == "yes"
                fields["rejects"] = rejects
                return fields
            except (OSError, TallyError) as error:
                is_refused = isinstance(error, TallyError)
                if is_refused and not error.retry or attempt == self.attempts:
                    raise
                if not is_refused:
                    self.close()
                pause = min(5, 0.1 * 2 ** (attempt - 1)) * random.uniform(0.5, 1)
                time.sleep(max(pause, error.after if is_refused else 0))

    def flush(self):
        """Writes what was sent so far as segments. Never needed."""
        self._request("FLUSH", {})

    def ping(self):
        """Seconds until the server answered."""
        start = time.perf_counter()
        self._request("PING", {})
        return time.perf_counter() - start

    def status(self):
        """Facts about the server and this connection."""
        return self._request("STATUS", {})[0]

    # The protocol

    def _connect(self):
        self.close()
        opened = socket.create_connection(self.address, timeout=self.timeout)
        if self.token and self.context is None:
            peer = opened.getpeername()[0]
            if not peer.startswith("127.") and peer != "::1":
                opened.close()
                raise TallyError("E_TLS_REQUIRED", "a token would be sent in plain text")
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            opened = self.context.wrap_socket(opened, server_hostname=self.address[0])
        self.socket = opened
        self.file = opened.makefile("rwb")
        try:
            self._request("HELLO 1", {"client": "tally-python/0.1"})
            if self.token:
                self._request("AUTH TOKEN " + self.token, {})
            if self.org:
                self._request("USE", {"org": self.org})
        except BaseException:
            self.close()
            raise

    def _send(self, verb, options, payload=None):
        line = verb
        for key, value in options.items():
            if isinstance(value, bool):
                value = "yes" if value else "no"
            value = str(value)
            if re.search(r'[\s"]', value) or not value:
                escaped = value.replace("\\", "\\\\").replace('"', '\\"')
                for letter, byte in (("n", "\n"), ("r", "\r"), ("t", "\t")):
                    escaped = escaped.replace(byte, "\\" + letter)
                value = '"' + escaped + '"'
            line += " %s=%s" % (key, value)
        if payload is not None:
            line += " {%d}" % len(payload)
        self.file.write(line.encode() + b"\n")
        if payload is not None:
            self.file.write(payload + b"\n")
        self.file.flush()

    def _request(self, verb, options, payload=None):
        """The facts of a `+` line, and the rows that were rejected."""
        if self.file is None:
            self._connect()
        rejects = []
        try:
            self._send(verb, options, payload)
            while True:
                kind, fields, message, _ = self._reply()
                if kind == "+":
                    return fields, rejects
                if kind == "-":
                    raise TallyError(message[0], message[1], fields, rejects)
                if kind == "~" and message[0] == "reject":
                    rejects.append(dict(fields, line=int(fields["line"]), reason=message[1]))
        except OSError:
            self.close()
            raise

    def _reply(self):
        """One line: its first byte, its facts, its word and message (or columns), its rows."""
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the connection ended before the answer did")
        text = line.decode().rstrip("\r\n")
        kind, rest = text[0], text[1:]
        payload = None
        if kind == ">":
            count = int(rest[rest.rindex("{") + 1:-1])
            payload = self.file.read(count)
            if len(payload) < count:
                raise ConnectionResetError("the connection ended before the answer did")
            self.file.readline()
            return kind, {}, None, payload
        if kind == "=":
            return kind, {}, json.loads(rest[rest.index("cols=") + 5:]), None
        if kind not in "+-.~":
            raise TallyError("E_PROTOCOL", "the server sent something else than a reply")
        word = ""
        if kind != ".":
            word, _, rest = rest.partition(" ")
        fields = {}
        while True:
            match = re.match(r'([a-z][a-z0-9_]*)=("(?:[^"\\]|\\.)*"|[^ \t"]*)[ \t]*', rest)
            if not match:
                break
            value = match.group(2)
            if value.startswith('"'):
                escapes = {"n": "\n", "r": "\r", "t": "\t"}
                value = re.sub(
                    r"\\(.)", lambda found: escapes.get(found.group(1), found.group(1)),
                    value[1:-1])
            fields[match.group(1)] = value
            rest = rest[match.end():]
        return kind, fields, (word, rest[1:] if rest.startswith(":") else rest), None


def _json(value):
    """JSON text of a value; numbers stay exact, doubles have an exponent."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text if "." in text else text + ".0"
    if isinstance(value, float):
        text = repr(value)
        return text if "e" in text else text + "e0"
    if isinstance(value, (datetime.date, datetime.datetime)):
        return json.dumps(value.isoformat())
    return json.dumps(value, ensure_ascii=False)


def _event(event):
    """An event as a JSON line. Without a time it happened now."""
    if "time" not in event:
        now = datetime.datetime.now(datetime.timezone.utc)
        event = dict(event, time=now.isoformat(timespec="microseconds"))
    members = (
        json.dumps(name) + ":" + _json(value) for name, value in event.items() if value is not None
    )
    return "{" + ",".join(members) + "}"


def _make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _make_table()


def _crc32c(data, crc):
    """The checksum of what `crc` covers followed by `data`."""
    table = _TABLE
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def main():
    parser = argparse.ArgumentParser(description="Ask a Tally server, or send it a file.")
    parser.add_argument("query", nargs="?", help="a statement; its rows are printed")
    parser.add_argument("--server", default="127.0.0.1:6480", metavar="HOST:PORT")
    parser.add_argument("--token")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--ca", metavar="FILE")
    parser.add_argument("--insert", metavar="FILE", help="send this file first")
    parser.add_argument("--format", default="influx", choices=["influx", "jsonl", "csv"])
    arguments = parser.parse_args()
    host, _, port = arguments.server.rpartition(":")
    try:
        with Tally(host, int(port), arguments.token, tls=arguments.tls,
                   ca=arguments.ca) as db:
            if arguments.insert:
                with open(arguments.insert, "rb") as file:
                    done = db.insert(file.read(), arguments.format, mode="partial")
                print("accepted=%(accepted)d rejected=%(rejected)d" % done)
            if arguments.query:
                for row in db.rows(arguments.query):
                    print(" ".join("%s=%s" % pair for pair in row.items()))
            if not arguments.insert and not arguments.query:
                print("ping %.3f ms" % (db.ping() * 1000))
    except (TallyError, OSError) as error:
        sys.exit("tally: %s" % error)


if __name__ == "__main__":
    main()
