"""DuckDB: its own tables, as the events come and sorted; also writes the Parquet file that the
engines without storage of their own read."""

import duckdb

import workload

LAYOUTS = {
    "plain": "CREATE TABLE usage AS SELECT * FROM read_csv(...)",
    "sorted": "CREATE TABLE usage AS SELECT * FROM read_csv(...) "
              "ORDER BY date_trunc('day', time), org, time",
}
PARQUET = ("COPY (SELECT * FROM usage) TO 'usage.parquet' (FORMAT parquet, COMPRESSION zstd, "
           "ROW_GROUP_SIZE 122880), from the sorted table")


def version():
    return duckdb.__version__


def path(store, layout):
    return store / f"{layout.replace(' ', '-')}.duckdb"


def parquet(store):
    return store.parent / "parquet" / "usage.parquet"


def open_database(file, threads, read_only=False):
    connection = duckdb.connect(str(file), read_only=read_only)
    connection.execute(f"SET threads = {threads}")
    return connection


def reader(events):
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in workload.PEER_COLUMNS.items())
    if events.suffix == ".csv":
        names = events.open().readline().strip().split(",")
        columns = ", ".join(f"'{name}': '{workload.PEER_COLUMNS[name]}'" for name in names)
        return f"read_csv('{events}', header = true, auto_detect = false, columns = {{{columns}}})"
    return f"read_json('{events}', columns = {{{columns}}}, format = 'newline_delimited')"


def take(events, store, threads):
    connection = open_database(store / "taken.duckdb", threads)
    connection.execute(f"CREATE TABLE usage AS SELECT * FROM {reader(events)}")
    connection.execute("CHECKPOINT")
    rows = connection.execute("SELECT count(*) FROM usage").fetchone()[0]
    connection.close()
    return rows


def load(events, store, threads):
    connection = open_database(path(store, "plain"), threads)
    connection.execute(f"CREATE TABLE usage AS SELECT * FROM {reader(events)}")
    connection.execute("CHECKPOINT")
    sorted_file, first = path(store, "sorted"), path(store, "plain")
    connection.close()
    connection = open_database(sorted_file, threads)
    connection.execute(f"ATTACH '{first}' AS first (READ_ONLY)")
    connection.execute("CREATE TABLE usage AS SELECT * FROM first.usage "
                       "ORDER BY date_trunc('day', time), org, time")
    connection.execute("CHECKPOINT")
    parquet(store).parent.mkdir(exist_ok=True)
    connection.execute(
        f"COPY (SELECT * FROM usage) TO '{parquet(store)}' "
        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)")
    connection.close()
    return {layout: path(store, layout).stat().st_size for layout in LAYOUTS}


def connect(store, layout, threads):
    connection = open_database(path(store, layout), threads, read_only=True)

    def ask(name):
        return connection.sql(workload.ALL[name]).to_arrow_table()

    return ask


def downgrade(store, layout, copy):
    """Copies a table into a file that an older command line can open."""
    connection = open_database(path(store, layout), 2)
    connection.execute(f"ATTACH '{copy}' AS older (STORAGE_VERSION 'v1.2.0')")
    connection.execute("CREATE TABLE older.usage AS SELECT * FROM usage")
    connection.execute("CHECKPOINT older")
    connection.close()
