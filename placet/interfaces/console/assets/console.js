// Copies digests and commands, draws charts from the tables beside them, and keeps what is being written. Without it every
// page can be read.
"use strict";

function showCopyButtons(within) {
  for (const button of within.querySelectorAll("button[data-copy]")) {
    if (navigator.clipboard) button.hidden = false;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const said = button.firstChild;
  said.textContent = "Copied";
  setTimeout(() => { said.textContent = "Copy"; }, 2000);
});

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// 2026-06 is June; the table has the year.
function monthName(text) {
  const month = /^\d{4}-\d{2}$/.test(text) ? Number(text.slice(5)) : 0;
  return month ? new Date(2000, month - 1).toLocaleString("en", { month: "short" }) : text;
}

// Charts follow the width that they have, whatever changed it.
const HEIGHT = 180;
const charts = new WeakMap();
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) charts.get(target)?.setSize({ width: target.clientWidth, height: HEIGHT });
});

function draw(plot) {
  const rows = [...document.getElementById(plot.dataset.chart).tBodies[0].rows];
  if (!rows.length || !window.uPlot) return;
  const labels = rows.map((row) => monthName(row.cells[0].textContent));
  const heights = rows.map((row) => Number(row.cells[1].dataset.height));
  plot.hidden = false;
  plot.replaceChildren();
  widths.observe(plot);
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  charts.set(plot, new uPlot({
    width: plot.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: [-0.6, rows.length - 0.4] }, y: { range: (_u, low, high) => [Math.min(0, low), Math.max(1, high) * 1.1] } },
    axes: [
      { ...axis, splits: () => labels.map((_label, index) => index), values: () => labels.map((label, index) => (labels.length > 8 && index % 2 ? "" : label)), grid: { show: false }, size: 34 },
      { ...axis, size: 60, values: (_u, values) => values.map((value) => value.toLocaleString("en")) },
    ],
    series: [{}, { fill: colour("--chart"), stroke: colour("--chart"), paths: uPlot.paths.bars({ size: [0.6, 60] }), points: { show: false } }],
  }, [labels.map((_label, index) => index), heights], plot));
}

// Lines of several columns: each with its colour and its pattern. Where a figure is missing, the line has a gap.
const STYLES = [["--chart", []], ["--busy", [6, 4]], ["--busy", [2, 3]], ["--bad", []]];

function drawLines(plot) {
  const rows = [...document.getElementById(plot.dataset.chart).tBodies[0].rows];
  if (!rows.length || !window.uPlot) return;
  plot.hidden = false;
  plot.replaceChildren();
  widths.observe(plot);
  const numbers = [...Array(Number(plot.dataset.lines)).keys()];
  const heights = numbers.map((line) => rows.map((row) => (row.cells[line + 1].dataset.height === "" ? null : Number(row.cells[line + 1].dataset.height))));
  const labels = rows.map((row) => row.cells[0].textContent.split(",")[0]);
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  charts.set(plot, new uPlot({
    width: plot.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: [-0.4, rows.length - 0.6] }, y: { range: (_u, low, high) => { const room = (Math.max(0, high ?? 1) - Math.min(0, low ?? 0) || 1) * 0.1; return [Math.min(0, low ?? 0) - room, Math.max(0, high ?? 1) + room]; } } },
    axes: [
      { ...axis, splits: () => labels.map((_label, index) => index), values: () => labels.map((label, index) => (labels.length > 8 && index % 5 ? "" : label)), grid: { show: false }, size: 34 },
      { ...axis, size: 60, values: (_u, values) => values.map((value) => value.toLocaleString("en")) },
    ],
    series: [{}, ...numbers.map((line) => ({ stroke: colour(STYLES[line % 4][0]), dash: STYLES[line % 4][1], width: line ? 1.5 : 2.5, points: { show: line === 0, size: 7, fill: colour(STYLES[line % 4][0]) } }))],
  }, [labels.map((_label, index) => index), ...heights], plot));
}

function prepare(within) {
  showCopyButtons(within);
  for (const plot of within.querySelectorAll(".plot")) (plot.dataset.lines ? drawLines : draw)(plot);
}

document.addEventListener("DOMContentLoaded", () => {
  document.documentElement.classList.add("js");
  prepare(document);
});
document.addEventListener("htmx:afterSwap", () => prepare(document.getElementById("content")));
document.addEventListener("htmx:beforeSwap", (event) => {
  // What is being written, and a file that was chosen, outlive a refresh as long as there is a form for them.
  const fields = document.querySelectorAll("form[data-keep] :is(textarea, select, input:not([type=hidden])), #run input[type=file]");
  const begun = [...fields].some((one) => one.value);
  if (begun && /data-keep|type="file"/.test(event.detail.serverResponse)) event.detail.shouldSwap = false;
});

// A fault in a text leads to its line there.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  const text = link && document.getElementById(link.hash.slice(1));
  if (!text) return;
  event.preventDefault();
  const lines = text.value.split("\n");
  const number = Math.min(Number(link.dataset.line), lines.length) - 1;
  const begin = lines.slice(0, number).reduce((sum, line) => sum + line.length + 1, 0);
  text.focus();
  text.setSelectionRange(begin, begin + lines[number].length);
  text.scrollTop = (text.scrollHeight * number) / lines.length - text.clientHeight / 2;
});

// Enter presses the button beside a field, where it is not the first of its form.
document.addEventListener("keydown", (event) => {
  const button = event.key === "Enter" && !event.isComposing && document.getElementById(event.target.dataset?.enter);
  if (!button) return;
  event.preventDefault();
  button.form.requestSubmit(button);
});

// What was chosen on the inbox stays chosen when the list is shown anew.
let chosen = [];
document.addEventListener("htmx:beforeSwap", () => {
  chosen = [...document.querySelectorAll("#waiting input[name=run]:checked")].map((box) => box.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of chosen) document.getElementById(id)?.click();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => prepare(document));

// Keeps what somebody typed while they sign in again: in this tab alone, for the same person, and cleared after.
(() => {
  const KEY = "placet-typed", LASTS = 60 * 60 * 1000;
  const FIELDS = ["textarea[name]", "select[name]", "input[name]:not([type=hidden], [type=file], [type=password], [type=checkbox])"].join();
  const who = document.body.dataset.visitor;
  // A refused form is shown at the address that it was posted to, where nothing can be asked for.
  const here = location.pathname.replace(/\/(statements|decisions|drafts)$/, "").replace(/^(\/console\/halts)\/.+/, "$1");

  function kept() {
    try { return JSON.parse(sessionStorage.getItem(KEY)); } catch { return null; }
  }
  function keep(what) {
    try {
      if (what) sessionStorage.setItem(KEY, JSON.stringify(what));
      else sessionStorage.removeItem(KEY);
    } catch { /* without storage nothing is kept */ }
  }
  function note(form, ended) {
    // Of a form that no address shows again, all is kept: its hidden fields and what is ticked as well.
    const whole = form.hasAttribute("data-whole");
    const fields = whole
      ? Object.fromEntries([...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "form_token"))
      : Object.fromEntries([...form.querySelectorAll(FIELDS)].filter((one) => one.value).map((one) => [one.name, one.value]));
    const written = [...form.querySelectorAll("textarea, input")].some((one) => fields[one.name]);
    if (who && written) keep({ who, at: Date.now(), path: here, search: location.search, action: form.getAttribute("action"), fields, ended, whole });
  }
  function post(what) {
    const form = document.createElement("form"), token = document.querySelector("input[name=form_token]");
    const action = what.action.split("#")[0];
    if (!token || action !== location.pathname) return;
    form.method = "post";
    form.action = action;
    form.hidden = true;
    for (const [name, value] of Object.entries({ ...what.fields, form_token: token.value, do: "again" })) {
      const field = document.createElement("textarea"); // an input would lose the ends of lines
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    form.submit();
  }
  function bring(what) {
    if (what.whole) return post(what);
    const form = [...document.forms].find((one) => one.getAttribute("action") === what.action);
    if (!form) return;
    for (const [name, value] of Object.entries(what.fields)) {
      const field = form.elements[name];
      if (field && field.matches?.(FIELDS)) field.value = value;
    }
    for (let one = form.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
    const said = document.createElement("p");
    said.className = "notice good";
    said.setAttribute("role", "status");
    said.textContent = "What you had written before your session ended is here again. Nothing was sent.";
    form.prepend(said);
  }

  const what = kept();
  if (document.querySelector("[data-ended]")) {
    const link = document.querySelector("a[data-again]");
    if (what) {
      keep({ ...what, ended: true });
      if (link) link.href += `?next=${encodeURIComponent(what.path + what.search)}`;
    }
  } else if (who && !location.pathname.startsWith("/console/sign/")) {
    keep(null);
    if (what && what.ended && what.who === who && what.path === location.pathname && Date.now() - what.at < LASTS) bring(what);
  }
  document.addEventListener("submit", (event) => {
    if (event.target.action.endsWith("/sign-out")) keep(null);
    else if (event.target.method === "post") note(event.target, false);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.serverResponse.includes("data-ended")) return;
    for (const form of document.querySelectorAll("form[method=post]")) note(form, true);
  });
})();
