// Tables: a head, rows by key, and what stands there when there are none.

import { element, freshen } from "../element.js";

const kind = ({ isNumber, isWide }) => (isNumber ? "number" : isWide ? "wide" : "");

/** `columns` are {title, isNumber, isWide, cell(row)}. Gives {node, show(rows)}. */
export function table(caption, columns, nothing) {
  const body = element("tbody");
  const head = columns.map((column) => element("th", { scope: "col", className: kind(column) }, column.title));
  const node = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    element("table", {}, element("caption", { className: "unseen" }, caption), element("thead", {}, element("tr", {}, head)), body));
  const show = (rows) => {
    const made = rows.map((row) => element("tr", {}, columns.map((column) =>
      element("td", { className: kind(column) }, column.cell(row)))));
    const none = element("tr", {}, element("td", { className: "empty", colSpan: columns.length }, nothing));
    freshen(body, made.length ? made : [none]);
  };
  return { node, show };
}

/** Two lines in a cell. */
export const lines = (first, second) => [first, second && element("span", { className: "soft below" }, second)];

/** Facts as a list of terms and values: [[term, value], …]; those without a value are left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", { className: "facts" },
    known.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))));
}

export function tile(label, value, detail = null, className = "") {
  return element("div", { className: `tile ${className}` },
    element("span", { className: "soft" }, label), element("b", {}, value), detail && element("span", { className: "soft" }, detail));
}
