/** Of a record: two lengths, then the name, then the moment. A UUID has 36 characters, a moment of PostgreSQL with its zone 27. */
const longestName = 48;
const longestMoment = 30;
const recordBytes = 2 + longestName + longestMoment;

/**
 * The newest moment of each of many names, packed into two arrays. In a Map the strings lie all over the heap: of a million
 * look-ups among fifty thousand names each waits for memory several times, and what is replaced is left to the collector.
 */
export class NewestMoments {
  /** Open addressing, linear probing: the hash of a name, then the number of its record, from 1. At most half full. */
  private slots = new Int32Array(2 * 1_024);
  private records = Buffer.alloc(512 * recordBytes);
  private count = 0;
  /** Names and moments that are too long for a record, or more than ASCII. */
  private readonly others = new Map<string, string>();

  /** @param moment in a form that sorts as text */
  add(name: string, moment: string): void {
    if (name.length > longestName || moment.length > longestMoment || !isAscii(moment)) {
      this.addOther(name, moment);
      return;
    }
    let hash = 0;
    let all = 0;
    for (let at = 0; at < name.length; at++) {
      const code = name.charCodeAt(at);
      all |= code;
      hash = (Math.imul(hash, 31) + code) | 0;
    }
    if (all > 127) this.addOther(name, moment);
    else this.addPacked(hash, name, moment);
  }

  /** A name may come twice, if it had moments of both kinds. */
  *entries(): Generator<[name: string, moment: string]> {
    for (let record = 0; record < this.count; record++) {
      const start = record * recordBytes;
      const name = start + 2;
      const moment = name + longestName;
      yield [
        this.records.toString('latin1', name, name + this.records[start]!),
        this.records.toString('latin1', moment, moment + this.records[start + 1]!),
      ];
    }
    yield* this.others;
  }

  private addOther(name: string, moment: string): void {
    const known = this.others.get(name);
    if (known === undefined || known < moment) this.others.set(name, moment);
  }

  private addPacked(hash: number, name: string, moment: string): void {
    const last = this.slots.length / 2 - 1;
    for (let slot = spread(hash) & last; ; slot = (slot + 1) & last) {
      const number = this.slots[2 * slot + 1]!;
      if (number === 0) {
        this.slots[2 * slot] = hash;
        this.slots[2 * slot + 1] = this.append(name, moment);
        if (this.count * 2 > last) this.grow();
        return;
      }
      if (this.slots[2 * slot] !== hash || !this.isName((number - 1) * recordBytes, name)) continue;
      this.replaceOlder((number - 1) * recordBytes, moment);
      return;
    }
  }

  private isName(start: number, name: string): boolean {
    if (this.records[start] !== name.length) return false;
    for (let at = 0; at < name.length; at++) if (this.records[start + 2 + at] !== name.charCodeAt(at)) return false;
    return true;
  }

  private replaceOlder(start: number, moment: string): void {
    const known = this.records[start + 1]!;
    const place = start + 2 + longestName;
    let at = 0;
    while (at < known && at < moment.length && this.records[place + at] === moment.charCodeAt(at)) at++;
    const isOlder = at === known || (at < moment.length && this.records[place + at]! < moment.charCodeAt(at));
    if (!isOlder) return;
    this.records[start + 1] = moment.length;
    for (; at < moment.length; at++) this.records[place + at] = moment.charCodeAt(at);
  }

  private append(name: string, moment: string): number {
    const start = this.count * recordBytes;
    if (start === this.records.length) this.records = Buffer.concat([this.records], 2 * this.records.length);
    this.records[start] = name.length;
    this.records[start + 1] = moment.length;
    this.records.write(name, start + 2, 'latin1');
    this.records.write(moment, start + 2 + longestName, 'latin1');
    this.count += 1;
    return this.count;
  }

  private grow(): void {
    const before = this.slots;
    this.slots = new Int32Array(2 * before.length);
    const last = this.slots.length / 2 - 1;
    for (let old = 0; old < before.length; old += 2) {
      if (before[old + 1] === 0) continue;
      let slot = spread(before[old]!) & last;
      while (this.slots[2 * slot + 1] !== 0) slot = (slot + 1) & last;
      this.slots[2 * slot] = before[old]!;
      this.slots[2 * slot + 1] = before[old + 1]!;
    }
  }
}

function spread(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 7;
}

function isAscii(text: string): boolean {
  let all = 0;
  for (let at = 0; at < text.length; at++) all |= text.charCodeAt(at);
  return all < 128;
}
