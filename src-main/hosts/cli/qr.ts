/** QR codes (ISO/IEC 18004) of bytes, at the lowest level of error correction: what is shown on a screen is not torn. */

/** Of versions 1 to 40 at level L: codewords of error correction in a block, and number of blocks (table 9). */
const correctionLength = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28].concat([
  28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
]);
const blockCounts = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8].concat([
  8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25,
]);

/** Rows of modules, dark ones true, without the quiet zone. @throws RangeError for more than 2,953 bytes */
export function qrCode(text: string): boolean[][] {
  const bytes = Buffer.from(text);
  const version =
    1 +
    blockCounts.findIndex((_count, index) => 8 * dataLength(index + 1) >= 4 + lengthBits(index + 1) + 8 * bytes.length);
  if (version === 0) throw new RangeError('Too long for a QR code.');
  const symbol = new QrSymbol(version);
  symbol.place(interleaved(version, dataCodewords(version, bytes)));
  return symbol.masked();
}

/** In half blocks, two rows of modules a line, with the quiet zone that readers need; dark modules are dark on any terminal. */
export function qrText(modules: boolean[][]): string {
  const size = modules.length + 8;
  const isLight = (row: number, column: number) => !modules[row - 4]?.[column - 4];
  return Array.from({ length: Math.ceil(size / 2) }, (_row, half) =>
    Array.from({ length: size }, (_column, column) => {
      const [upper, lower] = [isLight(2 * half, column), isLight(2 * half + 1, column)];
      return upper ? (lower ? '█' : '▀') : lower ? '▄' : ' ';
    }).join(''),
  ).join('\n');
}

const lengthBits = (version: number) => (version < 10 ? 8 : 16);

/** Modules that hold data or error correction, in whole codewords. */
function rawLength(version: number): number {
  const alignments = version === 1 ? 0 : Math.floor(version / 7) + 2;
  const inAlignment = alignments === 0 ? 0 : (25 * alignments - 10) * alignments - 55;
  return Math.floor(((16 * version + 128) * version + 64 - inAlignment - (version >= 7 ? 36 : 0)) / 8);
}

function dataLength(version: number): number {
  return rawLength(version) - correctionLength[version - 1]! * blockCounts[version - 1]!;
}

/** Byte mode, the length, the bytes, the end, and padding. */
function dataCodewords(version: number, bytes: Buffer): number[] {
  let bits = `0100${bytes.length.toString(2).padStart(lengthBits(version), '0')}`;
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  const room = 8 * dataLength(version);
  bits += '0'.repeat(Math.min(4, room - bits.length));
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  const words = bits.match(/.{8}/g)!.map((word) => Number.parseInt(word, 2));
  for (let pad = 0xec; words.length < dataLength(version); pad ^= 0xec ^ 0x11) words.push(pad);
  return words;
}

/** Blocks with their error correction, a codeword of each in turn. */
function interleaved(version: number, words: number[]): number[] {
  const count = blockCounts[version - 1]!;
  const correction = correctionLength[version - 1]!;
  const short = Math.floor(words.length / count);
  const longOnes = words.length % count;
  const divisor = generator(correction);
  const blocks = Array.from({ length: count }, (_block, n) => {
    const from = n * short + Math.max(0, n - (count - longOnes));
    return words.slice(from, from + short + (n >= count - longOnes ? 1 : 0));
  });
  const corrections = blocks.map((block) => remainder(block, divisor));
  const inTurn = (lists: number[][], length: number) =>
    Array.from({ length }, (_word, place) => lists.flatMap((list) => list.slice(place, place + 1))).flat();
  return [...inTurn(blocks, short + 1), ...inTurn(corrections, correction)];
}

/** In the field of 256 elements modulo x^8 + x^4 + x^3 + x^2 + 1. */
function product(a: number, b: number): number {
  let result = 0;
  for (let bit = 7; bit >= 0; bit--) result = (result << 1) ^ ((result >> 7) * 0x11d) ^ (((b >> bit) & 1) * a);
  return result;
}

function generator(degree: number): number[] {
  let terms = [1];
  let root = 1;
  for (let n = 0; n < degree; n++) {
    terms = [...terms, 0].map((term, place) => term ^ (place > 0 ? product(terms[place - 1]!, root) : 0));
    root = product(root, 2);
  }
  return terms.slice(1);
}

function remainder(words: number[], divisor: number[]): number[] {
  let result = divisor.map(() => 0);
  for (const word of words) {
    const factor = word ^ result[0]!;
    result = [...result.slice(1), 0].map((term, place) => term ^ product(divisor[place]!, factor));
  }
  return result;
}

const masks: ((row: number, column: number) => boolean)[] = [
  (y, x) => (x + y) % 2 === 0,
  (y) => y % 2 === 0,
  (_y, x) => x % 3 === 0,
  (y, x) => (x + y) % 3 === 0,
  (y, x) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (y, x) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (y, x) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (y, x) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

class QrSymbol {
  private readonly size: number;
  private readonly version: number;
  private readonly modules: boolean[][];
  /** Not data, and so not masked. */
  private readonly fixed: boolean[][];

  constructor(version: number) {
    this.version = version;
    this.size = 4 * version + 17;
    const rows = () => Array.from({ length: this.size }, () => Array.from({ length: this.size }, () => false));
    this.modules = rows();
    this.fixed = rows();
    this.drawPatterns();
  }

  place(words: number[]): void {
    let bit = 0;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      // The column of the timing pattern is passed over.
      if (right === 6) right = 5;
      const isUpward = ((right + 1) & 2) === 0;
      for (let step = 0; step < this.size; step++)
        for (const column of [right, right - 1]) {
          const row = isUpward ? this.size - 1 - step : step;
          if (this.fixed[row]![column] || bit >= 8 * words.length) continue;
          this.modules[row]![column] = ((words[bit >> 3]! >> (7 - (bit & 7))) & 1) === 1;
          bit++;
        }
    }
  }

  /** By the mask that leaves the fewest patterns that confuse readers. */
  masked(): boolean[][] {
    const candidates = masks.map((mask, number) => {
      this.drawFormat(number);
      return this.modules.map((line, row) =>
        line.map((dark, column) => dark !== (!this.fixed[row]![column] && mask(row, column))),
      );
    });
    const penalties = candidates.map(penalty);
    return candidates[penalties.indexOf(Math.min(...penalties))]!;
  }

  private set(row: number, column: number, dark: boolean): void {
    if (row < 0 || column < 0 || row >= this.size || column >= this.size) return;
    this.modules[row]![column] = dark;
    this.fixed[row]![column] = true;
  }

  private drawPatterns(): void {
    const { size, version } = this;
    for (let n = 0; n < size; n++) {
      this.set(6, n, n % 2 === 0);
      this.set(n, 6, n % 2 === 0);
    }
    for (const [row, column] of [
      [3, 3],
      [3, size - 4],
      [size - 4, 3],
    ] as const)
      for (let y = -4; y <= 4; y++)
        for (let x = -4; x <= 4; x++) {
          const ring = Math.max(Math.abs(x), Math.abs(y));
          this.set(row + y, column + x, ring !== 2 && ring !== 4);
        }
    const places = alignmentPlaces(version);
    const last = places.length - 1;
    for (const [i, row] of places.entries())
      for (const [j, column] of places.entries()) {
        if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) continue;
        for (let y = -2; y <= 2; y++)
          for (let x = -2; x <= 2; x++) this.set(row + y, column + x, Math.max(Math.abs(x), Math.abs(y)) !== 1);
      }
    this.drawFormat(0);
    if (version < 7) return;
    const bits = (version << 12) | checkBits(version, 12, 0x1f25);
    for (let n = 0; n < 18; n++) {
      const dark = ((bits >> n) & 1) === 1;
      this.set(Math.floor(n / 3), size - 11 + (n % 3), dark);
      this.set(size - 11 + (n % 3), Math.floor(n / 3), dark);
    }
  }

  private drawFormat(mask: number): void {
    const { size } = this;
    // Level L is 01.
    const said = (1 << 3) | mask;
    const bits = ((said << 10) | checkBits(said, 10, 0x537)) ^ 0x5412;
    const dark = (n: number) => ((bits >> n) & 1) === 1;
    for (let n = 0; n <= 5; n++) this.set(n, 8, dark(n));
    this.set(7, 8, dark(6));
    this.set(8, 8, dark(7));
    this.set(8, 7, dark(8));
    for (let n = 9; n < 15; n++) this.set(8, 14 - n, dark(n));
    for (let n = 0; n < 8; n++) this.set(8, size - 1 - n, dark(n));
    for (let n = 8; n < 15; n++) this.set(size - 15 + n, 8, dark(n));
    this.set(size - 8, 8, true);
  }
}

/** The rest of the BCH code. */
function checkBits(said: number, length: number, polynomial: number): number {
  let rest = said;
  for (let n = 0; n < length; n++) rest = (rest << 1) ^ ((rest >> (length - 1)) * polynomial);
  return rest;
}

function alignmentPlaces(version: number): number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((4 * version + 4) / (2 * count - 2)) * 2;
  const places = Array.from({ length: count - 1 }, (_place, n) => 4 * version + 10 - n * step);
  return [6, ...places.reverse()];
}

/** Section 7.8.3. */
function penalty(modules: boolean[][]): number {
  const size = modules.length;
  const columns = modules.map((_line, column) => modules.map((line) => line[column]!));
  let points = 0;
  for (const line of [...modules, ...columns]) {
    const text = line.map((dark) => (dark ? '1' : '0')).join('');
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) points += run.length - 2;
    for (let at = 0; at + 11 <= size; at++)
      if (text.startsWith('10111010000', at) || text.startsWith('00001011101', at)) points += 40;
  }
  for (let y = 0; y + 1 < size; y++)
    for (let x = 0; x + 1 < size; x++) {
      const dark = modules[y]![x];
      if (dark === modules[y]![x + 1] && dark === modules[y + 1]![x] && dark === modules[y + 1]![x + 1]) points += 3;
    }
  const darkOnes = modules.flat().filter((dark) => dark).length;
  return points + 10 * Math.floor(Math.abs((darkOnes * 20) / size ** 2 - 10));
}
