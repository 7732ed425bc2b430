"""ClickHouse, in process by chdb: MergeTree, merged to one part a partition before it is asked."""

import chdb.session

import workload

COLUMNS = {
    "time": ("DateTime64(3, 'UTC')", "Delta, ZSTD(3)"),
    "org": ("LowCardinality(String)", "ZSTD(3)"),
    "user": ("LowCardinality(String)", "ZSTD(3)"),
    "provider": ("LowCardinality(String)", "ZSTD(3)"),
    "model": ("LowCardinality(String)", "ZSTD(3)"),
    "feature": ("LowCardinality(String)", "ZSTD(3)"),
    "requests": ("Int64", "T64, ZSTD(3)"),
    "input_tokens": ("Int64", "T64, ZSTD(3)"),
    "output_tokens": ("Int64", "T64, ZSTD(3)"),
    "cache_read_tokens": ("Int64", "T64, ZSTD(3)"),
    "cache_write_tokens": ("Int64", "T64, ZSTD(3)"),
    "latency_ms": ("Decimal(18, 3)", "T64, ZSTD(3)"),
    "ttft_ms": ("Decimal(18, 3)", "T64, ZSTD(3)"),
    "success": ("Bool", "ZSTD(3)"),
    "error_type": ("LowCardinality(Nullable(String))", "ZSTD(3)"),
    "cost": ("Decimal(18, 9)", "T64, ZSTD(3)"),
}
ORDERS = {"by day": "org, model, feature, time", "tuned": "org, time"}
LAYOUTS = {
    "by day": "MergeTree PARTITION BY toDate(time) ORDER BY (org, model, feature, time), "
              "LowCardinality names, default codec; OPTIMIZE TABLE ... FINAL",
    "tuned": "the same, PARTITION BY toYYYYMM(time) ORDER BY (org, time), codecs Delta, T64 and "
             "ZSTD(3)",
}
TABLES = {"by day": "usage_by_day", "tuned": "usage_tuned"}
PARTITIONS = {"by day": "toDate(time)", "tuned": "toYYYYMM(time)"}


def version():
    session = chdb.session.Session()
    return f"{session.query('SELECT version()', 'TSV').bytes().decode().strip()} (chdb)"


def create(table, layout, has_codecs):
    columns = ", ".join(
        f'"{name}" {kind}' + (f" CODEC({codec})" if has_codecs else "")
        for name, (kind, codec) in COLUMNS.items())
    return (f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree "
            f"PARTITION BY {PARTITIONS[layout]} ORDER BY ({ORDERS[layout]})")


def reader(events):
    structure = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    form = "CSVWithNames" if events.suffix == ".csv" else "JSONEachRow"
    if form == "CSVWithNames":
        names = events.open().readline().strip().split(",")
        structure = ", ".join(f"{name} {COLUMNS[name][0]}" for name in names)
    structure = structure.replace("'", "\\'")
    return f"SELECT {', '.join(COLUMNS)} FROM file('{events}', {form}, '{structure}')"


def settings(threads):
    return (f"SETTINGS max_threads = {threads}, max_insert_threads = {threads}, "
            "max_partitions_per_insert_block = 1000, date_time_input_format = 'best_effort'")


def take(events, store, threads):
    session = chdb.session.Session(str(store / "taken"))
    session.query("CREATE DATABASE IF NOT EXISTS tally")
    session.query("USE tally")
    session.query(create("usage", "by day", False))
    session.query(f"INSERT INTO usage {reader(events)} {settings(threads)}")
    rows = int(session.query("SELECT count() FROM usage", "TSV").bytes())
    session.close()
    return rows


def load(events, store, threads):
    session = chdb.session.Session(str(store / "kept"))
    session.query("CREATE DATABASE IF NOT EXISTS tally")
    session.query("USE tally")
    sizes = {}
    source = reader(events)
    for layout, table in TABLES.items():
        session.query(create(table, layout, layout == "tuned"))
        session.query(f"INSERT INTO {table} {source} {settings(threads)}")
        session.query(f"OPTIMIZE TABLE {table} FINAL")
        sizes[layout] = int(session.query(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'tally' "
            f"AND table = '{table}'", "TSV").bytes())
        source = f"SELECT * FROM {table}"
    session.close()
    return sizes


def questions():
    """The ten questions with what ClickHouse calls things: exact quantiles, three in one pass,
    interpolated as `quantile_cont` does."""
    found = dict(workload.ALL)
    found["latency percentiles"] = (
        "SELECT model, q[1] AS p50, q[2] AS p95, q[3] AS p99 FROM (SELECT model, "
        "quantilesExactInclusive(0.5, 0.95, 0.99)(toFloat64(latency_ms)) AS q FROM usage "
        "GROUP BY model) ORDER BY model")
    return found


def connect(store, layout, threads):
    session = chdb.session.Session(str(store / "kept"))
    session.query("USE tally")
    texts = {
        name: text.replace("FROM usage", f"FROM {TABLES[layout]}")
        + f" SETTINGS max_threads = {threads}"
        for name, text in questions().items()
    }

    def ask(name):
        return session.query(texts[name], "ArrowTable")

    return ask
