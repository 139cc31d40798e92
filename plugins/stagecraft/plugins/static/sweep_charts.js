// The curves of a sweep: the best so far, every trial's own, and the Pareto front.

import uPlot from "./uplot-1.6.32/uPlot.esm.js";
import { chartOptions, colour, format, title } from "./chart.js";
import { fence, thinned } from "./sweep.js";

const CURVES = 40;
const POINTS = 2000;

/** A card with a heading, a line of words, and a picture. */
export class Card {
  constructor(heading, name) {
    this.box = document.createElement("section");
    this.box.dataset.card = name;
    this.box.appendChild(document.createElement("h2")).textContent = heading;
    this.words = this.box.appendChild(document.createElement("p"));
    this.words.className = "words";
    this.picture = this.box.appendChild(document.createElement("div"));
  }

  say(words) {
    this.words.textContent = words;
    this.words.hidden = !words;
  }
}

class Plot extends Card {
  constructor(heading, name) {
    super(heading, name);
    this.picture.setAttribute("role", "img");
    this.picture.setAttribute("aria-label", heading);
    this.key = "";
    new ResizeObserver(() => this.resize()).observe(this.picture);
  }

  /** @param series of uPlot; the plot is built anew only where they change */
  draw(series, data, dark, more = {}) {
    const key = JSON.stringify([series.map(({ label, points }) => [label, points?.size]), dark]);
    if (key !== this.key) {
      this.key = key;
      this.plot?.destroy();
      const shared = chartOptions(this.width());
      // Asked anew with each data.
      const scales = this.range ? { ...shared.scales, y: { range: () => this.range.ends } } : shared.scales;
      this.plot = new uPlot({ ...shared, scales, ...more, series }, data, this.picture);
    } else {
      this.plot.setData(data);
    }
    this.box.dataset.points = data[0].length;
  }

  width() {
    return Math.max(this.picture.clientWidth, 200);
  }

  resize() {
    if (this.plot && this.plot.width !== this.width()) this.plot.setSize({ width: this.width(), height: this.plot.height });
  }
}

/** A scale without what lies far off, and words where that leaves something out. */
function near(values, what) {
  if (!values.length) return { ends: [0, 1], words: "" };
  const [low, high] = fence(values);
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  const out = values.some((each) => each < low || each > high);
  return { ends: [low - margin, high + margin], words: out ? ` ${what} lie outside the picture.` : "" };
}

const value = (_, number) => format(number);
const dots = (label, stroke, size) => ({
  label,
  stroke,
  value,
  paths: () => null,
  points: { show: true, size, fill: stroke, width: 0 },
});

const dotSize = ({ length }) => (length > 500 ? 3 : 5);

export class BestSoFar extends Plot {
  constructor() {
    super("Best so far", "best");
  }

  show(sweep, dark) {
    const metric = sweep.metrics[0];
    const finished = sweep.of("finished").sort((a, b) => a.number - b.number);
    let best = Infinity;
    const reached = finished.map((trial) => {
      best = Math.min(best, sweep.loss(trial));
      return best === sweep.loss(trial) ? trial.metrics[metric] : null;
    });
    // A step line joins what is undefined; the last trial ends it.
    for (let i = 0, last = null; i < reached.length; i++) last = reached[i] = reached[i] ?? last;
    const rows = thinned(finished.map((trial, i) => [trial.number, trial.metrics[metric], reached[i]]), POINTS);
    const style = getComputedStyle(document.documentElement);
    const accent = style.getPropertyValue("--accent").trim();
    const series = [
      { label: "trial", value },
      dots(title(metric), style.getPropertyValue("--dot").trim(), dotSize(rows)),
      { label: "best so far", stroke: accent, width: 2, value, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
    ];
    this.range = near(finished.map((trial) => trial.metrics[metric]), "Trials far off");
    this.draw(series, [0, 1, 2].map((column) => rows.map((row) => row[column])), dark);
    const few = rows.length < finished.length ? `${rows.length.toLocaleString("en")} of ${finished.length.toLocaleString("en")} trials are drawn.` : "";
    this.say((few + this.range.words).trim());
  }
}

export class Curves extends Plot {
  constructor() {
    super("Every trial's curve", "curves");
  }

  /** The running ones, the best and the latest: more than some dozens tell nothing. */
  show(sweep, dark) {
    const all = [...sweep.trials.values()].filter((trial) => sweep.curve(trial).length > 1);
    this.box.hidden = all.length === 0;
    if (this.box.hidden) return;
    const latest = all.filter((trial) => trial.state !== "running").sort((a, b) => b.number - a.number);
    const best = sweep.ranked().filter((trial) => trial.curve?.length > 1);
    const wanted = [...all.filter((trial) => trial.state === "running"), ...best.slice(0, CURVES / 2), ...latest];
    const chosen = [...new Set(wanted)].slice(0, CURVES).sort((a, b) => a.number - b.number);
    const curves = chosen.map((trial) => new Map(sweep.curve(trial)));
    const steps = [...new Set(curves.flatMap((curve) => [...curve.keys()]))].sort((a, b) => a - b);
    const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
    const series = [
      { label: "step", value },
      ...chosen.map((trial) => ({
        label: `trial ${trial.number}`,
        stroke: trial === best[0] ? accent : colour(trial.number, dark),
        width: trial === best[0] ? 3 : 1.2,
        dash: trial.state === "stopped" ? [6, 4] : undefined,
        value,
        points: { show: false },
      })),
    ];
    const focus = (plot, index) => (this.near.textContent = index ? plot.series[index].label : "");
    this.near ??= Object.assign(this.box.appendChild(document.createElement("p")), { className: "nearest" });
    this.range = near(chosen.flatMap((trial) => sweep.curve(trial).map(([, reported]) => reported)), "Values far off");
    this.draw(series, [steps, ...curves.map((curve) => steps.map((step) => curve.get(step)))], dark, {
      legend: { show: false },
      cursor: { focus: { prox: 24 }, drag: { x: true, y: false } },
      focus: { alpha: 0.25 },
      hooks: { setSeries: [focus] },
    });
    this.box.dataset.curves = chosen.length;
    const those = chosen.length < all.length ? `${chosen.length} of ${all.length.toLocaleString("en")} curves: those that run, the best and the latest. ` : "";
    this.say(`${those}${chosen.some((trial) => trial.state === "stopped") ? "Dashed: stopped early." : ""}${this.range.words}`.trim());
  }
}

export class Front extends Plot {
  constructor() {
    super("Pareto front", "front");
  }

  show(sweep, dark) {
    const [across, up] = sweep.metrics;
    this.box.hidden = up === undefined;
    if (this.box.hidden) return;
    const front = sweep.front();
    const isFront = new Set(front);
    const others = thinned(sweep.of("finished").filter((trial) => !isFront.has(trial)), POINTS);
    const rows = [...others, ...front].sort((a, b) => a.metrics[across] - b.metrics[across]);
    const style = getComputedStyle(document.documentElement);
    const accent = style.getPropertyValue("--accent").trim();
    const series = [
      { label: title(across), value },
      dots(title(up), style.getPropertyValue("--dot").trim(), dotSize(rows)),
      dots("on the front", accent, 8),
    ];
    const data = [
      rows.map((trial) => trial.metrics[across]),
      rows.map((trial) => (isFront.has(trial) ? null : trial.metrics[up])),
      rows.map((trial) => (isFront.has(trial) ? trial.metrics[up] : null)),
    ];
    const shared = chartOptions(0);
    const axes = shared.axes.map((axis, place) => ({ ...axis, label: title([across, up][place]), labelSize: 18, labelFont: axis.font }));
    this.draw(series, data, dark, { axes });
    const goals = sweep.metrics.map((metric) => `${title(metric)} is to ${sweep.header.objectives[metric] === "minimize" ? "fall" : "rise"}`);
    const most = sweep.metrics.length > 2 ? " The first two objectives are drawn." : "";
    this.say(`${front.length} trials that none beats in every objective. ${goals.join(", ")}.${most}`);
  }
}
