// Parallel coordinates: an axis a parameter, a line a trial, coloured by how good it is.

import { Card } from "./sweep_charts.js";
import { format, title } from "./chart.js";
import { fence, thinned } from "./sweep.js";

const LINES = 300;
const AXES = 12;
const HEIGHT = 300;
const TOP = 42;
const BOTTOM = 34;
const SIDE = 64;
const STEP = 110;

/** An axis of a parameter: value → 0 … 1, and its ticks. */
export function scaleOf(dimension) {
  if (dimension.type === "choice") {
    const keys = dimension.options.map((option) => JSON.stringify(option));
    const at = (value) => (keys.indexOf(JSON.stringify(value)) + 0.5) / keys.length;
    return { at, ticks: thinned(dimension.options, 8).map((option) => [at(option), String(option)]) };
  }
  return numbers(dimension.low, dimension.high, dimension.log || dimension.type === "log_uniform");
}

function numbers(low, high, log = false) {
  const place = log ? Math.log : (number) => number;
  const span = place(high) - place(low) || 1;
  const ticks = [low, log ? Math.sqrt(low * high) : (low + high) / 2, high];
  const at = (value) => (place(value) - place(low)) / span;
  return { at, ticks: ticks.map((tick) => [at(tick), format(Number(tick.toPrecision(3)))]) };
}

export class Parallel extends Card {
  constructor() {
    super("Parallel coordinates", "parallel");
    this.picture.className = "wide-picture";
    this.near = Object.assign(this.box.appendChild(document.createElement("p")), { className: "nearest" });
    this.picture.addEventListener("pointermove", (event) => this.point(event));
    this.picture.addEventListener("pointerleave", () => this.focus(null));
  }

  show(sweep) {
    const ranked = sweep.ranked();
    this.box.hidden = ranked.length < 2;
    if (this.box.hidden) return;
    const names = sweep.parameters.slice(0, AXES);
    const chosen = [...new Set([...ranked.slice(0, LINES / 2), ...thinned(ranked, LINES / 2)])];
    const axes = names.map((name) => ({ name, ...scaleOf(sweep.header.space[name]), of: (trial) => trial.parameters[name] }));
    for (const metric of sweep.metrics) axes.push({ name: title(metric), ...spread(ranked, metric), of: (trial) => trial.metrics[metric] });
    const width = 2 * SIDE + STEP * (axes.length - 1);
    const x = (place) => SIDE + place * STEP;
    const places = new Map(ranked.map((trial, place) => [trial, place / (ranked.length - 1)]));
    this.lines = chosen.map((trial) => ({ trial, ys: axes.map((axis) => height(axis, axis.of(trial))) }));
    const drawn = this.lines
      .toReversed()
      .map(({ trial, ys }) => {
        const path = ys.map((y, place) => `${place ? "L" : "M"}${x(place)} ${y.toFixed(1)}`).join("");
        return `<path d="${path}" style="--rank:${Math.round(100 * (1 - places.get(trial)))}%" data-trial="${trial.number}"/>`;
      });
    const svg = `<svg viewBox="0 0 ${width} ${HEIGHT}" style="min-width:${Math.round(width * 0.7)}px" role="img" aria-label="${this.described(ranked)}">
      <g class="lines">${drawn.join("")}</g><path class="focus"/></svg>`;
    this.picture.innerHTML = svg;
    this.picture.firstChild.append(...axes.map((axis, place) => drawAxis(axis, x(place), chosen)));
    this.sweep = sweep;
    const left = sweep.parameters.length - names.length;
    this.box.dataset.lines = chosen.length;
    this.say(
      [
        "The stronger the line, the better the trial.",
        chosen.length < ranked.length ? `${chosen.length} of ${ranked.length.toLocaleString("en")} trials: the best, and some of all ranks.` : "",
        left > 0 ? `The ${names.length} parameters that matter most; ${left} more are left out.` : "",
      ].join(" "),
    );
  }

  described(ranked) {
    return `One line for each of ${ranked.length} trials, from parameter to parameter`;
  }

  /** Bring the line nearest to the pointer to the front. */
  point(event) {
    const svg = this.picture.firstChild;
    if (!svg || !this.lines.length) return;
    const matrix = svg.getScreenCTM().inverse();
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    const last = this.lines[0].ys.length - 1;
    const across = Math.min(Math.max((at.x - SIDE) / STEP, 0), last);
    const place = Math.min(Math.floor(across), last - 1);
    const apart = ({ ys }) => Math.abs(ys[place] + (across - place) * (ys[place + 1] - ys[place]) - at.y);
    const nearest = this.lines.reduce((a, b) => (apart(b) < apart(a) ? b : a));
    this.focus(apart(nearest) < 14 ? nearest.trial : null);
  }

  /** @param trial to show before the others, or null */
  focus(trial) {
    const focus = this.picture.querySelector(".focus");
    if (!focus) return;
    const line = trial && this.picture.querySelector(`[data-trial="${trial.number}"]`);
    focus.setAttribute("d", line?.getAttribute("d") ?? "");
    this.near.textContent = trial ? `trial ${trial.number}: ${this.sweep.metrics.map((metric) => format(trial.metrics[metric])).join(", ")}` : "";
  }
}

/** The axis of a metric; a few that lie far off stand at its end. */
function spread(ranked, metric) {
  const [low, high] = fence(ranked.map((trial) => trial.metrics[metric]));
  return numbers(low, high > low ? high : low + (Math.abs(low) || 1));
}

/** A parameter that a trial does not use lies below the axis. */
function height(axis, value) {
  if (value === undefined) return HEIGHT - 8;
  return TOP + (1 - Math.min(Math.max(axis.at(value), 0), 1)) * (HEIGHT - TOP - BOTTOM);
}

function drawAxis(axis, x, trials) {
  const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
  group.setAttribute("transform", `translate(${x} 0)`);
  const add = (name, attributes, text) => {
    const made = group.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
  };
  add("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "axis" });
  axis.name.split(/(?<=\.)/).forEach((part, line, parts) => add("text", { y: 26 - 14 * (parts.length - 1 - line), class: "name" }, part));
  for (const [at, text] of axis.ticks) add("text", { x: 5, y: TOP + (1 - at) * (HEIGHT - TOP - BOTTOM) + 4, class: "tick" }, text);
  if (trials.some((trial) => axis.of(trial) === undefined)) add("text", { x: 5, y: HEIGHT - 4, class: "tick" }, "not used");
  return group;
}
