// Asks the public API. Errors are problem documents (RFC 9457); a key is asked for when the API wants one.

export class Problem extends Error {
  constructor(status, detail, retryAfterS = null) {
    super(detail);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

export class Client {
  /** `keyring` gives the key and asks a person for one. */
  constructor(keyring) {
    this.keyring = keyring;
  }

  /** Gives a response that is good. Throws Problem: status 0 means that nothing answers at all. */
  async open(path, { params = {}, headers = {}, ...options } = {}) {
    for (;;) {
      const key = this.keyring.key;
      const all = key ? { authorization: `Bearer ${key}`, ...headers } : headers;
      const response = await answered(address(path, params), { ...options, headers: all });
      if (response.ok || response.status === 304) return response;
      if (response.status === 401 && (key !== this.keyring.key || (await this.keyring.renew()))) continue;
      throw await problem(response);
    }
  }

  /** Gives an answer's JSON. Parameters that are null or empty are left out. */
  async ask(path, params = {}, options = {}) {
    return (await this.open(path, { params, ...options })).json();
  }

  /** Gives an answer, or `otherwise` where this API has no such thing yet or this key may not ask for it. */
  async askIfThere(path, params = {}, otherwise = null) {
    try {
      return await this.ask(path, params);
    } catch (error) {
      if (error instanceof Problem && [403, 404, 405, 501, 503].includes(error.status)) return otherwise;
      throw error;
    }
  }

  /** Sends a change and gives what the API says of it. */
  async send(path, body = {}, method = "POST") {
    const headers = { "content-type": "application/json" };
    const response = await this.open(path, { method, headers, body: JSON.stringify(body) });
    return response.status === 204 ? null : response.json();
  }
}

function address(path, params) {
  const given = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return query ? `${path}?${query}` : path;
}

async function answered(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "the API does not answer; is it running? This page tries again by itself");
  }
}

async function problem(response) {
  const told = await response.json().catch(() => ({}));
  const detail = typeof told.detail === "string" ? told.detail : `${response.status} ${response.statusText}`;
  return new Problem(response.status, detail, Number(response.headers.get("retry-after")) || null);
}
