"""Whether two engines gave the same rows."""

import decimal
import re

EQUAL, ROUNDED = "equal", "rounded"
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|\+00:00)?")
INTERPOLATED = {"latency percentiles": decimal.Decimal("0.01")}


def compare(rows, expected, question):
    """EQUAL; ROUNDED if interpolated values differ by less than a hundredth (one engine cuts to
    three places, some compute with doubles, one rounds the weights); else a sentence about the
    first difference.
    """
    if len(rows) != len(expected):
        return f"{len(rows)} rows, expected {len(expected)}"
    result = EQUAL
    for number, (row, wanted) in enumerate(zip(rows, expected)):
        if len(row) != len(wanted):
            return f"row {number} has {len(row)} columns, expected {len(wanted)}"
        for value, other in zip(row, wanted):
            if plain(value) == plain(other):
                continue
            tolerance = INTERPOLATED.get(question)
            if not (tolerance and is_near(value, other, tolerance)):
                return f"row {number}: {row}, expected {wanted}"
            result = ROUNDED
    return result


def plain(value):
    """A value as something that compares by what it means."""
    if value is None or isinstance(value, bool):
        return value
    try:
        return decimal.Decimal(value).normalize()
    except decimal.InvalidOperation:
        found = TIME.fullmatch(value)
        return f"{found[1]} {found[2]}.{(found[3] or '').rstrip('0')}" if found else value


def is_near(value, other, tolerance):
    left, right = plain(value), plain(other)
    return (isinstance(left, decimal.Decimal) and isinstance(right, decimal.Decimal)
            and abs(left - right) <= tolerance)
