"""The peers: one file an engine, all with the same four functions.

`version()`; `load(events, store, threads)` makes the tables that are asked, from CSV;
`take(events, store, threads)` loads a file as it comes, which is what import rates are about;
`connect(store, layout, threads)` yields a function from a question's name to an Arrow table.
`LAYOUTS` says how the events are kept, for the report. Stores are folders.
"""

import importlib

NAMES = ["duckdb", "clickhouse", "polars", "datafusion"]
TITLES = {
    "duckdb": "DuckDB", "clickhouse": "ClickHouse", "polars": "Polars", "datafusion": "DataFusion",
}


def engine(name):
    return importlib.import_module(f"engines.{name}_engine")
