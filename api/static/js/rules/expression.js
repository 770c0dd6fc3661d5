// Reads the conditions of rules, to draw them: comparisons, and/or/not, arithmetic, min and max, `in`.
// The hot path decides; this only shows. What it cannot read is shown as text.

const TOKEN = /\s*(>=|<=|==|!=|[-+*/()<>,]|\d+(?:\.\d+)?|'[^']*'|"[^"]*"|[A-Za-z_][\w.]*)/y;
const FUNCTIONS = { min: (values) => Math.min(...values.flat()), max: (values) => Math.max(...values.flat()), abs: ([value]) => Math.abs(value) };
const COMPARE = {
  ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, "<": (a, b) => a < b,
  "==": (a, b) => a === b, "!=": (a, b) => a !== b, in: (a, b) => b.includes(a),
};

/** Gives a tree with `text` and `value(signals)` on each node, or null for what it cannot read. */
export function readCondition(text) {
  if (!text) return null;
  try {
    const parser = new Parser(text);
    const made = parser.any();
    return parser.next === null ? made : null;
  } catch {
    return null;
  }
}

/** The comparisons that a condition is made of: {left, operator, right} with `value(signals)` on both sides. */
export function comparisons(condition) {
  if (!condition) return [];
  return condition.operator ? [condition] : (condition.parts ?? []).flatMap(comparisons);
}

class Parser {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.advance();
  }

  advance() {
    const taken = this.next;
    TOKEN.lastIndex = this.at;
    const found = TOKEN.exec(this.text);
    if (!found && this.text.slice(this.at).trim()) throw new SyntaxError(this.text);
    this.next = found ? found[1] : null;
    if (found) this.at = TOKEN.lastIndex;
    return taken;
  }

  take(token) {
    if (this.next !== token) throw new SyntaxError(this.text);
    return this.advance();
  }

  any() {
    return this.#joined("or", () => this.all(), (values) => values.some(Boolean));
  }

  all() {
    return this.#joined("and", () => this.claim(), (values) => values.every(Boolean));
  }

  claim() {
    if (this.next === "not") {
      this.advance();
      const part = this.claim();
      return { parts: [part], signals: part.signals, value: (given) => !part.value(given) };
    }
    const left = this.sum();
    if (!(this.next in COMPARE)) return left;
    const operator = this.advance();
    const right = this.sum();
    const compare = COMPARE[operator];
    return {
      operator, left, right, signals: [...left.signals, ...right.signals],
      value: (given) => compare(left.value(given), right.value(given)),
    };
  }

  sum() {
    return this.#arithmetic(["+", "-"], () => this.product());
  }

  product() {
    return this.#arithmetic(["*", "/"], () => this.atom());
  }

  atom() {
    const token = this.advance();
    if (token === "(") return this.#bracket();
    if (token === "-") {
      const inner = this.atom();
      return { ...inner, value: (given) => -inner.value(given) };
    }
    if (/^\d/.test(token)) return constant(Number(token));
    if (/^['"]/.test(token)) return constant(token.slice(1, -1));
    if (this.next === "(" && token in FUNCTIONS) return this.#call(token);
    if (!/^[A-Za-z_]/.test(token)) throw new SyntaxError(this.text);
    return { signals: [token], name: token, value: (given) => given[token] };
  }

  #bracket() {
    const first = this.any();
    if (this.next !== ",") {
      this.take(")");
      return first;
    }
    const members = [first];
    while (this.next === ",") {
      this.advance();
      if (this.next !== ")") members.push(this.any());
    }
    this.take(")");
    return { signals: [], value: (given) => members.map((one) => one.value(given)) };
  }

  #call(name) {
    this.take("(");
    const given = [this.any()];
    while (this.next === ",") {
      this.advance();
      given.push(this.any());
    }
    this.take(")");
    const signals = given.flatMap((one) => one.signals);
    return { signals, name: signals[0], value: (values) => FUNCTIONS[name](given.map((one) => one.value(values))) };
  }

  #joined(word, part, value) {
    const parts = [part()];
    while (this.next === word) {
      this.advance();
      parts.push(part());
    }
    if (parts.length === 1) return parts[0];
    return { parts, signals: parts.flatMap((one) => one.signals), value: (given) => value(parts.map((one) => one.value(given))) };
  }

  #arithmetic(operators, part) {
    let left = part();
    while (operators.includes(this.next)) {
      const operator = this.advance();
      const [one, other] = [left, part()];
      const count = { "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b }[operator];
      left = {
        signals: [...one.signals, ...other.signals], name: one.name ?? other.name,
        value: (given) => count(one.value(given), other.value(given)),
      };
    }
    return left;
  }
}

const constant = (value) => ({ signals: [], value: () => value });
