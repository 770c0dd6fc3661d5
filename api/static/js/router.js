// From the address's fragment to a page: `#/vehicles/VIN?view=batch`.

/** Reads a fragment as the words of its path and its parameters. */
export function place(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const words = path.split("/").filter(Boolean).map(decoded);
  return { page: words[0] ?? "fleet", subject: words[1] ?? null, params: new URLSearchParams(query) };
}

/** Writes the fragment of a page. */
export function link(page, subject = null, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value)).toString();
  return `#/${page}${subject === null ? "" : `/${encodeURIComponent(subject)}`}${query ? `?${query}` : ""}`;
}

/** Changes the parameters of the present address without leaving the page. */
export function remember(params) {
  const here = place(location.hash);
  const all = { ...Object.fromEntries(here.params), ...params };
  history.replaceState(null, "", link(here.page, here.subject, all));
}

function decoded(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
