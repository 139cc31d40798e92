// One chart: the curves of one name, a curve a scope.

import uPlot from "./uplot-1.6.32/uPlot.esm.js";

const HEIGHT = 210;
const MOST_IN_LEGEND = 12;
const TITLES = { loss: "Loss", auc: "AUC", rows_per_second: "Rows per second" };

/** "Loss" for "loss", and "train: Loss" for the step's "train/loss". */
export function title(full) {
  const slash = full.lastIndexOf("/");
  const name = full.slice(slash + 1);
  const shown = TITLES[name] ?? name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
  return slash < 0 ? shown : `${full.slice(0, slash)}: ${shown}`;
}

export function format(value) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(5)));
}

/** Colours that stay apart for any number of curves: the hue turns by the golden angle. */
export function colour(index, dark) {
  const hue = (212 + index * 137.508) % 360;
  return `hsl(${hue} ${dark ? "85% 66%" : "72% 42%"})`;
}

/** What every plot shares: size, axes, and no choice of a range but across. */
export function chartOptions(width) {
  const style = getComputedStyle(document.documentElement);
  const stroke = style.getPropertyValue("--muted").trim();
  const grid = { stroke: style.getPropertyValue("--grid").trim(), width: 1 };
  const axis = { stroke, grid, ticks: grid, font: "12px Helvetica, Arial, sans-serif" };
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: false } },
    axes: [
      { ...axis, size: 34 },
      { ...axis, size: 68, values: (_, values) => values.map(format) },
    ],
    legend: { markers: { width: 0, fill: (plot, index) => plot.series[index].stroke(plot, index) } },
  };
}

export class Chart {
  constructor(name) {
    this.name = name;
    this.box = document.createElement("section");
    this.box.dataset.chart = name;
    this.box.appendChild(document.createElement("h2")).textContent = title(name);
    this.nearest = this.box.appendChild(document.createElement("p"));
    this.nearest.className = "nearest";
    this.note = this.box.appendChild(document.createElement("p"));
    this.note.className = "note";
    this.plotBox = this.box.appendChild(document.createElement("div"));
    this.plot = null;
    this.key = "";
    new ResizeObserver(() => this.resize()).observe(this.plotBox);
  }

  /** Show the record's present curves; the plot is built anew only where curves or colours change. */
  show(record, dark) {
    const scopes = record.scopes(this.name);
    const data = record.columns(this.name);
    const key = JSON.stringify([scopes, dark]);
    if (key !== this.key) {
      this.key = key;
      this.plot?.destroy();
      this.plot = new uPlot(this.options(scopes, dark), data, this.plotBox);
    } else {
      this.plot.setData(data);
    }
    this.box.dataset.points = data[0].length;
    this.box.dataset.curves = scopes.length;
    const broken = record.broken(this.name);
    this.note.textContent = broken
      .slice(0, 3)
      .map(({ scope, step }) => `${scope || title(this.name)} is not a finite number at step ${step}`)
      .concat(broken.length > 3 ? [`and ${broken.length - 3} curves more`] : [])
      .join("; ");
    this.note.hidden = broken.length === 0;
  }

  options(scopes, dark) {
    const many = scopes.length > 1;
    const shared = chartOptions(this.width());
    return {
      ...shared,
      legend: { ...shared.legend, show: scopes.length <= MOST_IN_LEGEND },
      cursor: { focus: { prox: many ? 24 : -1 }, drag: { x: true, y: false } },
      focus: { alpha: 0.2 },
      hooks: { setSeries: [(_, index) => (this.nearest.textContent = many && index ? scopes[index - 1] : "")] },
      series: [
        { label: "step", value: (_, value) => format(value) },
        ...scopes.map((scope, index) => ({
          label: scope || title(this.name),
          stroke: colour(index, dark),
          width: 2,
          points: { show: (plot, i) => plot.data[i].length < 2, size: 6 },
          value: (_, value) => format(value),
        })),
      ],
    };
  }

  width() {
    return Math.max(this.plotBox.clientWidth, 200);
  }

  resize() {
    if (this.plot && this.plot.width !== this.width()) this.plot.setSize({ width: this.width(), height: HEIGHT });
  }

  redraw(record, dark) {
    this.key = "";
    this.show(record, dark);
  }
}
