"""The events that every server is sent: a day of a busy product, in time order, as InfluxDB line
protocol, in batches."""

import json
import subprocess

TAGS = ("org", "provider", "model", "feature")
INTEGERS = ("requests", "input_tokens", "cache_read_tokens", "cache_write_tokens",
            "output_tokens", "latency_ms", "ttft_ms")


def batches(tally, count, rows, seed, user_is_tag):
    """`count` batches of `rows` lines, as bytes; users as a tag, or as a field of text."""
    done = subprocess.run(
        [tally, "generate", "--events", str(count * rows), "--days", "1", "--seed", str(seed),
         "--start", "2026-09-01", "--format", "jsonl", "--output", "-"],
        check=True, stdout=subprocess.PIPE)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    events.sort(key=lambda event: event["time"])
    lines = [_line(event, number, user_is_tag) for number, event in enumerate(events)]
    return ["".join(lines[at:at + rows]).encode() for at in range(0, len(lines), rows)]


def _line(event, number, user_is_tag):
    tags = [f"{name}={_escaped(event[name])}" for name in TAGS if event.get(name)]
    fields = [f"{name}={event[name]}i" for name in INTEGERS if event.get(name) is not None]
    fields.append(f"cost={event['cost']}")
    fields.append("success=" + ("true" if event["success"] else "false"))
    if event.get("user"):
        if user_is_tag:
            tags.append(f"user={_escaped(event['user'])}")
        else:
            fields.append(f'user="{event["user"]}"')
    return f"usage,{','.join(tags)} {','.join(fields)} {_nanoseconds(event['time'], number)}\n"


def _escaped(text):
    return text.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def _nanoseconds(time, number):
    """Distinct for every event: InfluxDB keeps one point a time and series."""
    hours, minutes, seconds = time[11:-1].split(":")
    since_midnight = (int(hours) * 60 + int(minutes)) * 60 + float(seconds)
    midnight = 1_788_220_800_000_000_000  # 2026-09-01
    return midnight + round(since_midnight * 1_000_000) * 1_000 + number % 1_000
