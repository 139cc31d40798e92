// The trials of a sweep as a table: sorted by any column, some at a time.

import { Card } from "./sweep_charts.js";
import { format, title } from "./chart.js";

const ROWS = 25;
const MORE = 100;
const STATES = ["all", "running", "finished", "stopped", "failed"];

export class TrialTable extends Card {
  /** @param onFocus told the trial under the pointer, or null */
  constructor(onFocus) {
    super("Trials", "trials");
    this.box.classList.add("wide");
    this.rows = ROWS;
    this.state = "all";
    this.column = null;
    this.descending = false;
    this.onFocus = onFocus;
    this.states = this.box.insertBefore(document.createElement("select"), this.words);
    this.states.setAttribute("aria-label", "Trials of which state");
    this.states.append(...STATES.map((state) => new Option(state)));
    this.states.addEventListener("change", () => {
      this.state = this.states.value;
      this.rows = ROWS;
      this.show(this.sweep);
    });
    this.picture.className = "wide-picture";
    this.table = this.picture.appendChild(document.createElement("table"));
    this.head = this.table.createTHead().insertRow();
    this.body = this.table.createTBody();
    this.more = this.box.appendChild(document.createElement("button"));
    this.more.type = "button";
    this.more.addEventListener("click", () => {
      this.rows += MORE;
      this.show(this.sweep);
    });
  }

  show(sweep) {
    this.sweep = sweep;
    const columns = this.columns();
    const column = columns.find(({ name }) => name === this.column) ?? columns[2];
    this.showHead(columns, column);
    const wanted = [...sweep.trials.values()].filter((trial) => this.state === "all" || trial.state === this.state);
    const keyed = wanted.map((trial) => ({ trial, key: column.of(trial) }));
    keyed.sort((a, b) => compare(a.key, b.key, this.descending) || a.trial.number - b.trial.number);
    this.body.replaceChildren(...keyed.slice(0, this.rows).map(({ trial }) => this.row(trial, columns)));
    this.box.dataset.trials = wanted.length;
    const left = wanted.length - this.body.rows.length;
    this.more.hidden = left <= 0;
    this.more.textContent = left > MORE ? `Show ${MORE} of ${left.toLocaleString("en")} more` : `Show ${left} more`;
    for (const option of this.states.options) {
      const count = option.index ? sweep.of(option.value).length : sweep.trials.size;
      option.text = `${STATES[option.index]} (${count.toLocaleString("en")})`;
      option.value = STATES[option.index];
    }
  }

  columns() {
    const { sweep } = this;
    return [
      { name: "number", title: "Trial", of: (trial) => trial.number, text: (trial) => String(trial.number) },
      { name: "state", title: "State", of: (trial) => trial.state, text: (trial) => stateWords(trial, sweep) },
      // The best first, whichever way it goes.
      ...sweep.metrics.map((metric) => ({
        name: `metric ${metric}`,
        title: title(metric),
        of: (trial) => (metric in trial.metrics ? sweep.loss(trial, metric) : undefined),
        text: (trial) => format(trial.metrics[metric]),
      })),
      ...sweep.parameters.map((name) => ({ name, title: name, of: (trial) => trial.parameters?.[name] })),
      { name: "seconds", title: "Seconds", of: (trial) => trial.seconds },
    ];
  }

  showHead(columns, chosen) {
    const key = columns.map(({ name }) => name).join();
    if (this.key !== key) {
      this.key = key;
      this.head.replaceChildren(
        ...columns.map(({ name, title: shown }) => {
          const cell = document.createElement("th");
          cell.scope = "col";
          const button = cell.appendChild(document.createElement("button"));
          button.type = "button";
          button.textContent = shown;
          button.addEventListener("click", () => {
            this.descending = this.chosen === name && !this.descending;
            this.column = name;
            this.show(this.sweep);
          });
          return cell;
        }),
      );
    }
    this.chosen = chosen.name;
    columns.forEach(({ name }, place) => {
      const sorted = name === chosen.name ? (this.descending ? "descending" : "ascending") : "none";
      this.head.cells[place].setAttribute("aria-sort", sorted);
    });
  }

  row(trial, columns) {
    const row = document.createElement("tr");
    row.dataset.state = trial.state;
    row.dataset.trial = trial.number;
    for (const { of, text } of columns) {
      const value = text ? text(trial) : of(trial);
      row.insertCell().textContent = text ? value : typeof value === "number" ? format(value) : String(value ?? "–");
    }
    row.addEventListener("pointerenter", () => this.onFocus(trial.state === "finished" ? trial : null));
    row.addEventListener("pointerleave", () => this.onFocus(null));
    return row;
  }
}

function stateWords(trial, sweep) {
  const again = trial.attempt > 1 ? `, attempt ${trial.attempt}` : "";
  if (trial.state === "failed") return `failed (${trial.cause})${again}: ${trial.message}`;
  if (trial.state === "running" && sweep.header.ended) return `interrupted${again}`;
  return `${trial.state}${again}`;
}

/** What is missing comes last in either direction. */
function compare(a, b, descending) {
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
  const apart = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return descending ? -apart : apart;
}
