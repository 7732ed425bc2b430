"""What a run of peers.py found, as Markdown; and the tables over all sizes."""

import json
import math
import statistics

import chart
import workload

RESULTS = "peers-*.json"
MINE = ["Tally", "Tally rows"]
PROMISED = 1.15  # time and bytes an event may grow by this much from the smallest to the largest


def geometric_mean(numbers):
    return math.exp(statistics.fmean(math.log(max(number, 1e-6)) for number in numbers))


def peer_titles(result, times):
    return [title for title in times if title not in MINE and complete(times[title])]


def complete(answers):
    return all(name in answers for name in workload.QUERIES)


def wrong(result, title, name):
    return name in result["different"].get(title, {})


def best(result, times, name, among):
    """The lowest time of those who gave the right answer, or None."""
    found = [times[title][name] for title in among
             if name in times[title] and not wrong(result, title, name)]
    return min(found, default=None)


def write(result, folder):
    stem = folder / f"peers-{result['events']}"
    stem.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    stem.with_suffix(".svg").write_text(chart.draw(chart_rows(result), chart_title(result)))
    stem.with_suffix(".md").write_text(report(result))
    print(stem.with_suffix(".md"))


# MARK: One size

def report(result):
    events = result["events"]
    lines = [
        f"# {events:,} events, Tally beside its peers", "",
        f"![Times by question and engine, logarithmic](peers-{events}.svg)", "",
        f"{result['date']}, {result['machine']}. Seed {result['seed']}. "
        + ", ".join(f"{title} {version}" for title, version in result["versions"].items())
        + ". One run, one engine after the other; times in milliseconds. A ratio above 1 is in "
        "Tally's favour; **bold** ones are lost. *Tally* may answer from rollups and metadata; "
        "*Tally rows* computes everything from rows (`--no-rollups`). *Best peer* is the best of "
        "all peers and layouts at that question, *DuckDB* the better of its layouts.", "",
    ]
    lines += [f"Left out: {title} ({reason})." for title, reason in result["skipped"].items()]
    lines += differences(result)
    for threads, times in result["warm"].items():
        word = "one thread" if threads == "1" else "two threads"
        lines += ["", f"## Warm, {word}", ""] + time_table(result, times)
    lines += ["", "## Fresh process", "",
              "Tally and the command line of DuckDB: from starting the program to its last byte of "
              "output. The others: from opening the database to the answer, without starting "
              "Python and loading the library. The file cache is warm; two threads.", ""]
    lines += fresh_table(result)
    lines += ["", "## Peak memory, MiB", "",
              "Of a process that answers this question and no other, two threads."
              + library_note(result), ""] + memory_table(result)
    lines += ["", "## Import and size", ""] + load_table(result)
    lines += ["", "## How", ""] + how(result)
    return "\n".join(lines) + "\n"


def differences(result):
    lines = []
    for title, found in result["different"].items():
        lines += [f"- **{title} gave a different answer** to {name}: {what}"
                  for name, what in found.items()]
    equal = "" if lines else "All answers were equal"
    rounded = sorted({title for title, _ in result["rounded"]})
    if equal and rounded:
        equal += (", but for interpolated percentiles, which are off by less than 0.01 in "
                  + "; ".join(rounded))
    return lines + ([equal + "."] if equal else [])


def time_table(result, times):
    peers = peer_titles(result, times)
    mine = [title for title in MINE if title in times]
    duck = [title for title in peers if title.startswith("DuckDB")]
    bases = [("best peer", peers), ("DuckDB", duck)]
    heads = [f"{base} / {title}" for title in mine for base, among in bases if among]
    lines = header(["question", *mine, *peers, *heads])
    ratios = {head: [] for head in heads}
    for name in workload.QUERIES:
        cells = [shown(times[title].get(name), wrong(result, title, name))
                 for title in [*mine, *peers]]
        for title in mine:
            for base, among in bases:
                found = best(result, times, name, among)
                if among:
                    ratio = found / max(times[title][name], 1e-3) if found else None
                    cells.append(shown_ratio(ratio))
                    ratios[f"{base} / {title}"] += [ratio] if ratio else []
        lines.append(row([name, *cells]))
    means = [shown(geometric_mean(times[title][name] for name in workload.QUERIES))
             for title in [*mine, *peers]]
    lines.append(row(["geometric mean", *means,
                      *(shown_ratio(geometric_mean(found)) if found else "-"
                        for found in ratios.values())]))
    return lines


def fresh_table(result):
    fresh = result["fresh"]
    shell = "duckdb command line"
    titles = [title for title in [*MINE, shell] if title in fresh]
    titles += [title for title in fresh if title not in titles and title not in MINE]
    pairs = [title for title in MINE if title in fresh] if shell in fresh else []
    lines = header(["question", *titles, *(f"{shell} / {title}" for title in pairs)])
    for name in workload.ALL:
        cells = [shown(fresh[title].get(name)) for title in titles]
        cells += [shown_ratio(fresh[shell][name] / fresh[title][name]) for title in pairs]
        lines.append(row([name, *cells]))
    lines += ["", "`count(*)`, warm, in one process, ms: " + ", ".join(
        f"{title} {times['count']:.3f}" for title, times in result["warm"]["2"].items()) + "."]
    return lines


def memory_table(result):
    titles = [title for title in result["peak"] if title]
    lines = header(["question", *titles])
    for name in workload.QUERIES:
        lines.append(row([name, *(f"{result['peak'][title][name]:.0f}"
                                  if name in result["peak"][title] else "-"
                                  for title in titles)]))
    return lines


def library_note(result):
    found = [f"{title} {process['library peak']:.0f}"
             for title, process in result["process"].items()]
    return f" Python and the library alone take: {', '.join(found)}." if found else ""


def load_table(result):
    lines = header(["import", "format", "events", "rows/s", "peak MiB", "Tally's rate / this"])
    for title, forms in result["import"].items():
        for form, found in forms.items():
            mine = result["import"]["Tally"].get(form)
            ratio = mine["per second"] / found["per second"] if mine else None
            lines.append(row([title, form, f"{found['rows']:,}", f"{found['per second']:,.0f}",
                              f"{found['peak']:.0f}", shown_ratio(ratio)]))
    lines += [""] + header(["on disk", "bytes an event", "this / Tally"])
    for title, size in result["bytes"].items():
        lines.append(row([title, f"{size:.2f}", shown_ratio(size / result["bytes"]["Tally"])]))
    return lines


def how(result):
    lines = [f"`make bench-peers SIZES={result['events']} SEED={result['seed']}` repeats it. The "
             "events are those of `tally generate --events N --days 90 --seed S --output "
             "events.csv`. Tally: `tally import events.csv`, `tally compact`, then `tally query "
             "--threads N --timing --repeat 21`, median without the first. Peers: one untimed "
             "execution, then the median of up to seven (three at least), fetched as Arrow.", ""]
    for title, layouts in result["layouts"].items():
        lines += [f"- {title} {layout}: {what}" for layout, what in layouts.items()]
    return lines


# MARK: All sizes

def results(folder):
    found = [json.loads(path.read_text()) for path in folder.glob(RESULTS)]
    return sorted(found, key=lambda result: result["events"])


def write_summary(folder, readme):
    found = results(folder)
    (folder / "growth.md").write_text(growth(found))
    replace(folder / "README.md", "peers", index(found))
    replace(readme, "peers", readme_section(found[-1]))


def index(found):
    return "\n".join(f"- [{result['events']:,} events](peers-{result['events']}.md), "
                     f"{result['date']}" for result in found)


def growth(found):
    lines = ["# Growth", "",
             "Time and bytes by event, from the smallest store to the largest. Warm, two threads, "
             f"nanoseconds an event. Growth above {PROMISED} is **bold**; below 1 what does not "
             "depend on the number of events is spread over more of them. The sizes may have been "
             "measured on different days of a shared machine.", ""]
    sizes = [f"{result['events']:,}" for result in found]
    lines += header(["", *sizes, "last / first"])
    for title in MINE:
        for name in workload.QUERIES:
            each = [result["warm"]["2"][title][name] * 1e6 / result["events"] for result in found]
            lines.append(row([f"{title}: {name}", *(f"{value:.3f}" for value in each),
                              grown(each)]))
    each = [result["bytes"]["Tally"] for result in found]
    lines.append(row(["bytes an event", *(f"{value:.2f}" for value in each), grown(each)]))
    return "\n".join(lines) + "\n"


def grown(each):
    ratio = each[-1] / each[0]
    return f"**{ratio:.2f}**" if ratio > PROMISED else f"{ratio:.2f}"


def readme_section(result):
    times = result["warm"]["2"]
    peers = peer_titles(result, times)
    groups = {}
    for title in peers:
        groups.setdefault(title.split()[0], []).append(title)
    events = result["events"]
    lines = [f"![Times by question and engine](docs/benchmarks/peers-{events}.svg)", "",
             f"{events:,} events, two threads, warm, milliseconds, each peer in the better of its "
             f"layouts; bold is the fastest:", ""]
    columns = {**{title: [title] for title in MINE}, **groups}
    lines += header(["", *columns])
    for name in workload.QUERIES:
        values = [best(result, times, name, among) for among in columns.values()]
        lowest = min(value for value in values if value is not None)
        lines.append(row([name, *(f"**{shown(value)}**" if value == lowest else shown(value)
                                  for value in values)]))
    lines.append(row(["geometric mean", *(
        shown(geometric_mean(found) if None not in found else None)
        for found in ([best(result, times, name, among) for name in workload.QUERIES]
                      for among in columns.values()))]))
    sizes = result["bytes"]
    lines.append(row(["bytes an event", *(least_size(sizes, title) for title in columns)]))
    lines += ["", f"The whole report: [docs/benchmarks/peers-{events}.md]"
              f"(docs/benchmarks/peers-{events}.md)."]
    return "\n".join(lines)


def least_size(sizes, title):
    if title in ("Polars", "DataFusion"):
        title = "Parquet"
    found = [size for name, size in sizes.items() if name.split()[0] == title.split()[0]]
    return f"{min(found):.1f}" if found else "-"


def replace(path, name, text):
    """Puts text between the two comments of that name, if the file has them."""
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    whole = path.read_text() if path.exists() else ""
    if first in whole and last in whole:
        before, after = whole.split(first)[0], whole.split(last)[1]
        path.write_text(f"{before}{first}\n{text}\n{last}{after}")


# MARK: Cells

def header(names):
    return [row(names), "|" + "|".join(["---"] + ["---:"] * (len(names) - 1)) + "|"]


def row(cells):
    return "| " + " | ".join(cells) + " |"


def shown(milliseconds, is_wrong=False):
    if milliseconds is None:
        return "-"
    digits = 0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 2
    return f"{milliseconds:,.{digits}f}" + (" (wrong)" if is_wrong else "")


def shown_ratio(ratio):
    if ratio is None:
        return "-"
    text = f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"
    return f"**{text}**" if ratio < 1 else text


# MARK: Chart

def chart_rows(result):
    times = result["warm"]["2"]
    titles = [title for title in MINE if title in times] + peer_titles(result, times)
    return [(name, [(title, times[title][name]) for title in titles])
            for name in workload.QUERIES]


def chart_title(result):
    return f"{result['events']:,} events, two threads, warm: milliseconds by question"
