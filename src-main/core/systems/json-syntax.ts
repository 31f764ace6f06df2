/** Where a text is no JSON, or says something twice, both counted from 1. */
export interface SyntaxProblem {
  line: number;
  column: number;
  what: string;
}

const blank = /[ \t\n\r]*/y;
const text = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const plain = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;

/**
 * The first place where a text is no JSON, or where an object names a property again: `JSON.parse` keeps the last of them without a word,
 * and says of errors where they are in some of its versions only. Null where there is none.
 */
export function jsonProblem(json: string): SyntaxProblem | null {
  try {
    new Scanner(json).document();
    return null;
  } catch (error) {
    if (!(error instanceof Found)) throw error;
    const before = json.slice(0, error.at).split('\n');
    return { line: before.length, column: [...before.at(-1)!].length + 1, what: error.message };
  }
}

class Found extends Error {
  readonly at: number;

  constructor(at: number, what: string) {
    super(what);
    this.at = at;
  }
}

class Scanner {
  private readonly json: string;
  private at = 0;

  constructor(json: string) {
    this.json = json;
  }

  document(): void {
    this.value();
    if (this.peek() !== '') throw this.expected('the end of the file');
  }

  private value(): void {
    const next = this.peek();
    if (next === '{') this.members('}', () => this.property());
    else if (next === '[') this.members(']', () => this.value());
    else if (this.take(text) === null && this.take(plain) === null) throw this.expected('a value');
  }

  private members(end: '}' | ']', member: () => void): void {
    this.at += 1;
    const before = this.names;
    this.names = new Set();
    if (this.peek() !== end) {
      member();
      while (this.peek() === ',') {
        this.at += 1;
        member();
      }
      if (this.peek() !== end) throw this.expected(`“,” or “${end}”`);
    }
    this.at += 1;
    this.names = before;
  }

  /** Of the object that is being read. */
  private names = new Set<string>();

  private property(): void {
    this.peek();
    const start = this.at;
    const name = this.take(text);
    if (name === null) throw this.expected('a name in double quotes');
    const plainName = JSON.parse(name) as string;
    if (this.names.has(plainName)) throw new Found(start, `${name} is there twice`);
    // In JavaScript this is the way to what an object inherits, and would be lost.
    if (plainName === '__proto__') throw new Found(start, `nothing can be called ${name}`);
    this.names.add(plainName);
    if (this.peek() !== ':') throw this.expected('“:”');
    this.at += 1;
    this.value();
  }

  /** The next character that is no blank; none at the end. */
  private peek(): string {
    this.take(blank);
    return this.json.charAt(this.at);
  }

  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const [taken] = pattern.exec(this.json) ?? [];
    if (taken === undefined) return null;
    this.at += taken.length;
    return taken;
  }

  private expected(what: string): Found {
    const found = this.peek() === '' ? 'the file ends' : `there is “${[...this.json.slice(this.at, this.at + 20)][0]}”`;
    return new Found(this.at, `expected ${what}, and ${found}`);
  }
}
