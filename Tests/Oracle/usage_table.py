"""The `usage` table in DuckDB, with the types Tally gives its columns."""

SYMBOLS = (
    "org team project user end_user api_key provider model requested_model feature operation "
    "endpoint environment region service_tier plan agent error_type finish_reason cost_source "
    "source"
).split()
TEXTS = "event_id session metadata".split()
BOOLS = "success cached batch stream".split()
INTEGERS = (
    "requests input_tokens cache_read_tokens cache_write_tokens cache_write_1h_tokens "
    "output_tokens reasoning_tokens audio_input_tokens audio_output_tokens units http_status "
    "request_bytes response_bytes"
).split()

# Name -> type in DuckDB, in the order of the standard schema.
STANDARD_COLUMNS = (
    {"time": "TIMESTAMP", "ingested_at": "TIMESTAMP"}
    | {name: "VARCHAR" for name in SYMBOLS + TEXTS}
    | {name: "BOOLEAN" for name in BOOLS}
    | {name: "BIGINT" for name in INTEGERS}
    | {name: "DECIMAL(18,3)" for name in ("latency_ms", "ttft_ms", "quality")}
    | {name: "DECIMAL(18,9)" for name in ("cost", "cost_reported")}
    | {"price_id": "BIGINT"}
)

# What a column of an event is when the event does not name it.
DEFAULTS = {"requests": "1"}


def connect():
    """A connection whose settings give what both engines define alike: division by zero is NULL,
    and times have no zone but UTC."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET error_on_division_by_zero = false")
    connection.execute("SET ieee_floating_point_ops = false")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET threads = 2")
    return connection


def create(connection, extra=None):
    """Creates an empty `usage`; `extra` maps further column names to DuckDB types."""
    columns = STANDARD_COLUMNS | (extra or {})
    listed = ", ".join(
        f'"{name}" {kind}' + (f" DEFAULT {DEFAULTS[name]}" if name in DEFAULTS else "")
        for name, kind in columns.items()
    )
    connection.execute(f"CREATE OR REPLACE TABLE usage ({listed})")
