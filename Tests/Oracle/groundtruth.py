#!/usr/bin/env python3
"""Published usage data, imported with the `tally` binary, against figures counted independently.

    groundtruth.py --tally PATH [--data DIR]

DIR (default $TALLY_DATA) holds the files named below; what is absent is SKIPPED, by name. The
figures were computed from the same files by another engine. Exit code 1 if anything differs.
"""

import argparse
import os
import pathlib
import sys
import tempfile

from tally import Tally

ORIGIN = ("--time-origin", "2026-01-01T00:00:00Z")
TOKENS = ("count(*) as n, sum(input_tokens) as i, sum(output_tokens) as o, "
          "min(input_tokens) as i0, max(input_tokens) as i1, min(output_tokens) as o0, "
          "max(output_tokens) as o1")


def quantiles(column):
    listed = [f"quantile_{kind}({column}, 0.{digits}) as {kind}{digits}"
              for kind in ("disc", "cont") for digits in ("5", "95", "99")]
    return f"select {', '.join(listed)} from usage"


# File, import options, then (query, expected rows) pairs. Numbers with a point are compared as
# doubles.
CASES = [
    (
        "azure2023_code.csv.gz",
        ("--map", "TIMESTAMP=time", "--map", "ContextTokens=input_tokens", "--map",
         "GeneratedTokens=output_tokens"),
        8819,
        [
            (f"select {TOKENS} from usage", [(8819, 18059974, 245896, 3, 7437, 6, 1899)]),
            ("select min(time) as a, max(time) as b from usage",
             [("2023-11-16T18:17:03.97996Z", "2023-11-16T19:14:19.928016Z")]),
            (quantiles("output_tokens"), [(13, 90, 252, 13.0, 90.0, 251.46)]),
            (quantiles("input_tokens"), [(1469, 7315, 7436, 1469.0, 7303.3, 7436.0)]),
            ("select date_trunc('minute', time) as m, count(*) as n, sum(input_tokens) as i, "
             "sum(output_tokens) as o from usage group by m order by m limit 3",
             [("2023-11-16T18:17:00Z", 63, 147578, 1478),
              ("2023-11-16T18:20:00Z", 531, 1121290, 14293),
              ("2023-11-16T18:21:00Z", 166, 375184, 5005)]),
            ("select count(distinct date_trunc('minute', time)) as m from usage", [(45,)]),
        ],
    ),
    (
        "azure2023_conv.csv.gz",
        ("--map", "TIMESTAMP=time", "--map", "ContextTokens=input_tokens", "--map",
         "GeneratedTokens=output_tokens"),
        19366,
        [
            (f"select {TOKENS} from usage", [(19366, 22361870, 4088665, 2, 14050, 7, 1000)]),
            ("select min(time) as a, max(time) as b from usage",
             [("2023-11-16T18:15:46.68059Z", "2023-11-16T19:14:08.402527Z")]),
            (quantiles("output_tokens"), [(129, 451, 601, 129.0, 451.0, 601.0)]),
            (quantiles("input_tokens"), [(1020, 4083, 4142, 1020.0, 4083.0, 4142.0)]),
            ("select date_trunc('minute', time) as m, count(*) as n, sum(input_tokens) as i, "
             "sum(output_tokens) as o from usage group by m order by m limit 3",
             [("2023-11-16T18:15:00Z", 21, 11737, 1826),
              ("2023-11-16T18:16:00Z", 236, 220337, 61283),
              ("2023-11-16T18:17:00Z", 265, 249242, 76118)]),
            ("select count(distinct date_trunc('minute', time)) as m from usage", [(60,)]),
        ],
    ),
    (
        "derived_mooncake_conversation.csv.gz",
        ("--map", "timestamp_ms=time", "--time-unit", "ms", *ORIGIN),
        12031,
        [
            (f"select {TOKENS} from usage",
             [(12031, 144793823, 4122048, 891, 126195, 1, 2000)]),
            ("select count(distinct time) as d, min(time) as a, max(time) as b from usage",
             [(1180, "2026-01-01T00:00:00Z", "2026-01-01T00:58:56.999Z")]),
            (quantiles("output_tokens"), [(350, 698, 1120, 350.0, 698.0, 1118.5)]),
            (quantiles("input_tokens"), [(6909, 39552, 85401, 6909.0, 39550.5, 85400.4)]),
            ("select sum(blocks) as b, sum(cached_blocks) as c, "
             "count(*) filter (where cached_blocks > 0) as n from usage",
             [(288500, 105710, 12030)]),
            ("select time_bucket(interval '10 minutes', time) as m, count(*) as n, "
             "sum(input_tokens) as i, sum(output_tokens) as o from usage group by m order by m",
             [("2026-01-01T00:00:00Z", 1750, 24486514, 619615),
              ("2026-01-01T00:10:00Z", 1908, 24542096, 655196),
              ("2026-01-01T00:20:00Z", 2061, 24575584, 702393),
              ("2026-01-01T00:30:00Z", 2132, 23967726, 747699),
              ("2026-01-01T00:40:00Z", 2192, 24192845, 735782),
              ("2026-01-01T00:50:00Z", 1988, 23029058, 661363)]),
        ],
    ),
    (
        "derived_ragpulse.csv.gz",
        ("--map", "timestamp_s=time", "--map", "session_id=session", "--time-unit", "s", *ORIGIN),
        7106,
        [
            (f"select {TOKENS} from usage", [(7106, 20917099, 2012676, 1052, 7712, 7, 2183)]),
            ("select count(distinct session) as s, min(time) as a, max(time) as b from usage",
             [(3990, "2026-01-01T00:00:00Z", "2026-01-07T23:56:43Z")]),
            (quantiles("output_tokens"), [(234, 670, 891, 234.0, 670.0, 891.0)]),
            (quantiles("input_tokens"), [(3139, 4425, 5439, 3139.5, 4425.0, 5438.3)]),
            ("select session, count(*) as n from usage group by session order by n desc limit 1",
             [(None, 25)]),
            ("select date_trunc('day', time) as d, count(*) as n, sum(input_tokens) as i, "
             "sum(output_tokens) as o, count(distinct session) as s from usage "
             "group by d order by d",
             [("2026-01-01T00:00:00Z", 1552, 4519244, 414564, 854),
              ("2026-01-02T00:00:00Z", 1072, 3145744, 299757, 607),
              ("2026-01-03T00:00:00Z", 985, 2877556, 266623, 556),
              ("2026-01-04T00:00:00Z", 745, 2185666, 207902, 441),
              ("2026-01-05T00:00:00Z", 813, 2447345, 242528, 470),
              ("2026-01-06T00:00:00Z", 937, 2845527, 278008, 536),
              ("2026-01-07T00:00:00Z", 1002, 2896017, 303294, 565)]),
        ],
    ),
    (
        "derived_servegen_deepseek_r1.csv.gz",
        ("--map", "ts_ms=time", "--map", "client=user", "--time-unit", "ms", *ORIGIN),
        1384999,
        [
            (f"select {TOKENS} from usage",
             [(1384999, 1758209747, 2114657307, 4, 57284, 9, 32768)]),
            ("select min(time) as a, max(time) as b, count(distinct user) as u from usage",
             [("2026-01-01T00:00:00.132Z", "2026-01-01T23:59:59.916Z", 73)]),
            (quantiles("output_tokens"), [(792, 5698, 12604, 792.0, 5698.0, 12604.0)]),
            (quantiles("input_tokens"), [(208, 6730, 23437, 208.0, 6730.0, 23437.0)]),
            ("select time_bucket(interval '6 hours', time) as w, count(*) as n, "
             "sum(input_tokens) as i, sum(output_tokens) as o, count(distinct user) as u "
             "from usage group by w order by w",
             [("2026-01-01T00:00:00Z", 483995, 510650794, 655165576, 29),
              ("2026-01-01T06:00:00Z", 244030, 373691838, 794736337, 39),
              ("2026-01-01T12:00:00Z", 220095, 420817802, 282109353, 44),
              ("2026-01-01T18:00:00Z", 436879, 453049313, 382646041, 44)]),
            ("select user, count(*) as n, sum(input_tokens) as i, sum(output_tokens) as o "
             "from usage group by user order by o desc limit 5",
             [("35", 395626, 44377624, 1030212045), ("66", 41230, 3114733, 348866012),
              ("3", 92449, 12043737, 91681563), ("13", 68086, 8906519, 68770240),
              ("48", 108696, 36517248, 61913783)]),
        ],
    ),
    (
        "derived_apache_access.jsonl.gz",
        ("--map", "status=http_status", "--map", "bytes=response_bytes"),
        9999,
        [
            ("select count(*) as n, sum(response_bytes) as b, "
             "count(*) - count(response_bytes) as z, count(distinct remote_addr) as a from usage",
             [(9999, 2747282505, 669, 1753)]),
            ("select min(time) as a, max(time) as b from usage",
             [("2015-05-17T10:05:00Z", "2015-05-20T21:05:59Z")]),
            ("select http_status, count(*) as n from usage group by http_status "
             "order by http_status",
             [(200, 9125), (206, 45), (301, 164), (304, 445), (403, 2), (404, 213), (416, 2),
              (500, 3)]),
            ("select date_trunc('day', time) as d, count(*) as n, sum(response_bytes) as b "
             "from usage group by d order by d",
             [("2015-05-17T00:00:00Z", 1632, 414259902), ("2015-05-18T00:00:00Z", 2893, 788636158),
              ("2015-05-19T00:00:00Z", 2896, 665827339),
              ("2015-05-20T00:00:00Z", 2578, 878559106)]),
            ("select method, count(*) as n from usage group by method order by method",
             [("GET", 9951), ("HEAD", 42), ("OPTIONS", 1), ("POST", 5)]),
        ],
    ),
]


def same(mine, wanted):
    """None stands for any value."""
    if wanted is None:
        return True
    if isinstance(wanted, float):
        return mine is not None and abs(float(mine) - wanted) <= 0.05 + 1e-9
    return mine == wanted and type(mine) is type(wanted)


def check(tally, queries):
    """Problems, as text."""
    problems = []
    for query, wanted in queries:
        try:
            rows = [tuple(row.values()) for row in tally.ask(query)]
        except RuntimeError as error:
            problems.append(str(error))
            continue
        is_same = len(rows) == len(wanted) and all(
            len(row) == len(expected) and all(map(same, row, expected))
            for row, expected in zip(rows, wanted))
        if not is_same:
            problems.append(f"{query}\n  got      {rows}\n  expected {wanted}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tally", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("TALLY_DATA"))
    options = parser.parse_args()
    if not options.data or not pathlib.Path(options.data).is_dir():
        print("SKIPPED: the ground truth test, since TALLY_DATA names no folder of real data")
        return 0
    failures = 0
    for name, import_options, count, queries in CASES:
        path = pathlib.Path(options.data) / name
        if not path.exists():
            print(f"SKIPPED: {name} is not in {options.data}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            tally = Tally(options.tally.resolve(), pathlib.Path(folder) / "store")
            try:
                counts, remarks = tally.load(path, *import_options)
            except RuntimeError as error:
                counts, remarks = {}, str(error)
            problems = check(tally, queries) if counts else []
            if counts.get("imported") != count or counts.get("rejected") != 0:
                problems.insert(0, f"imported {counts}, expected {count}: {remarks[-500:]}")
        print(f"ground truth: {name}: {len(queries)} queries,"
              f" {'equal' if not problems else f'{len(problems)} DIFFERENT'}")
        for problem in problems:
            print("  " + problem)
        failures += len(problems)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
