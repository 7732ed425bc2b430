"""The ten questions of the reference workload: what people ask of ninety days of usage."""

QUERIES = {
    "org cost": "SELECT org, SUM(cost) AS c FROM usage GROUP BY org ORDER BY c DESC",
    "model by day of one org": (
        "SELECT date_trunc('day', time) AS d, model, SUM(cost) AS c, SUM(input_tokens) AS i, "
        "SUM(output_tokens) AS o FROM usage WHERE org = 'org-0003' GROUP BY d, model "
        "ORDER BY d, model"),
    "top users": (
        'SELECT "user", SUM(requests) AS r, SUM(input_tokens) AS i, SUM(output_tokens) AS o, '
        'SUM(cost) AS c FROM usage GROUP BY "user" ORDER BY c DESC, "user" LIMIT 20'),
    "latency percentiles": (
        "SELECT model, quantile_cont(latency_ms, 0.5) AS p50, quantile_cont(latency_ms, 0.95) "
        "AS p95, quantile_cont(latency_ms, 0.99) AS p99 FROM usage GROUP BY model ORDER BY model"),
    "distinct users": (
        'SELECT feature, COUNT(DISTINCT "user") AS c FROM usage GROUP BY feature '
        "ORDER BY feature"),
    "minute buckets": (
        "SELECT date_trunc('minute', time) AS m, COUNT(*) AS n, SUM(cost) AS c FROM usage WHERE "
        "time >= TIMESTAMP '2026-02-10 00:00:00' AND time < TIMESTAMP '2026-02-11 00:00:00' "
        "GROUP BY m ORDER BY m"),
    "filter scan": (
        "SELECT error_type, COUNT(*) AS n, SUM(input_tokens) AS i FROM usage WHERE "
        "success = false AND latency_ms > 3000 AND output_tokens < 100 GROUP BY error_type "
        "ORDER BY error_type"),
    "totals": (
        "SELECT COUNT(*) AS n, SUM(requests) AS r, SUM(input_tokens) AS i, "
        "SUM(output_tokens) AS o, SUM(cost) AS c FROM usage"),
    "five keys": (
        "SELECT date_trunc('day', time) AS d, org, model, feature, SUM(cost) AS c, "
        "SUM(input_tokens) AS i FROM usage GROUP BY d, org, model, feature "
        "ORDER BY c DESC, d, org, model, feature LIMIT 10"),
    "one week": (
        "SELECT org, feature, SUM(cost) AS c FROM usage WHERE time >= TIMESTAMP "
        "'2026-03-01 00:00:00' AND time < TIMESTAMP '2026-03-08 00:00:00' GROUP BY org, feature "
        "ORDER BY c DESC, org, feature LIMIT 10"),
}

# What a fresh process is asked: one day, one group.
ONE_DAY = (
    "SELECT model, COUNT(*) AS n, SUM(cost) AS c FROM usage WHERE time >= TIMESTAMP "
    "'2026-02-10 00:00:00' AND time < TIMESTAMP '2026-02-11 00:00:00' GROUP BY model "
    "ORDER BY model")

# All that is asked, the ten questions first.
ALL = QUERIES | {"one day": ONE_DAY, "count": "SELECT COUNT(*) AS n FROM usage"}

# The columns of the workload's events in the peer, with Tally's types.
PEER_COLUMNS = {
    "time": "TIMESTAMP", "org": "VARCHAR", "user": "VARCHAR", "provider": "VARCHAR",
    "model": "VARCHAR", "feature": "VARCHAR", "requests": "BIGINT", "input_tokens": "BIGINT",
    "output_tokens": "BIGINT", "cache_read_tokens": "BIGINT", "cache_write_tokens": "BIGINT",
    "latency_ms": "DECIMAL(18,3)", "ttft_ms": "DECIMAL(18,3)", "success": "BOOLEAN",
    "error_type": "VARCHAR", "cost": "DECIMAL(18,9)",
}
