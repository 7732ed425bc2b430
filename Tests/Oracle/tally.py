"""Driving the `tally` binary: one process for many queries, rows as JSON lines."""

import json
import os
import re
import subprocess


class Number(str):
    """A JSON number with a point or exponent, as written."""


class Failure:
    """What Tally printed instead of rows."""

    def __init__(self, text, code):
        self.text = text
        self.code = code

    @property
    def is_crash(self):
        """Ended by a signal, or by an exit code that no contract names."""
        return self.code not in (0, 1, 2, 3, 4)


class Tally:
    def __init__(self, binary, store):
        self.binary = str(binary)
        self.store = str(store)

    def run(self, *arguments, text=None):
        environment = dict(os.environ, TALLY_DB=self.store)
        return subprocess.run(
            [self.binary, *arguments], input=text, capture_output=True, text=True,
            encoding="utf-8", env=environment)

    def load(self, path, *options):
        """Imports a file; returns the closing counts, for instance {"imported": 3}."""
        done = self.run("import", *options, str(path))
        counts = dict(re.findall(r"(\w+)=(\d+)", done.stdout.strip().split("\n")[-1]))
        if done.returncode != 0 or not counts:
            raise RuntimeError(f"import failed ({done.returncode}): {done.stderr[-2000:]}")
        return {name: int(count) for name, count in counts.items()}, done.stderr

    def ask(self, query, *options):
        """The rows of one query, as dictionaries. Raises on failure."""
        answer = self.answers([query], options)[0]
        if isinstance(answer, Failure):
            raise RuntimeError(f"{answer.text}\n{query}")
        return answer

    def answers(self, queries, options=()):
        """One list of rows, or a Failure, a query. A failing query ends its process: the rest is
        asked again in a new one."""
        results = []
        while len(results) < len(queries):
            results += self._batch(queries, len(results), options)
        return results

    def _batch(self, queries, start, options):
        parts = []
        for index in range(start, len(queries)):
            parts.append(f"select 'query {index}' as __mark from usage limit 1;")
            parts.append(queries[index] + ";")
        done = self.run("query", "--format", "jsonl", *options, text="\n".join(parts))
        results = []
        for line in done.stdout.split("\n"):
            if not line:
                continue
            row = json.loads(line, parse_float=Number)
            if "__mark" in row:
                results.append([])
            elif results:
                results[-1].append(row)
        if done.returncode != 0 or not results:
            failure = Failure(done.stderr.strip()[-2000:], done.returncode)
            results[-1:] = [failure]
        return results
