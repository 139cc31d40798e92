// The record of one task instance: name → scope → step → value. The steps of a group have charts of their own.

import { Sweep } from "./sweep.js";

/** As stagecraft.jobs.progress.StepState. */
const STATES = ["waiting", "running", "done", "reused", "failed"];
const FIRST = ["loss", "auc", "rows_per_second"];

/** Split "trial-003/loss" into its scope and its name. */
export function split(full) {
  const slash = full.lastIndexOf("/");
  return { scope: full.slice(0, Math.max(slash, 0)), name: full.slice(slash + 1) };
}

export class Record {
  constructor() {
    this.charts = new Map();
    this.latest = new Map();
    this.steps = new Map();
    this.sweeps = new Map();
    this.count = 0;
  }

  /** Take what no single number says: sweeps, by the step of the group that each is, or "". */
  addRecords(records) {
    for (const { name: full, data, time } of records) {
      this.count += 1;
      const { scope, name } = split(full);
      if (!["sweep", "trial", "round", "importance"].includes(name)) continue;
      if (!this.sweeps.has(scope)) this.sweeps.set(scope, new Sweep());
      this.sweeps.get(scope).take(name, data, time);
    }
  }

  /** Take events in the order of their time; a step told again (after a retry) replaces the value before. */
  add(events) {
    for (const event of events) {
      // NaN and infinities come as text, which Number reads.
      const value = Number(event.value);
      this.count += 1;
      if (this.takeState(event, value)) continue;
      const { scope, name } = this.place(event.name);
      if (!this.charts.has(name)) this.charts.set(name, new Map());
      const series = this.charts.get(name);
      if (!series.has(scope)) series.set(scope, new Map());
      series.get(scope).set(event.step, value);
      this.latest.set(event.name, { value, step: event.step, time: event.time });
    }
  }

  /** Take "encode/state", where it is that: each try of a group begins with all its steps waiting. */
  takeState(event, value) {
    const { scope, name } = split(event.name);
    if (name !== "state" || !scope || scope.includes("/")) return false;
    if (event.step === 0 && STATES[value] === "waiting") this.steps.clear();
    this.steps.set(scope, STATES[value]);
    return true;
  }

  /** The chart and the curve of a name: those of a step are "encode/loss" and what follows the step. */
  place(full) {
    const { scope, name } = split(full);
    const [first, ...rest] = scope.split("/");
    return this.steps.has(first) ? { scope: rest.join("/"), name: `${first}/${name}` } : { scope, name };
  }

  /** The latest values of a step itself. */
  valuesOf(step) {
    return [...this.latest]
      .map(([full, at]) => ({ ...split(full), value: at.value }))
      .filter(({ scope, name }) => scope === step && name !== "progress");
  }

  /** Names with a chart of their own, the known ones first; of a step, those that are more than one point. */
  names() {
    const order = [...this.steps.keys()];
    const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
    const isCurve = (full) => [...this.charts.get(full).values()].some((values) => values.size > 1);
    return [...this.charts.keys()]
      .map((full) => ({ full, ...split(full) }))
      .filter(({ full, scope, name }) => name !== "progress" && (!scope || isCurve(full)))
      // A sweep shows its best by itself.
      .filter(({ scope, name }) => !(this.sweeps.has(scope) && name.startsWith("best_")))
      .sort(
        (a, b) =>
          order.indexOf(a.scope) - order.indexOf(b.scope) ||
          rank(a.name) - rank(b.name) ||
          a.name.localeCompare(b.name),
      )
      .map(({ full }) => full);
  }

  scopes(name) {
    return [...this.charts.get(name).keys()].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  }

  /** Columns for uPlot: the steps, then one column a scope; null where there is no finite value. */
  columns(name) {
    const series = this.charts.get(name);
    const scopes = this.scopes(name);
    const steps = [...new Set(scopes.flatMap((scope) => [...series.get(scope).keys()]))].sort((a, b) => a - b);
    const column = (scope) =>
      steps.map((step) => {
        const value = series.get(scope).get(step);
        // Undefined joins the neighbours, null is a gap.
        return value === undefined ? undefined : Number.isFinite(value) ? value : null;
      });
    return [steps, ...scopes.map(column)];
  }

  /** The first step of each curve whose value is NaN or infinite. */
  broken(name) {
    const found = [];
    for (const [scope, values] of this.charts.get(name)) {
      const steps = [...values].filter(([, value]) => !Number.isFinite(value)).map(([step]) => step);
      if (steps.length) found.push({ scope, step: steps.reduce((a, b) => Math.min(a, b)) });
    }
    return found;
  }

  /** 0 … 1: what the stage itself says, or the mean of its steps or scopes; null where neither is known. */
  progress() {
    const own = this.latest.get("progress");
    if (own) return own.value;
    const parts = this.steps.size
      ? [...this.steps.keys()].map((step) => this.progressOf(step))
      : [...this.latest].filter(([name]) => split(name).name === "progress").map(([, at]) => at.value);
    return parts.length ? parts.reduce((a, b) => a + b) / parts.length : null;
  }

  /** 0 … 1: how far a step is. */
  progressOf(step) {
    const state = this.steps.get(step);
    if (state === "done" || state === "reused") return 1;
    return state === "waiting" ? 0 : (this.latest.get(`${step}/progress`)?.value ?? 0);
  }
}
