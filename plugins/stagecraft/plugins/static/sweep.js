// A sweep as its task tells it: what is searched, the trials so far, and what follows from them.

const LIMITS = ["trials", "wall_seconds", "cpu_seconds", "cost"];

export class Sweep {
  constructor() {
    this.header = null;
    this.trials = new Map();
    this.points = new Map();
    this.rounds = [];
    this.importance = null;
    this.latest = 0;
  }

  /** Take a record; those of the same trial follow one another. */
  take(kind, data, time) {
    this.latest = Math.max(this.latest, time);
    if (kind === "round") this.rounds.push(data);
    else if (kind === "importance") this.importance = data;
    else if (kind === "sweep") {
      // Each try, and each task, tells its sweep anew from the beginning.
      if (data.space) {
        this.trials.clear();
        this.rounds = [];
        this.told = time;
        this.wallBefore = data.wall;
        this.header = data;
      } else this.header = { ...this.header, ...data };
    } else if (data.point) {
      if (!this.points.has(data.number)) this.points.set(data.number, []);
      this.points.get(data.number).push({ time, point: data.point });
    } else {
      // What ends a trial says no more than what came of it; what begins one says it anew.
      const known = data.state === "running" ? undefined : this.trials.get(data.number);
      const began = known ?? { metrics: {}, attempt: 1, round: 0, time };
      this.trials.set(data.number, { ...began, ...data });
      if (data.state !== "running") this.points.delete(data.number);
    }
  }

  get metrics() {
    return Object.keys(this.header.objectives);
  }

  get parameters() {
    const weights = this.importance?.objectives[this.metrics[0]] ?? {};
    return Object.keys(this.header.space).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a.localeCompare(b));
  }

  /** The lower the better. */
  loss(trial, metric = this.metrics[0]) {
    const value = trial.metrics[metric];
    if (value === undefined) return Infinity;
    return this.header.objectives[metric] === "minimize" ? value : -value;
  }

  of(...states) {
    return [...this.trials.values()].filter((trial) => states.includes(trial.state));
  }

  /** Finished trials, the best first. */
  ranked() {
    const order = (a, b) => {
      for (const metric of this.metrics) {
        const apart = this.loss(a, metric) - this.loss(b, metric);
        if (apart) return apart;
      }
      return a.number - b.number;
    };
    return this.of("finished").sort(order);
  }

  /** The finished trials that none beats in one objective and equals in the others. */
  front() {
    const losses = (trial) => this.metrics.map((metric) => this.loss(trial, metric));
    const front = [];
    for (const trial of this.ranked()) {
      const own = losses(trial);
      const beaten = front.some(
        (other) => other.losses.every((loss, i) => loss <= own[i]) && other.losses.some((loss, i) => loss < own[i]),
      );
      if (!beaten) front.push({ trial, losses: own });
    }
    return front.map(({ trial }) => trial);
  }

  /** Of a trial: [step, value] of its curve, as far as it was told. */
  curve(trial) {
    if (trial.curve) return trial.curve;
    const told = this.points.get(trial.number) ?? [];
    return told.filter(({ time }) => time >= trial.time).map(({ point }) => point);
  }

  /** Seconds that sweeps worked on the study: up to now while this one does. */
  wall(now) {
    if (this.header.ended) return this.header.wall;
    return this.wallBefore + Math.max(now - this.told, 0);
  }

  /** Of each limit of the budget: what is used of it, and in how many seconds it ends the sweep. */
  budget(now) {
    const ended = [...this.trials.values()].filter((trial) => trial.state !== "running");
    const wall = this.wall(now);
    const used = {
      trials: ended.length,
      wall_seconds: wall,
      cpu_seconds: ended.reduce((sum, trial) => sum + (trial.cpu ?? 0), 0),
      cost: ended.reduce((sum, trial) => sum + (trial.metrics.cost ?? 0), 0),
    };
    return LIMITS.filter((name) => this.header.budget[name] != null).map((name) => {
      const limit = this.header.budget[name];
      const left = Math.max(limit - used[name], 0);
      const rate = used[name] / wall;
      return { name, limit, used: used[name], left, seconds: left === 0 ? 0 : rate > 0 ? left / rate : Infinity };
    });
  }
}

/** The range of values without those that lie far off: a diverged trial shall not flatten a picture. */
export function fence(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const quarter = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const margin = 3 * (quarter(0.75) - quarter(0.25));
  return [Math.max(sorted[0], quarter(0.25) - margin), Math.min(sorted.at(-1), quarter(0.75) + margin)];
}

/** A few of many, evenly spaced, the first and the last among them. */
export function thinned(items, most) {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, place) => items[Math.round((place * (items.length - 1)) / (most - 1))]);
}
