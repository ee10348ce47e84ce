#!/usr/bin/env python3
"""How throughput and memory grow with wallets, connections, open holds and the size of a frame.

    python3 benches/growth.py                     writes benches/growth.csv and benches/growth.svg
    python3 benches/growth.py --short --out DIR   a few small points, to see that it works
    python3 benches/growth.py --plot-only         makes the picture of the CSV that is there

Every point is one run of `creditctl bench` with a daemon of its own; a refusal, or an answer that cannot be right, ends it.
Nothing but Python's own library is needed.
"""

import argparse
import csv
import json
import math
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = ["axis", "value", "operations_per_second", "p50_us", "p99_us", "memory_before_bytes", "memory_after_bytes"]
# Name, title, what of the command line grows with it, the rest of the command line, values, values of the short form.
MANY_WALLETS = 10**6
FRAMES = ["--connections", "2", "--batch", "8190", "--in-flight", "2"]
AXES = [
    ("wallets", "wallets", ["--wallets"], FRAMES,
     [10**4, 10**5, 10**6, 10**7, 10**8], [100, 1000]),
    ("connections", "connections, one operation in flight each", ["--connections"],
     ["--wallets", "100000", "--batch", "1", "--in-flight", "1"], [1, 10, 100, 1000, 10000], [1, 4]),
    ("open_holds", "open holds beside the load", ["--open-holds"], FRAMES + ["--wallets", "1000000"],
     [10**3, 10**4, 10**5, 10**6, 10**7], [1000, 2000]),
    ("batch", "operations in a frame, 16 connections", ["--batch"],
     ["--wallets", "1000000", "--connections", "16", "--in-flight", "2"], [1, 10, 100, 1000, 8190], [1, 100]),
]


def measure(creditctl, axis, value, arguments):
    """One point."""
    name, _, grows, rest, _, _ = axis
    # So many live on the free credits of a day: granting to each would take longer than the load.
    funds = ["--funds", "0"] if name == "wallets" and value >= MANY_WALLETS else []
    command = [creditctl, "bench", "-o", "json"] + rest + funds + grows + [str(value)] + arguments
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    report = json.loads(done.stdout)
    if report["refused"] or report["errors"]:
        sys.exit(f"{name} {value}: {report['refused']} refusals, {report['errors']} wrong answers")
    latency, memory = report["latency_us"], report["memory"]
    return [name, value, report["operations_per_second"], latency["p50"], latency["p99"], memory["before_bytes"],
            memory["after_bytes"]]


def nice(value):
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= factor:
            return f"{value / factor:g}{unit}"
    return f"{value:g}"


class Panel:
    """One axis: throughput and memory over it, all by their logarithms."""

    WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 300, 70, 70, 40, 45

    def __init__(self, title, points, at):
        self.title, self.points, (self.x0, self.y0) = title, points, at

    def x(self, value):
        low, high = (math.log10(point[0]) for point in (self.points[0], self.points[-1]))
        span = max(high - low, 1e-9)
        inner = self.WIDTH - self.LEFT - self.RIGHT
        return self.x0 + self.LEFT + inner * (math.log10(value) - low) / span

    def y(self, value, low, high):
        inner = self.HEIGHT - self.TOP - self.BOTTOM
        return self.y0 + self.TOP + inner * (1 - (math.log10(max(value, low)) - math.log10(low)) / (math.log10(high) - math.log10(low)))

    def curve(self, column, colour, label, right):
        values = [point[column] for point in self.points]
        low = 10 ** math.floor(math.log10(max(min(values), 1)))
        high = 10 ** math.ceil(math.log10(max(max(values), 1) + 1))
        place = [(self.x(point[0]), self.y(point[column], low, high)) for point in self.points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
        parts = [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>']
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in place]
        edge = self.x0 + (self.WIDTH - self.RIGHT + 6 if right else self.LEFT - 6)
        anchor = "start" if right else "end"
        decade = low
        while decade <= high:
            y = self.y(decade, low, high)
            parts.append(f'<text x="{edge}" y="{y + 4:.1f}" text-anchor="{anchor}" fill="{colour}">{nice(decade)}</text>')
            if not right:
                parts.append(f'<line x1="{self.x0 + self.LEFT}" x2="{self.x0 + self.WIDTH - self.RIGHT}" y1="{y:.1f}" '
                             f'y2="{y:.1f}" stroke="#ddd"/>')
            decade *= 10
        x = self.x0 + (self.WIDTH - self.RIGHT if right else self.LEFT)
        parts.append(f'<text x="{x}" y="{self.y0 + self.TOP - 8}" text-anchor="{"end" if right else "start"}" '
                     f'fill="{colour}">{label}</text>')
        return parts

    def svg(self):
        middle = self.x0 + self.WIDTH / 2
        parts = [f'<text x="{middle}" y="{self.y0 + 16}" text-anchor="middle" font-weight="bold">{self.title}</text>']
        for point in self.points:
            parts.append(f'<text x="{self.x(point[0]):.1f}" y="{self.y0 + self.HEIGHT - self.BOTTOM + 18}" '
                         f'text-anchor="middle">{nice(point[0])}</text>')
        parts += self.curve(1, "#1f5fbf", "operations a second", False)
        parts += self.curve(2, "#b5541c", "bytes resident after it", True)
        return parts


def picture(rows):
    """The rows of the CSV as SVG."""
    parts, drawn = [], 0
    for name, title, _, _, _, _ in AXES:
        points = sorted((int(row[1]), float(row[2]), float(row[6])) for row in rows if row[0] == name)
        if points:
            at = (drawn % 2 * Panel.WIDTH, drawn // 2 * Panel.HEIGHT)
            parts += Panel(title, points, at).svg()
            drawn += 1
    width, height = Panel.WIDTH * min(drawn, 2), Panel.HEIGHT * math.ceil(drawn / 2)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="12">')
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>'] + parts + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--creditctl", default=str(HERE.parent / "target" / "release" / "creditctl"))
    parser.add_argument("--seconds", default="5s", help="how long each point is measured")
    parser.add_argument("--axis", action="append", choices=[axis[0] for axis in AXES], help="only this one")
    parser.add_argument("--most", type=int, default=10**8, help="leave out values above this")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--plot-only", action="store_true")
    parser.add_argument("--data", help="where the daemons' temporary folders are made")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "growth.csv"
    if not chosen.plot_only:
        length = ["--operations", "5000"] if chosen.short else ["--seconds", chosen.seconds]
        arguments = length + (["--data", chosen.data] if chosen.data else [])
        # Axes that are left out keep the rows that they have.
        old = list(csv.reader(path.open()))[1:] if path.exists() and chosen.axis else []
        rows = [row for row in old if row[0] not in chosen.axis]
        for axis in AXES:
            if chosen.axis and axis[0] not in chosen.axis:
                continue
            for value in axis[5] if chosen.short else axis[4]:
                if value <= chosen.most:
                    row = measure(chosen.creditctl, axis, value, arguments)
                    print(*row, flush=True)
                    rows.append(row)
        with path.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS] + rows)
    rows = list(csv.reader(path.open()))[1:]
    (chosen.out / "growth.svg").write_text(picture(rows))
    print(f"{path} and {path.with_suffix('.svg')}")


main()
