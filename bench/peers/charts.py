"""Charts of the headline figures, one PNG each, from the results file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peers.report import FILES, Results

CHARTS = (
    ("drain", "W4-100", "jobs_per_s", "Drain of no-op jobs, 100 at once, results kept (jobs/s)"),
    ("enqueue", "W1", "jobs_per_s", "Enqueue, one at a time, awaited (jobs/s)"),
    ("bulk", "W3-1000", "jobs_per_s", "Bulk enqueue, batches of 1,000 (jobs/s)"),
    ("pickup", "W7", "p99_ms", "Pickup by an idle worker, p99 (ms, less is better)"),
    ("server", "W4-100", "server_us", "Redis CPU for one job worked off (µs, less is better)"),
    ("client", "W4-100", "client_us", "Worker CPU for one job (µs, less is better)"),
)
OURS, OTHERS = "#1f6f8b", "#b8c4cc"


def _bars(results: Results, case: str, figure: str) -> list[tuple[str, float, bool]]:
    found = []
    for key, engine in results.in_order():
        row = results.median(case, key)
        if row is not None and figure in row:
            found.append((engine["name"], float(row[figure]), key == "ours"))
    return sorted(found, key=lambda bar: bar[1])


def draw(bars: list[tuple[str, float, bool]], title: str, path: Path) -> None:
    """One horizontal bar an engine, ours in colour, its number beside it."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 0.42 * len(bars) + 1.1), dpi=110)
    drawn: Any = axes.barh(
        [name for name, _, _ in bars],
        [value for _, value, _ in bars],
        color=[OURS if ours else OTHERS for _, _, ours in bars],
    )
    axes.bar_label(drawn, labels=[f"{v:,.0f}" if v >= 100 else f"{v:.2f}" for _, v, _ in bars], padding=4)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlim(0, max(value for _, value, _ in bars) * 1.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def write(folder: Path) -> None:
    """Draw the charts of every results file in `folder`."""
    for name, _ in FILES:
        results = Results.load(folder / name)
        suffix = Path(name).stem.removeprefix("redis")
        for chart, case, figure, title in CHARTS:
            bars = _bars(results, case, figure)
            if bars:
                draw(bars, title, folder / f"{chart}{suffix}.png")
