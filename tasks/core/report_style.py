"""metrics -> report: how report.html looks, and the little that its script adds.

The colours of the verdict reasons are Okabe and Ito's, which people tell apart however they see
colours. Without the script the page lacks nothing but sorting and filtering.
"""

STYLE = """
:root {
  --ink: #1b1f24; --soft: #57606a; --page: #ffffff; --panel: #f4f6f8; --edge: #d0d7de;
  --p0: #f6c9a8; --p1: #f8dfc3; --p2: #eeeeee; --p3: #cfe3f2; --p4: #9ecae9; --cell: #14181c;
  --bar: #0072b2; --whisker: #1b1f24;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --soft: #9aa5b1; --page: #0f1419; --panel: #1a2129; --edge: #36404a;
    --p0: #8a3f0c; --p1: #6b4a2a; --p2: #43484e; --p3: #23506f; --p4: #0b669b; --cell: #ffffff;
    --bar: #3aa0dc; --whisker: #ffffff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem clamp(0.8rem, 3vw, 2.5rem) 4rem; }
h1 { font-size: clamp(1.4rem, 4vw, 2rem); line-height: 1.2; margin: 0; }
h1, li, p, summary, td, th { unicode-bidi: isolate; }
h1, li, p, summary, .long, .values td, .values th { overflow-wrap: anywhere; white-space: normal; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 0.6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 0.3rem; }
p { margin: 0.4rem 0; }
.dates { color: var(--soft); }
.score { background: var(--panel); border: 1px solid var(--edge); border-radius: 10px;
  padding: 0.9rem 1.2rem 1rem; margin-top: 1.2rem; }
.score h2 { margin: 0; font-size: 1rem; font-weight: 600; color: var(--soft); }
.headline { font-size: clamp(2.4rem, 8vw, 3.6rem); font-weight: 700; line-height: 1.1;
  font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; }
.whisker { height: 32px; max-width: 44rem; margin: 0.3rem 0; overflow: visible; }
.axis { display: flex; justify-content: space-between; max-width: 44rem; margin: 0;
  color: var(--soft); font-size: 0.8rem; line-height: 1; }
.track { fill: var(--page); stroke: var(--edge); }
.bar { fill: var(--bar); }
.whisker line { stroke: var(--whisker); stroke-width: 2.5; }
.stacked { height: 40px; margin: 0.4rem 0 0.8rem; }
.stacked rect { stroke: var(--page); stroke-width: 2; }
.stacked text { fill: #000; font-size: 14px; font-weight: 600; text-anchor: middle;
  dominant-baseline: central; }
.stacked .t-context_overflow, .stacked .t-violation { fill: #fff; }
.swatch { display: inline-block; width: 0.9em; height: 0.9em; border: 1px solid var(--soft);
  border-radius: 2px; margin-right: 0.45em; vertical-align: -0.08em; }
.reason { white-space: nowrap; }
.r-passed { fill: #009e73; background: #009e73; }
.r-wrong_answer { fill: #e69f00; background: #e69f00; }
.r-exception { fill: #d55e00; background: #d55e00; }
.r-timeout { fill: #56b4e9; background: #56b4e9; }
.r-memory { fill: #cc79a7; background: #cc79a7; }
.r-killed { fill: #f0e442; background: #f0e442; }
.r-no_code { fill: #bdbdbd; background: #bdbdbd; }
.r-context_overflow { fill: #0072b2; background: #0072b2; }
.r-bad_value { fill: #e8c9dc; background: #e8c9dc; }
.r-violation { fill: #4d4d4d; background: #4d4d4d; }
.r-unscored { fill: #ffffff; background: #ffffff; }
.scroll { overflow-x: auto; margin: 0.5rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; }
caption { text-align: left; color: var(--soft); padding: 0.2rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.28rem 1.1rem 0.28rem 0;
  border-bottom: 1px solid var(--edge); white-space: nowrap; }
.long { min-width: 14rem; }
.last { color: var(--soft); }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 600; }
td { font-variant-numeric: tabular-nums; }
.values tbody th { font-weight: 400; color: var(--soft); min-width: 9rem; }
.values .long { min-width: 9rem; }
.map td, .map th { border: 0; padding: 0; }
.map { border-collapse: separate; border-spacing: 3px; }
.map tbody th { padding-right: 0.8rem; vertical-align: middle;
  position: sticky; left: 0; background: var(--page); }
.map .name { font-weight: 400; color: var(--soft); display: inline-block; max-width: 18rem;
  overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }
.map tbody td { min-width: 3rem; text-align: center; color: var(--cell); border-radius: 4px;
  line-height: 1.15; padding: 0.2rem 0.1rem; font-weight: 700; }
.map td small { display: block; font-size: 0.68rem; font-weight: 400; }
.map .rest { background: none; }
.p0 { background: var(--p0); } .p1 { background: var(--p1); } .p2 { background: var(--p2); }
.p3 { background: var(--p3); } .p4 { background: var(--p4); }
.keys { list-style: none; display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; padding: 0;
  margin: 0.3rem 0; font-size: 0.9rem; }
.key { display: inline-block; min-width: 2.2rem; text-align: center; border-radius: 4px;
  color: var(--cell); font-weight: 700; }
details { margin: 0.25rem 0; }
summary { cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--panel); margin: 0.3rem 0;
  border: 1px solid var(--edge); border-radius: 6px; padding: 0.5rem 0.7rem; font-size: 0.8rem;
  max-height: 30rem; overflow: auto; unicode-bidi: isolate; }
.failure summary { font-size: 0.92rem; }
.sortable thead button { font: inherit; color: inherit; background: none; border: 0; padding: 0;
  cursor: pointer; text-decoration: underline dotted; }
.filter { font: inherit; color: inherit; background: var(--page); padding: 0.3rem 0.6rem;
  border: 1px solid var(--edge); border-radius: 6px; width: min(100%, 26rem); margin: 0.4rem 0; }
@media (max-width: 40rem) {
  .map .name { display: none; }
  .map tbody td { min-width: 2.7rem; }
}
@media print {
  :root { --ink: #000; --soft: #333; --page: #fff; --panel: #fff; --edge: #999; --cell: #000;
    --p0: #f6c9a8; --p1: #f8dfc3; --p2: #eee; --p3: #cfe3f2; --p4: #9ecae9; --whisker: #000; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  .filter { display: none; }
  pre { max-height: none; overflow: visible; }
  tr, .score, svg, h2, h3 { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""

SCRIPT = """
(function () {
  "use strict";
  function key(row, index) {
    var text = row.cells[index].textContent.replace(/,/g, "");
    return text.split(/([0-9]+)/).map(function (part, i) { return i % 2 ? Number(part) : part; });
  }
  function compare(a, b) {
    for (var i = 0; i < Math.min(a.length, b.length); i += 1) {
      if (a[i] < b[i]) { return -1; }
      if (a[i] > b[i]) { return 1; }
    }
    return a.length - b.length;
  }
  function sortBy(head, index) {
    var down = head.getAttribute("aria-sort") === "ascending";
    var body = head.closest("table").tBodies[0];
    Array.from(body.rows)
      .map(function (row) { return { row: row, key: key(row, index) }; })
      .sort(function (a, b) { return compare(a.key, b.key) * (down ? -1 : 1); })
      .forEach(function (one) { body.appendChild(one.row); });
    Array.from(head.parentNode.cells).forEach(function (c) { c.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  }
  document.querySelectorAll(".sortable thead th").forEach(function (head, index) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", function () { sortBy(head, index); });
    head.replaceChildren(button);
  });
  var failures = document.getElementById("failures");
  var entries = Array.from(failures.querySelectorAll(".failure"));
  if (entries.length > 5) {
    var filter = document.createElement("input");
    filter.type = "search";
    filter.className = "filter";
    filter.placeholder = "filter failures, as in exception";
    filter.setAttribute("aria-label", "filter failures");
    filter.addEventListener("input", function () {
      var wanted = filter.value.toLowerCase();
      entries.forEach(function (entry) {
        entry.hidden = entry.textContent.toLowerCase().indexOf(wanted) < 0;
      });
      failures.querySelectorAll("h3").forEach(function (title) {
        var next = title.nextElementSibling, shown = false;
        for (; next && next.tagName !== "H3"; next = next.nextElementSibling) {
          shown = shown || !next.hidden;
        }
        title.hidden = !shown;
      });
    });
    failures.querySelector("p").after(filter);
  }
})();
"""
