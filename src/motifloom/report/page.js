"use strict";
// Sorts a table by a click on a header, and hides rows that lack a text. Without it the page shows everything.

function sortKey(row, column) {
  const cell = row.cells[column];
  return cell.dataset.sort === undefined ? cell.textContent.trim() : Number(cell.dataset.sort);
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a.localeCompare(b, "en", { numeric: true });
}

function sortBy(table, column, header) {
  const rows = [...table.tBodies[0].rows];
  // Numbers begin with the greatest, words with the first of the alphabet; the next click turns them round.
  const sorted = header.getAttribute("aria-sort");
  const words = !rows.some((row) => "sort" in row.cells[column].dataset);
  const upward = sorted === null ? words : sorted === "descending";
  rows.sort((a, b) => (upward ? 1 : -1) * compare(sortKey(a, column), sortKey(b, column)));
  table.tBodies[0].append(...rows);
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", upward ? "ascending" : "descending");
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    if ("fixed" in header.dataset) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sortBy(table, column, header));
  });
}

for (const input of document.querySelectorAll(".filter input")) {
  const block = input.closest(".motif-block");
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of block.querySelectorAll("tbody tr")) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    }
    const rest = block.querySelector("details.rest");
    if (rest && wanted) rest.open = rest.querySelector("tbody tr:not([hidden])") !== null;
  });
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("main details:not(.rest)")) details.open = true;
});
