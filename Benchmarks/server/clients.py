"""Clients that send prepared batches: one thread a connection, the next batch when the last one was
answered. Python does little here: a batch is one send and one short answer."""

import threading
import time


class LineClient:
    """INSERT over Tally's line protocol."""

    def __init__(self, server, options="ack=durable precision=ns"):
        self.connection = server.connect()
        self.options = options

    def send(self, batch):
        head = f"INSERT {self.options} {{{len(batch)}}}\n".encode()
        self.connection.sendall(head + batch + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            piece = self.connection.recv(65536)
            if not piece:
                raise SystemExit("the server has closed the connection")
            answer += piece
        if not answer.startswith(b"+INSERT"):
            raise SystemExit(f"a batch was refused: {answer[:300]!r}")


class HttpClient:
    """POST of line protocol over a connection that is kept."""

    def __init__(self, server, path=None):
        self.connection = server.connect()
        self.path = path or server.path

    def send(self, batch):
        head = (f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: text/plain\r\nContent-Length: {len(batch)}\r\n\r\n").encode()
        self.connection.sendall(head + batch)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.connection.recv(65536)
            if not piece:
                raise SystemExit("the server has closed the connection")
            answer += piece
        if not answer.startswith(b"HTTP/1.1 204"):
            raise SystemExit(f"a batch was refused: {answer[:300]!r}")


class Run:
    """What came of sending batches: `rate` in rows a second, latencies of answers in seconds."""

    def __init__(self, rows, seconds, latencies):
        self.rows = rows
        self.seconds = seconds
        self.latencies = sorted(latencies)

    @property
    def rate(self):
        return self.rows / self.seconds

    def percentile(self, share):
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


def send_all(make_client, batches, rows, connections, rate=None):
    """Sends every batch once, over so many connections; at `rate` batches a second, or as fast as
    they are answered. Latencies count from when a batch was due."""
    clients = [make_client() for _ in range(connections)]
    latencies = []
    failures = []
    lock = threading.Lock()
    numbers = iter(range(len(batches)))
    start = time.perf_counter()

    def work(client):
        mine = []
        try:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    break
                due = time.perf_counter()
                if rate:
                    due = start + number / rate
                    wait = due - time.perf_counter()
                    if wait > 0:
                        time.sleep(wait)
                client.send(batches[number])
                mine.append(time.perf_counter() - due)
        except BaseException as failure:
            failures.append(failure)
        with lock:
            latencies.extend(mine)

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    if failures:
        raise failures[0]
    return Run(len(batches) * rows, seconds, latencies)
