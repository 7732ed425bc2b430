"""Programs run, timed, weighed and bounded.

`Measured` runs one program and knows its output, seconds and peak resident memory. Run as a
program, this file is the small process in between: a process inherits the peak of the one that
started it, so what starts the program must be small itself (about 9 MiB here, the smallest figure
that can be reported).

    measured.py REPORT SECONDS PROGRAM ARGUMENT...
"""

import os
import signal
import sys
import time

HERE = os.path.abspath(__file__)


class Failed(Exception):
    """A program that ended with an error, or was ended because its time was up."""


class Measured:
    def __init__(self, arguments, limit=600, text=None, environment=None):
        import json
        import subprocess
        import tempfile

        arguments = [str(argument) for argument in arguments]
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
            report = os.path.join(folder, "report")
            done = subprocess.run(
                [sys.executable, "-I", "-S", HERE, report, str(limit), *arguments],
                input=(text or "").encode(), stdout=subprocess.PIPE, stderr=errors,
                env=environment)
            errors.seek(0)
            self.output = done.stdout.decode()
            self.errors = errors.read().decode()
            if not os.path.exists(report):
                raise Failed(f"{arguments[0]}: {self.errors[-500:]}")
            with open(report) as file:
                found = json.load(file)
        self.seconds = found["seconds"]
        self.peak_mib = found["peak_kib"] / 1024
        if found["is_late"]:
            raise Failed(f"not finished after {limit:.0f} s")
        if found["code"] != 0:
            last = [line for line in self.errors.splitlines() if line.strip()][-1:]
            raise Failed(f"exit code {found['code']}: {' '.join(last)[:300]}")


def main():
    report, limit, *command = sys.argv[1:]
    is_late = []
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)

    def end(*_):
        is_late.append(True)
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, float(limit))
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    signal.setitimer(signal.ITIMER_REAL, 0)
    peak = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    with open(report, "w") as file:
        file.write(
            f'{{"seconds": {seconds}, "peak_kib": {peak}, '
            f'"code": {os.waitstatus_to_exitcode(status)}, '
            f'"is_late": {"true" if is_late else "false"}}}')


if __name__ == "__main__":
    main()
