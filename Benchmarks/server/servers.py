"""Servers that are compared: each started with a directory and ports of its own on loopback, and
stopped by its process id."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that listens. Used as a context: it has ended when that has."""

    name = ""
    program = ""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.process = None
        self.keeps_folder = False

    @classmethod
    def is_installed(cls):
        return shutil.which(cls.program) is not None

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def __enter__(self):
        if not self.keeps_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder, exist_ok=True)
        log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)
        deadline = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise SystemExit(f"{self.name} does not start: see {self.folder}/log")
            time.sleep(0.05)
        return self

    def _answers(self):
        try:
            return self.is_ready()
        except OSError:
            return False

    def __exit__(self, *_):
        if self.process is None:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None

    def memory_kib(self):
        """Resident memory now, and the most there was."""
        found = {}
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in ("VmRSS", "VmHWM"):
                    found[name] = int(value.split()[0])
        return found["VmRSS"], found["VmHWM"]

    def connect(self):
        found = socket.create_connection(("127.0.0.1", self.port))
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class Tally(Server):
    """The line protocol, and HTTP on a second port."""

    name = "Tally"

    def __init__(self, folder, program, options=()):
        super().__init__(folder)
        self.program = program
        self.options = list(options)
        self.http_port = free_port()
        self.store = os.path.join(self.folder, "store")

    @classmethod
    def is_installed(cls):
        return True

    def command(self):
        return [self.program, "serve", "--db", self.store,
                "--listen", f"127.0.0.1:{self.port}", "--http", f"127.0.0.1:{self.http_port}",
                "--log-level", "warning", *self.options]

    def is_ready(self):
        with self.connect() as connection:
            connection.sendall(b"PING\n")
            answer = connection.recv(64)
        with self.http().connect():  # which listens last
            return answer.startswith(b"+PING")

    def http(self):
        """The same server, as those who connect to its other port see it."""
        return HttpDoor(self.http_port)


class HttpDoor:
    def __init__(self, port):
        self.port = port

    connect = Server.connect


class InfluxDB(Server):
    """InfluxDB 1 as it comes: each write is synced before it is answered."""

    name = "InfluxDB"
    program = "influxd"

    def command(self):
        path = os.path.join(self.folder, "influxdb.conf")
        with open(path, "w") as file:
            file.write(f"""reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
  dir = "{self.folder}/meta"
[data]
  dir = "{self.folder}/data"
  wal-dir = "{self.folder}/wal"
  query-log-enabled = false
  max-series-per-database = 0
  max-values-per-tag = 0
[http]
  bind-address = "127.0.0.1:{self.port}"
  log-enabled = false
  max-body-size = 0
[monitor]
  store-enabled = false
[logging]
  level = "error"
""")
        return [self.program, "-config", path]

    def is_ready(self):
        if self.get("/ping")[0] != 204:
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/query?q=CREATE+DATABASE+usage")
        status = connection.getresponse().status
        connection.close()
        return status == 200

    path = "/write?db=usage&precision=ns"


class VictoriaMetrics(Server):
    """VictoriaMetrics as it comes: a write is answered when it is in memory."""

    name = "VictoriaMetrics"
    program = "victoria-metrics"

    def command(self):
        return [self.program, f"-storageDataPath={self.folder}/data",
                f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=100y",
                "-loggerLevel=ERROR", "-search.latencyOffset=0s"]

    def is_ready(self):
        return self.get("/health")[0] == 200

    path = "/write?precision=ns"


class Redis(Server):
    name = "Redis"
    program = "redis-server"

    def command(self):
        return [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", self.folder]

    def is_ready(self):
        with self.connect() as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")


class PostgreSQL(Server):
    """PostgreSQL with trust on loopback, run by the user `postgres` where we are root."""

    name = "PostgreSQL"

    @classmethod
    def is_installed(cls):
        return cls._directory() is not None

    @staticmethod
    def _directory():
        base = "/usr/lib/postgresql"
        versions = sorted(os.listdir(base), key=int) if os.path.isdir(base) else []
        return os.path.join(base, versions[-1], "bin") if versions else None

    def _as_user(self, command):
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command] \
            if os.geteuid() == 0 else command

    def command(self):
        data = os.path.join(self.folder, "data")
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        subprocess.run(
            self._as_user([os.path.join(self._directory(), "initdb"), "-D", data, "-U", "bench",
                           "-A", "trust", "-E", "UTF8", "--no-sync"]),
            check=True, stdout=subprocess.DEVNULL)
        return self._as_user(
            [os.path.join(self._directory(), "postgres"), "-D", data, "-p", str(self.port),
             "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
             "-c", "max_connections=200"])

    def is_ready(self):
        return subprocess.run(
            [os.path.join(self._directory(), "pg_isready"), "-h", "127.0.0.1", "-p",
             str(self.port), "-q"]).returncode == 0
