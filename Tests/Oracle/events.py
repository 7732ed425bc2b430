"""Made-up events with every awkwardness that real ones have, for the differential test.

Everything is drawn from one seeded generator. Values are kept as text where exactness matters, so
that both engines are given the same digits.
"""

import datetime
import json

# Columns that no standard schema has: they come with the events.
OPEN_COLUMNS = {"tag": "VARCHAR", "score": "DOUBLE", "retries": "BIGINT", "beta": "BOOLEAN",
                "balance": "BIGINT"}

NAMES = {
    "org": ["acme", "beta", "gamma", "delta", "O'Brien & Co", "日本", "a,b", "", "100%", "x_y"],
    "team": ["red", "Red", "RED", "blue", "green", "équipe", "line\nbreak", "tab\tstop", ""],
    "model": ["gpt-4o", "gpt-4o-mini", "claude-sonnet", "claude-opus", "gemini-pro", "o3", "o1"],
    "region": ["eu", "us", "ap", "EU"],
    "feature": ["chat", "rag", "agent", "tools", "embeddings", '"quoted"', "back\\slash"],
    "error_type": ["rate_limit", "timeout", "context_length", "server_error"],
    "tag": ["gold", "silver", "bronze", "Straße", "ÀÉÎ", "😀 smile", "null", "NULL"],
}
USERS = [f"user-{number:03d}" for number in range(300)]
USERS += ["zoë", "Zoë", "花子", "%", "_", "a%b"]
PROVIDERS = {"gpt": "openai", "o3": "openai", "o1": "openai", "cla": "anthropic", "gem": "google"}
JSON_TEXTS = ['{"k":"v","n":1}', '{"k":"w"}', '{"n":2.5,"b":true}', "{}", '{"k":null}', '{"k":""}']
LARGEST = 9_223_372_036_854_775_807

FIRST_DAY = 20_454  # 2026-01-01 in days since 1970
DAY_COUNT = 40


class Event(dict):
    """Column -> value; decimals are strings, absent means NULL."""


def pick(random, items):
    """The first items are drawn far more often, as names are in life."""
    return items[int(len(items) * random.random() ** 2)]


def time_of(random, heavy_day):
    """Half of the events fall on one day; whole seconds, milliseconds and microseconds mix."""
    day = heavy_day if random.random() < 0.5 else random.randrange(DAY_COUNT)
    kind = random.random()
    if kind < 0.1:
        within = random.choice([0, 1, 86_399_999_999, 43_200_000_000])
    elif kind < 0.5:
        within = random.randrange(86_400) * 1_000_000
    elif kind < 0.9:
        within = random.randrange(86_400_000) * 1_000
    else:
        within = random.randrange(86_400_000_000)
    return (FIRST_DAY + day) * 86_400_000_000 + within


def time_text(microseconds, separator, zone):
    day, within = divmod(microseconds, 86_400_000_000)
    seconds, fraction = divmod(within, 1_000_000)
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    tail = f".{fraction:06d}" if fraction else ""
    return f"{date}{separator}{clock}{tail}{zone}"


def decimal_text(random, scale, largest):
    """A decimal of `scale` digits: zero, small, tied, or anywhere up to `largest`."""
    kind = random.random()
    if kind < 0.1:
        unscaled = 0
    elif kind < 0.4:
        unscaled = random.choice([1, 5, 10, 125, 1000, 2500]) * 10 ** (scale - 1)
    else:
        unscaled = random.randrange(largest * 10**scale)
    if random.random() < 0.02:
        unscaled = -unscaled
    whole, part = divmod(abs(unscaled), 10**scale)
    return f"{'-' if unscaled < 0 else ''}{whole}.{part:0{scale}d}"


def event(random, number, heavy_day):
    made = Event()
    made["time"] = time_of(random, heavy_day)
    made["event_id"] = f"e{number:07d}"
    for name, items in NAMES.items():
        if random.random() > 0.1:
            made[name] = pick(random, items)
    if random.random() > 0.05:
        made["user"] = pick(random, USERS)
    if "model" in made:
        made["provider"] = PROVIDERS[made["model"][:3] if made["model"][0] != "o" else
                                     made["model"]]
    if random.random() > 0.3:
        made["session"] = f"s-{random.randrange(number // 3 + 1)}"
    if random.random() < 0.2:
        made["metadata"] = random.choice(JSON_TEXTS)
    add_measures(random, made)
    return made


def add_measures(random, made):
    failed = random.random() < 0.1
    if random.random() > 0.05:
        made["success"] = not failed
    if not failed:
        made.pop("error_type", None)
    if random.random() > 0.3:
        made["cached"] = random.random() < 0.3
    if random.random() > 0.5:
        made["requests"] = random.choice([1, 1, 1, 2, 10, 0])
    if random.random() > 0.05:
        made["input_tokens"] = random.choice([0, 1, 100, 512, random.randrange(200_000)])
        made["cache_read_tokens"] = random.choice([0, 0, 0, made["input_tokens"] // 2])
        made["output_tokens"] = 0 if failed else int(random.lognormvariate(5.2, 1))
    if random.random() < 0.05:
        made["units"] = random.choice([LARGEST, LARGEST - 1, 0, 1])  # counts are not negative
    if random.random() < 0.05:
        made["balance"] = random.choice([LARGEST, -LARGEST, LARGEST - 1, 0, -1])
    made["http_status"] = random.choice([429, 500, 504]) if failed else 200
    if random.random() > 0.1:
        made["latency_ms"] = decimal_text(random, 3, 60_000)
        if not failed:
            made["ttft_ms"] = decimal_text(random, 3, 900)
    if random.random() > 0.1:
        made["cost"] = decimal_text(random, 9, 1)
    if random.random() < 0.0005:
        made["cost"] = "99999.999999999"
    if random.random() > 0.2:
        made["score"] = random.choice([0.0, 0.25, 0.5, 1e-9, 1e9 + 0.5, random.random() * 100])
    if random.random() > 0.2:
        made["retries"] = random.choice([0, 0, 0, 1, 2, 3, -1])
    if random.random() > 0.4:
        made["beta"] = random.random() < 0.5


def generate(random, count):
    heavy_day = random.randrange(DAY_COUNT)
    return [event(random, number, heavy_day) for number in range(count)]


DECIMALS = {"latency_ms", "ttft_ms", "cost"}


def write_for_tally(events, path, random):
    """JSON lines as producers write them: decimals are JSON numbers, times take several forms."""
    with open(path, "w", encoding="utf-8") as file:
        for made in events:
            parts = []
            for name, value in made.items():
                if name == "time":
                    text = json.dumps(
                        time_text(value, random.choice("T "), random.choice(["Z", "", "+00:00"])))
                elif name in DECIMALS:
                    text = value
                elif name == "metadata":
                    text = random.choice([value, json.dumps(value)])
                else:
                    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
                parts.append(f'"{name}":{text}')
            if random.random() < 0.2:
                parts.append('"end_user":null')
            file.write("{" + ",".join(parts) + "}\n")


def write_for_duckdb(events, path):
    """The same rows with decimals as text, so that no reader passes them through a double."""
    with open(path, "w", encoding="utf-8") as file:
        for made in events:
            row = dict(made)
            row["time"] = time_text(made["time"], " ", "")
            row.setdefault("requests", 1)
            file.write(json.dumps(row) + "\n")
