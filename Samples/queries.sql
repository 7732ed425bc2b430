-- Questions to the sample events: tally import Samples/events.jsonl, then
-- tally query -f Samples/queries.sql

-- What is there?
SELECT count(*) AS calls, min(time) AS first, max(time) AS last, sum(cost) AS cost FROM usage;

-- Who spends the most?
SELECT org, sum(cost) AS cost FROM usage GROUP BY org ORDER BY cost DESC LIMIT 5;

-- Cost by day and provider.
SELECT date_trunc('day', time) AS day, provider, sum(cost) AS cost
FROM usage GROUP BY day, provider ORDER BY day, provider;

-- How fast are the models?
SELECT model, quantile_cont(latency_ms, 0.5) AS p50, quantile_cont(latency_ms, 0.95) AS p95
FROM usage GROUP BY model ORDER BY model;

-- What fails, and how often?
SELECT error_type, count(*) AS calls FROM usage
WHERE success = false GROUP BY error_type ORDER BY calls DESC, error_type;

-- Users of each feature.
SELECT feature, count(DISTINCT "user") AS users FROM usage GROUP BY feature ORDER BY feature;

-- A tag that came with the events.
SELECT squad, count(*) AS calls, sum(cost) AS cost FROM usage
WHERE squad IS NOT NULL GROUP BY squad ORDER BY cost DESC;
