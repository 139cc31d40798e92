// What the tab shows of a sweep.

import { format, title } from "./chart.js";
import { Parallel } from "./parallel.js";
import { BestSoFar, Card, Curves, Front } from "./sweep_charts.js";
import { TrialTable } from "./trial_table.js";

const LIMITS = { trials: "Trials", wall_seconds: "Time", cpu_seconds: "CPU time", cost: "Cost" };

const UNITS = [["d", 86400, "h", 3600], ["h", 3600, "min", 60], ["min", 60, "s", 1]];

export class SweepView {
  /** @param scope the step of a group that sweeps, or "" */
  constructor(scope) {
    this.box = document.createElement("div");
    this.box.className = "sweep";
    this.box.dataset.sweep = scope;
    if (scope) this.box.appendChild(document.createElement("h2")).textContent = scope;
    this.summary = new Summary();
    this.best = new BestSoFar();
    this.curves = new Curves();
    this.parallel = new Parallel();
    this.importance = new Importance();
    this.front = new Front();
    this.rounds = new Rounds();
    this.table = new TrialTable((trial) => this.parallel.focus(trial));
    this.parallel.box.classList.add("wide");
    const cards = [this.summary, this.best, this.importance, this.curves, this.front, this.parallel, this.rounds, this.table];
    this.box.append(...cards.map(({ box }) => box));
  }

  /** @param now seconds since 1970, by the server's clock  @param alive whether the task runs */
  show(sweep, dark, now, alive) {
    this.drawn = [sweep, dark];
    this.best.show(sweep, dark);
    this.curves.show(sweep, dark);
    this.front.show(sweep, dark);
    this.parallel.show(sweep);
    this.importance.show(sweep);
    this.rounds.show(sweep);
    this.table.show(sweep);
    this.tick(sweep, now, alive);
    this.box.dataset.trials = sweep.trials.size;
  }

  /** Time goes on where no trial ends. */
  tick(sweep, now, alive) {
    this.summary.show(sweep, now, alive);
  }

  redraw(dark) {
    if (!this.drawn) return;
    for (const chart of [this.best, this.curves, this.front]) chart.show(this.drawn[0], dark);
  }
}

/** The best trial, and how much of the budget is left. */
class Summary extends Card {
  constructor() {
    super("Best trial", "summary");
    this.box.classList.add("wide", "summary");
    this.found = this.picture.appendChild(document.createElement("div"));
    this.limits = this.picture.appendChild(document.createElement("div"));
    this.limits.className = "limits";
  }

  show(sweep, now, alive) {
    const [best] = sweep.ranked();
    this.found.replaceChildren(...(best ? this.bestOf(sweep, best) : []));
    const budget = sweep.budget(alive ? now : sweep.latest);
    const next = Math.min(...budget.map(({ seconds }) => seconds));
    this.limits.replaceChildren(...budget.map((limit) => limitRow(limit)));
    this.say(this.words_(sweep, best, alive, next, now));
  }

  bestOf(sweep, best) {
    const head = document.createElement("p");
    head.className = "figures";
    for (const metric of sweep.metrics) {
      head.appendChild(document.createElement("b")).textContent = format(best.metrics[metric]);
      head.appendChild(document.createElement("span")).textContent = title(metric);
      // Of the last training, on rows that the search never saw.
      const test = sweep.header.test?.[metric];
      if (test === undefined) continue;
      head.appendChild(document.createElement("b")).textContent = format(test);
      head.appendChild(document.createElement("span")).textContent = `Test ${title(metric)}`;
    }
    const list = document.createElement("dl");
    for (const name of sweep.parameters) {
      if (!(name in best.parameters)) continue;
      const pair = list.appendChild(document.createElement("div"));
      pair.appendChild(document.createElement("dt")).textContent = name;
      const value = best.parameters[name];
      pair.appendChild(document.createElement("dd")).textContent = typeof value === "number" ? format(value) : String(value);
    }
    return [head, list];
  }

  words_(sweep, best, alive, next, now) {
    const counts = ["finished", "stopped", "failed", "running"]
      .map((state) => [state, sweep.of(state).length])
      .filter(([, count]) => count)
      .map(([state, count]) => `${count.toLocaleString("en")} ${state === "running" && !alive ? "interrupted" : state === "stopped" ? "stopped early" : state}`);
    const notes = (sweep.header.notes ?? []).map((note) => ` ${note}.`).join("");
    const trial = best ? `Trial ${best.number}. ` : "";
    if (sweep.header.ended) return `${trial}${counts.join(", ")}. Ended: ${sweep.header.ended}.${notes}`;
    if (!alive) return `${trial}${counts.join(", ")}. The task has stopped; its retry goes on from here.${notes}`;
    const end = Number.isFinite(next) ? ` About ${duration(next)} left, until ${clock(now + next, now)}.` : "";
    return `${trial}${counts.join(", ") || "No trial yet"}.${end}${notes}`;
  }
}

function limitRow({ name, limit, used, left }) {
  const say = name.endsWith("seconds") ? duration : format;
  const row = document.createElement("div");
  const label = row.appendChild(document.createElement("label"));
  label.textContent = LIMITS[name];
  const bar = label.appendChild(document.createElement("progress"));
  bar.max = 1;
  bar.value = Math.min(used / limit, 1);
  row.appendChild(document.createElement("span")).textContent = `${say(used)} of ${say(limit)}, ${say(left)} left`;
  row.dataset.limit = name;
  return row;
}

/** How much of the objective's variance each parameter explains. */
class Importance extends Card {
  constructor() {
    super("Parameter importance", "importance");
    this.list = this.picture.appendChild(document.createElement("div"));
    this.list.className = "bars";
  }

  show({ importance, metrics, header }) {
    const shares = Object.entries(importance?.objectives[metrics[0]] ?? {});
    if (!shares.length) {
      this.list.replaceChildren();
      this.say(header.ended ? "Too few trials have finished." : "Comes once ten trials have finished and half a minute has gone by, at the latest at the end.");
      return;
    }
    const rest = Math.max(1 - shares.reduce((sum, [, share]) => sum + share, 0), 0);
    const rows = [...shares, ["together", rest]];
    this.list.replaceChildren(...rows.map(([name, share]) => bar(name, share)));
    const others = metrics.slice(1).map((metric) => {
      const [first] = Object.entries(importance.objectives[metric] ?? {});
      return first ? ` Of ${title(metric)}, most is ${first[0]}'s (${percent(first[1])}).` : "";
    });
    this.say(`Share of the variance of ${title(metrics[0])}, after ${importance.trials.toLocaleString("en")} trials.${others.join("")}`);
  }
}

function bar(name, share) {
  const row = document.createElement("div");
  row.dataset.parameter = name;
  row.appendChild(document.createElement("span")).textContent = name;
  row.appendChild(document.createElement("i")).style.setProperty("--share", `${100 * share}%`);
  row.appendChild(document.createElement("b")).textContent = percent(share);
  if (name === "together") row.title = "What parameters do only in combination";
  return row;
}

/** What each round searched, and what it came to. */
class Rounds extends Card {
  constructor() {
    super("Rounds", "rounds");
    this.box.classList.add("wide");
    this.table = this.picture.appendChild(document.createElement("table"));
    this.picture.className = "wide-picture";
  }

  show(sweep) {
    this.box.hidden = sweep.rounds.length === 0;
    if (this.box.hidden) return;
    const ranked = sweep.ranked();
    const rounds = [{ number: 0, space: sweep.header.space }, ...sweep.rounds];
    const rows = rounds.map(({ number, space }) => {
      const own = ranked.filter(({ round }) => round === number);
      return [number + 1, own.length, own.length ? format(own[0].metrics[sweep.metrics[0]]) : "–", ...sweep.parameters.map((name) => range(space[name]))];
    });
    const head = ["Round", "Finished", `Best ${title(sweep.metrics[0])}`, ...sweep.parameters];
    this.table.replaceChildren(...[head, ...rows].map((cells, place) => {
      const row = document.createElement("tr");
      for (const cell of cells) row.appendChild(document.createElement(place ? "td" : "th")).textContent = cell;
      return row;
    }));
  }
}

function range(dimension) {
  return dimension.type === "choice" ? dimension.options.join(", ") : `${format(dimension.low)} … ${format(dimension.high)}`;
}

function percent(share) {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;
}

/** "1 h 5 min", "3 min 20 s", "4.2 s" */
export function duration(seconds) {
  for (const [unit, size, below, part] of UNITS) {
    if (seconds < size) continue;
    const parts = Math.round(seconds / part);
    const rest = parts % (size / part);
    return `${Math.floor(parts / (size / part))} ${unit}${rest ? ` ${rest} ${below}` : ""}`;
  }
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

function clock(time, now) {
  const shown = { hour: "2-digit", minute: "2-digit", ...(time - now > 72000 ? { day: "numeric", month: "short" } : {}) };
  return new Date(time * 1000).toLocaleString([], shown);
}
