"""What a server must withstand: each attack a process of its own, which says what it saw.

    attacks.py NAME HOST PORT SECONDS
"""

import contextlib
import gzip
import json
import os
import socket
import sys
import threading
import time


class Target:
    def __init__(self, host, port, seconds):
        self.address = (host, port)
        self.end = time.monotonic() + seconds

    def connect(self):
        found = socket.create_connection(self.address, timeout=5)
        found.settimeout(5)
        return found

    @property
    def is_over(self):
        return time.monotonic() >= self.end

    def wait(self, seconds):
        time.sleep(max(0, min(seconds, self.end - time.monotonic())))


def _first_line(connection):
    answer = b""
    with contextlib.suppress(OSError):
        while b"\n" not in answer:
            piece = connection.recv(4096)
            if not piece:
                break
            answer += piece
    return answer.split(b"\n")[0].decode(errors="replace")


def _code(line):
    return line.split()[0].lstrip("-") if line.startswith("-") else (line[:24] or "closed")


def _count(found, word):
    found[word] = found.get(word, 0) + 1


def slow_sockets(target, found):
    """900 connections that send a byte of a request every second or so."""
    sockets = []
    for _ in range(900):
        with contextlib.suppress(OSError):
            sockets.append(target.connect())
    found["open"] = len(sockets)
    request = b"QUERY select count(*) from usage where model = 'nothing at all' and org = 'x'"
    position = 0
    while not target.is_over:
        byte = request[position % len(request):][:1]
        position += 1
        for connection in list(sockets):
            try:
                connection.send(byte)
            except OSError:
                sockets.remove(connection)
                _count(found, "closed by the server")
        target.wait(1)


def slow_readers(target, found):
    """50 connections that ask for everything and read nothing."""
    sockets = []
    for _ in range(50):
        with contextlib.suppress(OSError):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(target.address)
            connection.sendall(b"QUERY select * from usage limit 1000000\n")
            sockets.append(connection)
    found["open"] = len(sockets)
    while not target.is_over:
        target.wait(1)


def many_connections(target, found):
    """1,000 connections at once, again and again."""
    while not target.is_over:
        sockets = []
        for _ in range(1000):
            try:
                sockets.append(target.connect())
            except OSError:
                _count(found, "refused")
        found["open"] = max(found.get("open", 0), len(sockets))
        for connection in sockets:
            connection.close()
        target.wait(2)


def long_lines(target, found):
    """Lines without an end."""
    piece = b"x" * 65536
    while not target.is_over:
        with contextlib.suppress(OSError), target.connect() as connection:
            with contextlib.suppress(OSError):
                for _ in range(64):
                    connection.sendall(piece)
            _count(found, _code(_first_line(connection)))
        target.wait(0.2)


def large_counts(target, found):
    """Payloads announced that are too large, or never come."""
    announced = [17_000_000, 99_999_999, 4_000_000_000, 9_999_999_999, 99_999_999_999]
    while not target.is_over:
        for count in announced:
            with contextlib.suppress(OSError), target.connect() as connection:
                connection.sendall(b"INSERT {%d}\nusage requests=1i\nPING\n" % count)
                connection.shutdown(socket.SHUT_WR)
                _count(found, _code(_first_line(connection)))
        target.wait(0.2)


def half_closed(target, found):
    """Queries whose client closes its side at once, and clients that vanish."""
    while not target.is_over:
        for vanishes in (False, True):
            with contextlib.suppress(OSError), target.connect() as connection:
                connection.sendall(b"QUERY select * from usage limit 100000\n")
                if vanishes:
                    connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                else:
                    connection.shutdown(socket.SHUT_WR)
                    _count(found, "answered" if _first_line(connection) else "closed")
        target.wait(0.05)


def bombs(target, found):
    """Compressed payloads of 2 GB of zeros."""
    raw = gzip.compress(b"\0" * (1 << 28), 9)
    bomb = raw * 8  # a file of several members
    while not target.is_over:
        with contextlib.suppress(OSError), target.connect() as connection:
            connection.sendall(b"INSERT encoding=gzip {%d}\n" % len(bomb) + bomb + b"\n")
            _count(found, _code(_first_line(connection)))
        target.wait(0.5)


def guesses(target, found):
    """Tokens that are tried one after the other."""
    while not target.is_over:
        with contextlib.suppress(OSError), target.connect() as connection:
            for _ in range(5):
                connection.sendall(b"AUTH TOKEN tally_%s_%s\n" % (
                    os.urandom(6).hex().encode(), os.urandom(22).hex()[:43].encode()))
                line = _first_line(connection)
                _count(found, _code(line))
                if not line:
                    break


def garbage(target, found):
    """Bytes of no protocol, as to a port that speaks TLS."""
    hello = bytes.fromhex("160301ffff") + os.urandom(4096)
    while not target.is_over:
        for bytes_ in (os.urandom(8192), hello, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
            with contextlib.suppress(OSError), target.connect() as connection:
                connection.sendall(bytes_)
                connection.shutdown(socket.SHUT_WR)
                _count(found, _code(_first_line(connection))[:16])
        target.wait(0.05)


ATTACKS = {
    function.__name__.replace("_", "-"): function
    for function in (slow_sockets, slow_readers, many_connections, long_lines, large_counts,
                     half_closed, bombs, guesses, garbage)
}


def main():
    name, host, port, seconds = sys.argv[1:]
    found = {}
    target = Target(host, int(port), float(seconds))
    thread = threading.Thread(target=ATTACKS[name], args=(target, found), daemon=True)
    thread.start()
    thread.join(float(seconds) + 20)
    ordered = sorted(found.items(), key=lambda item: -item[1] if isinstance(item[1], int) else 0)
    print(json.dumps(dict(ordered[:8])))


if __name__ == "__main__":
    main()
