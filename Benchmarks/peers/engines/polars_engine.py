"""Polars on the Parquet file, by lazy frames and the streaming engine."""

import datetime
import os

import polars
from polars import col

LAYOUTS = {
    "Parquet": "scan_parquet of one file (zstd, sorted by day, org and time), lazy, "
               "collect(engine='streaming')",
}


def version():
    return polars.__version__


def environment(threads):
    return {"POLARS_MAX_THREADS": str(threads)}


def between(first, last):
    def midnight(text):
        return datetime.datetime.fromisoformat(text)

    return (col("time") >= midnight(first)) & (col("time") < midnight(last))


def top(frame, names, count):
    return frame.sort(names, descending=[name == "c" for name in names]).head(count)


def questions(usage):
    day = col("time").dt.truncate("1d").alias("d")
    minute = col("time").dt.truncate("1m").alias("m")
    count = polars.len().alias("n")
    cost, tokens = col("cost").sum().alias("c"), col("input_tokens").sum().alias("i")
    requests, output = col("requests").sum().alias("r"), col("output_tokens").sum().alias("o")
    quantiles = [
        col("latency_ms").cast(polars.Float64).quantile(share, "linear").alias(name)
        for name, share in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
    ]
    one_day = between("2026-02-10", "2026-02-11")
    return {
        "org cost": usage.group_by("org").agg(cost).sort("c", descending=True),
        "model by day of one org": usage.filter(col("org") == "org-0003")
        .group_by(day, "model").agg(cost, tokens, output).sort("d", "model"),
        "top users": top(usage.group_by("user").agg(requests, tokens, output, cost),
                         ["c", "user"], 20),
        "latency percentiles": usage.group_by("model").agg(quantiles).sort("model"),
        "distinct users": usage.group_by("feature").agg(col("user").n_unique().alias("c"))
        .sort("feature"),
        "minute buckets": usage.filter(one_day).group_by(minute).agg(count, cost).sort("m"),
        "filter scan": usage.filter(
            ~col("success") & (col("latency_ms") > 3000) & (col("output_tokens") < 100))
        .group_by("error_type").agg(count, tokens).sort("error_type", nulls_last=True),
        "totals": usage.select(count, requests, tokens, output, cost),
        "five keys": top(usage.group_by(day, "org", "model", "feature").agg(cost, tokens),
                         ["c", "d", "org", "model", "feature"], 10),
        "one week": top(usage.filter(between("2026-03-01", "2026-03-08"))
                        .group_by("org", "feature").agg(cost), ["c", "org", "feature"], 10),
        "one day": usage.filter(one_day).group_by("model").agg(count, cost).sort("model"),
        "count": usage.select(count),
    }


def connect(store, layout, threads):
    assert int(os.environ.get("POLARS_MAX_THREADS", 0)) == threads
    asked = questions(polars.scan_parquet(store / "usage.parquet"))

    def ask(name):
        return asked[name].collect(engine="streaming").to_arrow()

    return ask
