/** Repeatable randomness: the same seed gives the same organization on every machine. Never for real secrets. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number, both ends included. */
  integer(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** `count` different items, in no particular order. */
  sample<T>(items: readonly T[], count: number): T[];
  /** Log-normal around `median`: most values near it, a long tail above, as latencies and sizes are. */
  around(median: number, spread: number): number;
  hex(length: number): string;
  bytes(length: number): Buffer;
  /** Shaped as a version 4 UUID. */
  uuid(): string;
  /** A stream of its own, so that more rows in one table do not change those of another. */
  fork(name: string): Random;
}

export function seededRandom(seed: number): Random {
  const next = mulberry32(seed);

  const random: Random = {
    next,
    integer: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)]!,
    sample(items, count) {
      const pool = [...items];
      const wanted = Math.min(count, pool.length);
      for (let i = 0; i < wanted; i++) {
        const j = random.integer(i, pool.length - 1);
        [pool[i], pool[j]] = [pool[j]!, pool[i]!];
      }
      return pool.slice(0, wanted);
    },
    around: (median, spread) => median * Math.exp(spread * normal(next)),
    hex: (length) =>
      random
        .bytes(Math.ceil(length / 2))
        .toString('hex')
        .slice(0, length),
    bytes(length) {
      const bytes = Buffer.alloc(length);
      for (let i = 0; i < length; i++) bytes[i] = Math.floor(next() * 256);
      return bytes;
    },
    uuid() {
      const bytes = random.bytes(16);
      bytes[6] = (bytes[6]! & 0x0f) | 0x40;
      bytes[8] = (bytes[8]! & 0x3f) | 0x80;
      const hex = bytes.toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
    fork: (name) => seededRandom(seed ^ fnv1a(name)),
  };
  return random;
}

/** A table that picks by weight in logarithmic time: the logs pick hundreds of thousands of times. */
export function weightedPicker<T>(items: readonly T[], weight: (item: T) => number): (random: Random) => T {
  let total = 0;
  const upTo = items.map((item) => {
    total += weight(item);
    return total;
  });
  return (random) => {
    const target = random.next() * total;
    let low = 0;
    let high = items.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! > target) high = middle;
      else low = middle + 1;
    }
    return items[low]!;
  };
}

/** Tommy Ettinger's generator: 32 bits of state, good enough for believable data and a few lines long. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box-Muller. */
function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
