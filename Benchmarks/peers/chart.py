"""A dot plot on a logarithmic axis, as SVG. Colours and greys are read on white and on black."""

import html
import math

WIDTH, LEFT, RIGHT, TOP, STEP = 960, 210, 90, 96, 34
GREY, FAINT = "#7d8590", "#7d859055"
# Tally's are filled and larger; a peer's second layout is the first one's colour, hollow.
COLOURS = {
    "Tally": "#e5534b", "DuckDB": "#b08800", "ClickHouse": "#3fa34d", "Polars": "#4a8fe7",
    "DataFusion": "#a06ae0",
}


def draw(rows, title):
    """`rows`: a name and [(engine, value)] each, the values positive."""
    values = [value for _, dots in rows for _, value in dots]
    low = 10 ** math.floor(math.log10(max(min(values), 1e-3)))
    high = 10 ** math.ceil(math.log10(max(values)))
    high = max(high, low * 10)
    names = list(dict.fromkeys(name for _, dots in rows for name, _ in dots))
    bottom = TOP + STEP * len(rows)

    def x(value):
        share = math.log(max(value, low) / low) / math.log(high / low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 56}" '
        f'font-family="system-ui, sans-serif" font-size="13" role="img">',
        f"<title>{html.escape(title)}</title>",
        text(16, 26, title, size=16, weight="600"),
    ]
    parts += legend(names) + axis(low, high, x, bottom)
    for index, (name, dots) in enumerate(rows):
        y = TOP + STEP * index + STEP / 2
        parts.append(text(LEFT - 14, y + 4, name, anchor="end"))
        parts += row(dots, x, y)
    parts.append(text(LEFT, bottom + 44, "milliseconds, logarithmic; further left is faster. "
                                         "Right: fastest peer / Tally"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def axis(low, high, x, bottom):
    parts = []
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        for factor in range(1, 10):
            value = factor * 10 ** power
            if value > high * 1.001:
                break
            colour = GREY if factor == 1 else FAINT
            parts.append(f'<line x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP}" '
                         f'y2="{bottom}" stroke="{colour}" stroke-width="0.6"/>')
        parts.append(text(x(10 ** power), bottom + 20, f"{10 ** power:g}", anchor="middle"))
    return parts


def row(dots, x, y):
    peers = [value for name, value in dots if not name.startswith("Tally")]
    mine = dict(dots).get("Tally")
    parts = [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{FAINT}"/>']
    for name, value in reversed(dots):
        parts.append(mark(name, x(value), y, f"{name}: {value:.3g} ms"))
    if peers and mine:
        ratio = min(peers) / mine
        shown = f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x"
        parts.append(text(WIDTH - 14, y + 4, shown, anchor="end",
                          weight="600" if ratio >= 1 else "400"))
    return parts


def mark(name, x, y, title):
    base, _, layout = name.partition(" ")
    colour = COLOURS.get(base, GREY)
    is_mine = base == "Tally"
    is_hollow = layout in ("rows", "sorted", "tuned")
    size = 7 if is_mine else 5
    fill = f'fill="none" stroke="{colour}" stroke-width="2.2"' if is_hollow else f'fill="{colour}"'
    shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" {fill}>'
    return f"{shape}<title>{html.escape(title)}</title></circle>"


def legend(names):
    parts, x, y = [], 22, 52
    for name in names:
        width = 30 + 7.2 * len(name)
        if x + width > WIDTH - 10:
            x, y = 22, y + 22
        parts += [mark(name, x, y, name), text(x + 13, y + 4, name)]
        x += width
    return parts


def text(x, y, content, anchor="start", size=13, weight="400"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" fill="{GREY}" text-anchor="{anchor}" '
            f'font-size="{size}" font-weight="{weight}">{html.escape(content)}</text>')
