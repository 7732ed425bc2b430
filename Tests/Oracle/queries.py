"""Random queries over the shared grammar.

Every query has a total order over its rows (all keys, or `event_id`), so rows can be compared one
by one. Integer arithmetic stays far from overflow: which rows are evaluated first is not part of
the language.
"""

import re

import grammar

PLACE = re.compile(r"<([a-z-]+|-?\d+\.\.-?\d+)>")
DEPTH_MAX = 3


def quote(text):
    return "'" + text.replace("'", "''") + "'"


class QueryMaker:
    """Draws queries from a generator; `names` are values that occur in the data."""

    def __init__(self, random, names):
        self.random = random
        self.names = names

    def expand(self, template, depth=0):
        return PLACE.sub(lambda match: self.draw(match.group(1), depth), template)

    def draw(self, kind, depth=0):
        if kind == "name":
            return quote(self.random.choice(self.names))
        if ".." in kind:
            low, high = kind.split("..")
            return str(self.random.randint(int(low), int(high)))
        if kind in grammar.FLAT:
            return self.expand(self.random.choice(grammar.FLAT[kind]), depth)
        is_leaf = depth >= DEPTH_MAX or self.random.random() < 0.5
        productions = (grammar.LEAVES if is_leaf else grammar.BRANCHES)[kind]
        return self.expand(self.random.choice(productions), depth + 1)

    def query(self):
        kind = self.random.random()
        if kind < 0.2:
            return self.totals()
        if kind < 0.8:
            return self.grouped()
        return self.rows() if kind < 0.95 else self.distinct()

    def items(self, kind, prefix, count):
        return [f"{self.draw(kind)} as {prefix}{index}" for index in range(count)]

    def totals(self):
        measures = self.items("measure", "m", self.random.randint(1, 4))
        return f"select {', '.join(measures)} from usage{self.draw('where')}"

    def grouped(self):
        keys = self.items("key", "k", self.random.choice([1, 1, 1, 2, 2, 3, 4]))
        items = keys + self.items("measure", "m", self.random.randint(1, 3))
        names = [f"k{index}" for index in range(len(keys))]
        positions = [str(index + 1) for index in range(len(keys))]
        order = [name + self.draw("direction") for name in names]
        if self.random.random() < 0.3:
            items.append("count(*) as n")
            order.insert(0, self.random.choice(["n", "n desc"]))
        having = f" having {self.draw('having')}" if self.random.random() < 0.2 else ""
        return (
            f"select {', '.join(items)} from usage{self.draw('where')}"
            f" group by {', '.join(self.random.choice([names, positions]))}{having}"
            f" order by {', '.join(order)}{self.draw('limit')}{self.draw('offset')}"
        )

    def rows(self):
        items = self.items("item", "c", self.random.randint(1, 5))
        return self.expand(
            f"select event_id, {', '.join(items)} from usage<where> order by <first-order>event_id"
            "<limit><offset>")

    def distinct(self):
        keys = self.items("key", "k", self.random.choice([1, 1, 2]))
        order = ", ".join(f"k{index}" for index in range(len(keys)))
        return self.expand(
            f"select distinct {', '.join(keys)} from usage<where> order by {order}<limit>")
