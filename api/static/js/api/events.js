// Server-sent events over fetch, since an EventSource cannot send a key; resumes by the last id, by itself.

const QUIET_MS = 40_000; // the server says something at least every 15 s
const LONGEST_WAIT_MS = 10_000;

/** Takes pieces of text and calls `tell(event)` for each whole event, as EventSource would read them. */
export class EventReader {
  #rest = "";
  #fields = new Map();

  constructor(tell) {
    this.tell = tell;
    this.lastId = "";
    this.retryMs = 1000;
  }

  take(text) {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    if (line) {
      const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (name === "data" && this.#fields.has("data")) this.#fields.set("data", `${this.#fields.get("data")}\n${value}`);
      else this.#fields.set(name, value);
      return;
    }
    const fields = this.#fields;
    this.#fields = new Map();
    if (fields.has("id")) this.lastId = fields.get("id");
    if (/^\d+$/.test(fields.get("retry") ?? "")) this.retryMs = Number(fields.get("retry"));
    if (fields.has("data")) this.tell({ kind: fields.get("event") ?? "message", data: fields.get("data") });
  }
}

export class EventStream {
  #ending = new AbortController();
  #failures = 0;

  /** `hear({kind, data})` gets each event, `notice(isConnected, problem)` each change of the connection. */
  constructor(client, path, { params = {}, hear, notice = () => {} }) {
    Object.assign(this, { client, path, params, notice });
    this.reader = new EventReader(hear);
    this.#run();
  }

  close() {
    this.#ending.abort();
  }

  async #run() {
    while (!this.#ending.signal.aborted) {
      let trouble = null;
      try {
        await this.#listen();
      } catch (error) {
        trouble = error;
      }
      if (this.#ending.signal.aborted) return;
      this.notice(false, trouble);
      const waitMs = Math.min(LONGEST_WAIT_MS, this.reader.retryMs * 2 ** Math.min(this.#failures++, 4));
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  async #listen() {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    this.#ending.signal.addEventListener("abort", stop);
    let watchdog = setTimeout(stop, QUIET_MS);
    try {
      const headers = { accept: "text/event-stream" };
      if (this.reader.lastId) headers["last-event-id"] = this.reader.lastId;
      const response = await this.client.open(this.path, { params: this.params, headers, signal: attempt.signal });
      this.#failures = 0;
      this.notice(true, null);
      const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await pieces.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(stop, QUIET_MS);
        this.reader.take(value);
      }
    } finally {
      clearTimeout(watchdog);
      this.#ending.signal.removeEventListener("abort", stop);
    }
  }
}
