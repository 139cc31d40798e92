// The tab: polls what the task tracks, and shows it.

import { Chart, format, title } from "./chart.js";
import { Record } from "./series.js";
import { SweepView } from "./sweep_view.js";

const POLL = 1000;
const POLL_ENDED = 10000;
const POLL_FAILED = 5000;
const REDRAW = 2000;
const ENDED = ["success", "failed", "skipped", "upstream_failed", "removed"];
const ALIVE = ["running", "deferred"];
const REFUSALS = {
  401: "Your session has ended. Sign in to Airflow again.",
  403: "You may not see what this task tracks: reading its DAG's task instances is not among your rights.",
};

const query = new URLSearchParams(location.search);
// An unmapped task leaves Airflow's placeholder in place.
if (!/^\d+$/.test(query.get("map_index") ?? "")) query.set("map_index", "-1");

const at = (id) => document.getElementById(id);
const record = new Record();
const charts = new Map();
const sweeps = new Map();
let cursor = "";
const reports = new Map();
let untold = false;
let drawn = 0;
let skew = 0;

async function poll() {
  let wait = POLL;
  try {
    const page = await fetchPage();
    record.add(page.events);
    record.addRecords(page.records);
    cursor = page.cursor;
    show(page);
    wait = !page.complete ? 0 : ENDED.includes(page.state) ? POLL_ENDED : POLL;
  } catch (error) {
    say(error.message, true);
    wait = POLL_FAILED;
  }
  // A hidden tab asks for nothing until it is looked at again.
  if (document.hidden) document.addEventListener("visibilitychange", poll, { once: true });
  else setTimeout(poll, wait);
}

async function fetchPage() {
  let answer;
  try {
    answer = await fetch(`events?${query}&after=${cursor}`, { headers: { Accept: "application/json" } });
  } catch {
    throw new Error("Airflow does not answer. Trying again…");
  }
  if (answer.ok) {
    // Times are the server's, whatever this machine's clock says.
    skew = Date.parse(answer.headers.get("Date")) / 1000 - Date.now() / 1000 || 0;
    return answer.json();
  }
  const detail = (await answer.json().catch(() => ({}))).detail;
  throw new Error(REFUSALS[answer.status] ?? (typeof detail === "string" ? detail : `Airflow answered ${answer.status}.`));
}

function show({ events, records, complete, state, reports: made }) {
  document.body.dataset.events = record.count;
  if (events.length) {
    showProgress();
    showLatest();
    showCharts();
  }
  untold ||= records.length > 0;
  showSweeps(complete, ALIVE.includes(state));
  showSteps(state);
  showReports(made);
  say(emptyWords(state, made.length), false);
}

/** The steps of a group: where each stands, how far it is, and its latest values. */
function showSteps(state) {
  at("steps").hidden = record.steps.size === 0;
  at("steps").replaceChildren(
    ...[...record.steps].map(([step, told]) => {
      // A job that was killed has not said how its step ended.
      const shown = told === "running" && !ALIVE.includes(state) ? "stopped" : told;
      const row = document.createElement("li");
      row.dataset.step = step;
      row.dataset.state = shown;
      row.appendChild(document.createElement("b")).textContent = step;
      row.appendChild(document.createElement("i")).textContent =
        shown === "running" && record.progressOf(step) > 0 ? `${Math.round(record.progressOf(step) * 100)}%` : shown;
      row.appendChild(document.createElement("span")).textContent = record
        .valuesOf(step)
        .map(({ name, value }) => `${title(name)} ${format(value)}`)
        .join(" · ");
      return row;
    }),
  );
}

/** Drawn when all that there is was read, now and then before; the time that is left goes on by itself. */
function showSweeps(complete, alive) {
  const now = Date.now() / 1000 + skew;
  for (const [scope, sweep] of record.sweeps) {
    if (!sweep.header?.space || (!complete && performance.now() - drawn < REDRAW)) continue;
    if (!sweeps.has(scope)) {
      sweeps.set(scope, new SweepView(scope));
      at("sweeps").appendChild(sweeps.get(scope).box);
      sweeps.get(scope).show(sweep, isDark(), now, alive);
    } else if (untold) sweeps.get(scope).show(sweep, isDark(), now, alive);
    else sweeps.get(scope).tick(sweep, now, alive);
  }
  if (complete) untold = false;
  if (complete || performance.now() - drawn >= REDRAW) drawn = performance.now();
}

/** A report of the task is the whole page; those of steps follow one another under their names. */
function showReports(made) {
  for (const key of made) {
    if (reports.has(key)) continue;
    const box = document.createElement("iframe");
    box.title = key === "report" ? "Report" : `Report of ${key.slice(0, key.lastIndexOf("."))}`;
    box.setAttribute("sandbox", "allow-scripts");
    box.src = `report?${query}&key=${encodeURIComponent(key)}`;
    at("reports").appendChild(box);
    reports.set(key, box);
  }
  for (const [key, box] of reports) box.hidden = !made.includes(key);
}

function showCharts() {
  const names = record.names();
  if (names.some((name) => !charts.has(name))) {
    for (const name of names) {
      if (!charts.has(name)) charts.set(name, new Chart(name));
      at("charts").appendChild(charts.get(name).box);
    }
  }
  for (const name of names) charts.get(name).show(record, isDark());
}

function emptyWords(state, report) {
  if (record.count || report) return "";
  if (state === "running") return "The task runs and has tracked nothing yet. Curves appear here as it does.";
  if (ENDED.includes(state)) return "This task tracked nothing: its stage has no curves, or its output was there already and was reused.";
  return "The task has not started. Curves appear here once it tracks something.";
}

function say(words, failed) {
  at("message").textContent = words;
  at("message").hidden = !words;
  at("message").classList.toggle("failed", failed);
}

function showProgress() {
  const progress = record.progress();
  at("progress").hidden = progress === null;
  if (progress === null) return;
  const percent = `${Math.round(Math.min(Math.max(progress, 0), 1) * 100)}%`;
  at("bar").style.width = percent;
  at("percent").textContent = percent;
}

/** The latest values of the stage itself; those of its scopes stand in the legends, of steps in their rows. */
function showLatest() {
  const tiles = record.names().filter((name) => record.latest.has(name) && !name.includes("/"));
  at("latest").replaceChildren(
    ...tiles.map((name) => {
      const tile = document.createElement("div");
      tile.appendChild(document.createElement("b")).textContent = format(record.latest.get(name).value);
      tile.appendChild(document.createElement("span")).textContent = title(name);
      return tile;
    }),
  );
}

// Airflow's own choice of light or dark, which the page around this one shows.
function airflowRoot() {
  try {
    return window.parent.document.documentElement;
  } catch {
    return document.documentElement;
  }
}

function isDark() {
  const names = airflowRoot().classList;
  if (names.contains("dark")) return true;
  return !names.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches;
}

function applyTheme() {
  document.documentElement.classList.toggle("dark", isDark());
  for (const chart of charts.values()) chart.redraw(record, isDark());
  for (const view of sweeps.values()) view.redraw(isDark());
}

new MutationObserver(applyTheme).observe(airflowRoot(), { attributeFilter: ["class"] });
applyTheme();
poll();
