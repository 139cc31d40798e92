// The record of one task instance: name → scope → step → value.

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
    this.count = 0;
  }

  /** Take events in the order of their time; a step told again (after a retry) replaces the value before. */
  add(events) {
    for (const event of events) {
      const { scope, name } = split(event.name);
      // NaN and infinities come as text, which Number reads.
      const value = Number(event.value);
      if (!this.charts.has(name)) this.charts.set(name, new Map());
      const series = this.charts.get(name);
      if (!series.has(scope)) series.set(scope, new Map());
      series.get(scope).set(event.step, value);
      this.latest.set(event.name, { value, step: event.step, time: event.time });
      this.count += 1;
    }
  }

  /** Names with a chart of their own, the known ones first. */
  names() {
    const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
    return [...this.charts.keys()]
      .filter((name) => name !== "progress")
      .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
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

  /** 0 … 1: what the stage itself says, or the mean of its scopes; null where neither is known. */
  progress() {
    const own = this.latest.get("progress");
    if (own) return own.value;
    const parts = [...this.latest].filter(([name]) => split(name).name === "progress").map(([, at]) => at.value);
    return parts.length ? parts.reduce((a, b) => a + b) / parts.length : null;
  }
}
