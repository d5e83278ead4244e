// Copies digests and commands, and draws charts from the tables beside them. Without it every page can be read.
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

function draw(plot) {
  const rows = [...document.getElementById(plot.dataset.chart).tBodies[0].rows];
  if (!rows.length || !window.uPlot) return;
  const labels = rows.map((row) => monthName(row.cells[0].textContent));
  const heights = rows.map((row) => Number(row.cells[1].dataset.height));
  plot.hidden = false;
  plot.replaceChildren();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  new uPlot({
    width: Math.max(220, plot.clientWidth),
    height: 180,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: [-0.6, rows.length - 0.4] }, y: { range: (_u, low, high) => [Math.min(0, low), Math.max(1, high) * 1.1] } },
    axes: [
      { ...axis, splits: () => labels.map((_label, index) => index), values: () => labels.map((label, index) => (labels.length > 8 && index % 2 ? "" : label)), grid: { show: false }, size: 34 },
      { ...axis, size: 60, values: (_u, values) => values.map((value) => value.toLocaleString("en")) },
    ],
    series: [{}, { fill: colour("--chart"), stroke: colour("--chart"), paths: uPlot.paths.bars({ size: [0.6, 60] }), points: { show: false } }],
  }, [labels.map((_label, index) => index), heights], plot);
}

function prepare(within) {
  showCopyButtons(within);
  for (const plot of within.querySelectorAll(".plot")) draw(plot);
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

// What was chosen on the inbox stays chosen when the list is shown anew.
let chosen = [];
document.addEventListener("htmx:beforeSwap", () => {
  chosen = [...document.querySelectorAll("#waiting input[name=run]:checked")].map((box) => box.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of chosen) document.getElementById(id)?.click();
});
let narrowness = 0;
window.addEventListener("resize", () => {
  clearTimeout(narrowness);
  narrowness = setTimeout(() => prepare(document), 200);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => prepare(document));
