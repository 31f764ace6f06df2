/*
 * Verifies a Latchkey export bundle (.lkx.zip) against docs/audit-format.md, and nothing else: no network, no database, no package.
 *
 *   node verify.mjs FILE [--trust VKEY|FILE]... [--checkpoint FILE] [--json]
 *
 * Runs in Node 18 or newer, is imported by Latchkey, and runs in verify.html. verify.py beside it was written apart from it and
 * must say the same. Every `must` is one check: where its condition does not hold, that is the finding.
 * Exit codes: 0 verified, 1 tampered, 2 wrong usage, 3 anything else.
 */

/** What each code means: its verdict, and words for an auditor. The same table stands in verify.py. */
export const codes = {
  'zip.signature': ['UNSUPPORTED', 'This is no zip file, so it is no bundle.'],
  'zip.cut': ['INCOMPLETE', 'The file does not end as a bundle does: it was cut short, or something was appended.'],
  'zip.encrypted': ['UNSUPPORTED', 'A member is encrypted, which no exporter does.'],
  'zip.method': ['UNSUPPORTED', 'A member is compressed in a way that bundles do not use.'],
  'zip.structure': ['TAMPERED', 'The parts of the zip file contradict each other.'],
  'zip.name': ['TAMPERED', 'A member’s name is doubled, or leads out of the bundle.'],
  'zip.symlink': ['TAMPERED', 'A member is not a plain file.'],
  'zip.bomb': ['TAMPERED', 'A member is far larger than what it says could be.'],
  'zip.data': ['TAMPERED', 'A member’s bytes are damaged: they do not unpack to what the zip file promises.'],
  'member.missing': ['INCOMPLETE', 'A file that every bundle has is not there.'],
  'manifest.canonical': ['TAMPERED', 'The manifest is not in its one canonical form.'],
  'manifest.version': ['UNSUPPORTED', 'The bundle is of a version that this verifier does not know.'],
  'manifest.needs': ['UNSUPPORTED', 'The bundle needs a verifier that knows more than this one.'],
  'manifest.fields': ['TAMPERED', 'The manifest lacks a field, or one of them is not what it must be.'],
  'manifest.filter': ['UNSUPPORTED', 'The export was filtered in a way that this verifier does not know.'],
  'manifest.matched': ['TAMPERED', 'Another number of entries matches the filter than the manifest says.'],
  'devices.line': ['TAMPERED', 'A line of the list of devices is not what it must be.'],
  'devices.order': ['TAMPERED', 'The list of devices is not in order, or names one twice.'],
  'devices.key': ['TAMPERED', 'A key of the list of devices is malformed, weak, or of another name.'],
  'devices.range': ['TAMPERED', 'A device’s list of hashes has another length than its log asks for.'],
  'devices.exporter': ['TAMPERED', 'The device that made the bundle is not in the list of devices.'],
  'policy.differs': ['TAMPERED', 'The policy does not say what the list of devices says.'],
  'keys.differ': ['TAMPERED', 'A key file does not hold the key that the list of devices names.'],
  'checkpoint.note': ['TAMPERED', 'The central checkpoint is no well-formed signed checkpoint.'],
  'checkpoint.origin': ['TAMPERED', 'The central checkpoint belongs to another log.'],
  'checkpoint.manifest': ['TAMPERED', 'The central checkpoint is not the one that was exported.'],
  'checkpoint.signature': ['TAMPERED', 'A signature under the central checkpoint does not hold.'],
  'checkpoint.revoked': ['UNTRUSTED KEY', 'Only devices that had been revoked signed the central checkpoint.'],
  'checkpoint.unsigned': ['UNTRUSTED KEY', 'No device of the log signed the central checkpoint.'],
  'log.empty': ['INCOMPLETE', 'No entry of the central log is in the bundle.'],
  'log.framing': ['TAMPERED', 'The last line is not ended: something was cut off or appended.'],
  'log.missing': ['TAMPERED', 'Entries are missing at the end.'],
  'log.surplus': ['TAMPERED', 'There are more entries than the checkpoint knows of.'],
  'log.root': ['TAMPERED', 'The entries are not those that the checkpoint was signed for.'],
  'range.hashes': ['TAMPERED', 'The hashes that complete the range are not as many as they must be, or are malformed.'],
  'leaves.length': ['TAMPERED', 'There are not as many leaf hashes as entries.'],
  'leaves.edited': ['TAMPERED', 'The list of leaf hashes was edited; the entries are as they were signed.'],
  'entry.edited': ['TAMPERED', 'The entry is not the one that was signed.'],
  'entry.missing': ['TAMPERED', 'The entry was left out.'],
  'entry.inserted': ['TAMPERED', 'The entry was put in; nobody signed it.'],
  'entry.swapped': ['TAMPERED', 'The entry changed places with the next one.'],
  'entry.size': ['TAMPERED', 'The entry is longer than an entry may be.'],
  'entry.canonical': ['TAMPERED', 'The entry is not in its one canonical form.'],
  'entry.version': ['UNSUPPORTED', 'The entry is of a version that this verifier does not know.'],
  'entry.fields': ['TAMPERED', 'The entry lacks a field, or one of them is not what it must be.'],
  'entry.organization': ['TAMPERED', 'The entry belongs to another organization.'],
  'entry.device': [
    'TAMPERED',
    'The entry names a device that is not in the list of devices, or not the one whose log this is.',
  ],
  'entry.sequence': [
    'TAMPERED',
    'The entry does not follow the device’s entry before it: one is missing, doubled or moved.',
  ],
  'entry.joined': ['TAMPERED', 'The entry stands before its device joined.'],
  'entry.revoked': ['TAMPERED', 'The entry stands after its device was revoked.'],
  'entry.ahead': ['TAMPERED', 'The entry claims to have seen a central log longer than there was.'],
  'entry.back': ['TAMPERED', 'The entry claims to have seen a shorter central log than its device had seen before.'],
  'join.keys': ['TAMPERED', 'The log says other keys of the device than the list of devices does.'],
  'join.missing': ['TAMPERED', 'The device did not join where the list of devices says.'],
  'revoke.missing': [
    'TAMPERED',
    'The device was not revoked where the list of devices says, or was where it says nothing.',
  ],
  'note.format': ['TAMPERED', 'The device’s checkpoint in the log is malformed, or of another log.'],
  'note.back': ['TAMPERED', 'The device’s checkpoint is of a shorter log than its checkpoint before it.'],
  'note.root': [
    'TAMPERED',
    'The device’s checkpoint does not fit its entries before it, and the device did not sign it.',
  ],
  'note.fork': [
    'TAMPERED',
    'The device signed another history than its entries in the log: a fork, or an edit at central.',
  ],
  'disclosure.line': ['TAMPERED', 'A line of disclosures is not what it must be.'],
  'disclosure.order': ['TAMPERED', 'Disclosures are out of order, or of an entry that is not there.'],
  'disclosure.surplus': [
    'TAMPERED',
    'Something is disclosed of an entry that the filter does not ask for, or that has nothing to disclose.',
  ],
  'disclosure.missing': [
    'TAMPERED',
    'The entry matches the filter, and something of it is neither disclosed nor erased.',
  ],
  'disclosure.unknown': ['TAMPERED', 'A disclosure is not the one that the entry was signed with.'],
  'disclosure.content': ['TAMPERED', 'A disclosure does not say a salt, a name and a value.'],
  'erased.unproven': ['TAMPERED', 'Something is said to be erased under an entry that is no erasure.'],
  'device.note': ['TAMPERED', 'A device’s checkpoint is malformed, or of another log.'],
  'device.signature': ['TAMPERED', 'A device’s checkpoint does not have the device’s signature.'],
  'device.uncovered': ['INCOMPLETE', 'A device’s checkpoint does not reach as far as its entries.'],
  'device.entries': ['TAMPERED', 'There are not the entries of the device that the list of devices claims.'],
  'device.root': ['TAMPERED', 'The device signed other entries than those in the log: a fork, or an edit at central.'],
  'proof.missing': ['INCOMPLETE', 'The proof of an entry outside of the range is not there.'],
  'proof.format': ['TAMPERED', 'A proof is malformed, or of another checkpoint or entry.'],
  'proof.inclusion': ['TAMPERED', 'A proof does not lead to the checkpoint.'],
  'consistency.missing': ['INCOMPLETE', 'Whether a device saw this same log cannot be told: the proof is not there.'],
  'consistency.format': ['TAMPERED', 'A consistency proof is malformed.'],
  'consistency.fork': ['TAMPERED', 'A device had seen another central log: history was rewritten, or the log forked.'],
  'tail.note': [
    'TAMPERED',
    'The checkpoint of the device that made the bundle is malformed, or of another log or size.',
  ],
  'tail.signature': ['TAMPERED', 'The checkpoint of the device that made the bundle does not have its signature.'],
  'tail.gap': ['TAMPERED', 'The device’s own entries do not follow those in the central log.'],
  'export.unrecorded': ['TAMPERED', 'The device’s log does not end with the entry of this export.'],
  'export.request': ['TAMPERED', 'What was exported is not what the entry of this export recorded.'],
  'view.csv': ['TAMPERED', 'views/audit.csv does not say what the entries say.'],
  'view.ocsf': ['TAMPERED', 'views/ocsf.jsonl does not say what the entries say.'],
  'sums.format': ['TAMPERED', 'SHA256SUMS is malformed.'],
  'sums.missing': ['INCOMPLETE', 'A file of SHA256SUMS is not in the bundle.'],
  'sums.unlisted': ['TAMPERED', 'A file of the bundle is not in SHA256SUMS.'],
  'sums.hash': ['TAMPERED', 'A file is not the one that SHA256SUMS names.'],
  'signature.format': ['TAMPERED', 'SHA256SUMS.sig is malformed, or of another purpose.'],
  'signature.key': ['TAMPERED', 'SHA256SUMS.sig was made with another key than the device’s.'],
  'signature.false': ['TAMPERED', 'SHA256SUMS.sig does not hold.'],
  'held.origin': ['INCOMPLETE', 'The checkpoint that you hold belongs to another log.'],
  'held.newer': [
    'INCOMPLETE',
    'The bundle is older than the checkpoint that you hold: entries that you know of are not in it.',
  ],
  'held.unproven': [
    'INCOMPLETE',
    'The bundle does not hold what it takes to compare it with the checkpoint that you hold.',
  ],
  'held.fork': ['TAMPERED', 'The log is not the one that you hold a checkpoint of: it was rewritten or forked.'],
  'trust.none': [
    'UNTRUSTED KEY',
    'No key was given to trust. Get one from a device of the organization, not from this bundle.',
  ],
  'trust.other': ['UNTRUSTED KEY', 'The keys that you trust did not sign this bundle.'],
  internal: ['INCOMPLETE', 'The verifier met a case that it does not handle.'],
};

const precedence = ['TAMPERED', 'UNSUPPORTED', 'INCOMPLETE', 'UNTRUSTED KEY'];

const limits = {
  entry: 16_384,
  line: 1_048_576,
  small: 16_777_216,
  members: 65_535,
  ratio: 200,
  depth: 200,
  lines: 100,
};

/** What a check found. Ends the stage that it is in; a fatal one ends the verification. */
class Finding extends Error {
  constructor(code, index, where, expected, found) {
    super(code);
    Object.assign(this, { code, index, where, expected, found });
  }
}

function must(holds, code, index = null, where = null, expected = null, found = null) {
  if (!holds) throw new Finding(code, index, where, expected, found);
}

/* ------------------------------------------------------------------------------------------------ bytes and text */

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder('latin1');

function decoded(bytes) {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}

function asciiOf(bytes) {
  return bytes.latin1Slice ? bytes.latin1Slice(0, bytes.length) : latin1.decode(bytes);
}

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function same(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function base64(bytes) {
  if (bytes.base64Slice) return bytes.base64Slice(0, bytes.length);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Text of bytes that are UTF-8; null for others. */
function textOf(bytes) {
  const text = asciiOf(bytes);
  return beyondAscii.test(text) ? decoded(bytes) : text;
}

/** Bytes of standard Base64 in its one form, with padding; null for anything else. */
function fromBase64(text) {
  if (globalThis.Buffer) {
    const bytes = globalThis.Buffer.from(text, 'base64');
    return bytes.base64Slice(0, bytes.length) === text ? bytes : null;
  }
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return base64(bytes) === text ? bytes : null;
}

/** Bytes of unpadded base64url in its one form; null for anything else. */
function fromBase64Url(text) {
  if (globalThis.Buffer) {
    const bytes = globalThis.Buffer.from(text, 'base64url');
    return bytes.base64urlSlice(0, bytes.length) === text ? bytes : null;
  }
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const standard = text.replace(/-/g, '+').replace(/_/g, '/');
  return fromBase64(standard + '='.repeat((4 - (standard.length % 4)) % 4));
}

function base64Url(bytes) {
  return base64(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** A hash as text: the 44 characters of 32 bytes. */
function hashOf(text) {
  return text.length === 44 ? fromBase64(text) : null;
}

/* ------------------------------------------------------------------------------------------------ canonical JSON */

class NotCanonical extends Error {}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are ASCII too
const beyondAscii = /[^\x00-\x7f]/;
const special = /[^\x20-\x5b\x5d-\x7e]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const controlOrEscape = /[\x00-\x1f\\]/;

/**
 * The value of JSON in the canonical form of RFC 8785, where its numbers are integers of at most 2^53 - 1 in size and it is at most 200
 * levels deep. Whatever is not in that form, to the byte, throws.
 */
class CanonicalReader {
  read(bytes) {
    let text = asciiOf(bytes);
    this.plain = !special.test(text);
    if (!this.plain) {
      text = decoded(bytes);
      if (text === null) throw new NotCanonical();
    }
    this.text = text;
    this.at = 0;
    const value = this.value(1);
    if (this.at !== text.length) throw new NotCanonical();
    return value;
  }

  value(depth) {
    const code = this.text.charCodeAt(this.at);
    if (code === 0x22) return this.string();
    if (code === 0x7b) return this.object(depth);
    if (code === 0x5b) return this.array(depth);
    if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return this.integer();
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ])
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    throw new NotCanonical();
  }

  object(depth) {
    if (depth > limits.depth) throw new NotCanonical();
    const { text } = this;
    const value = {};
    this.at++;
    if (text.charCodeAt(this.at) === 0x7d) {
      this.at++;
      return value;
    }
    let last = null;
    for (;;) {
      if (text.charCodeAt(this.at) !== 0x22) throw new NotCanonical();
      const key = this.string();
      // UTF-16 code units, as RFC 8785 asks for, and as JavaScript compares.
      if ((last !== null && key <= last) || text.charCodeAt(this.at) !== 0x3a) throw new NotCanonical();
      last = key;
      this.at++;
      if (key === '__proto__') Object.defineProperty(value, key, { value: this.value(depth + 1), enumerable: true });
      else value[key] = this.value(depth + 1);
      const next = text.charCodeAt(this.at++);
      if (next === 0x7d) return value;
      if (next !== 0x2c) throw new NotCanonical();
    }
  }

  array(depth) {
    if (depth > limits.depth) throw new NotCanonical();
    const { text } = this;
    const value = [];
    this.at++;
    if (text.charCodeAt(this.at) === 0x5d) {
      this.at++;
      return value;
    }
    for (;;) {
      value.push(this.value(depth + 1));
      const next = text.charCodeAt(this.at++);
      if (next === 0x5d) return value;
      if (next !== 0x2c) throw new NotCanonical();
    }
  }

  string() {
    const { text } = this;
    const from = this.at + 1;
    let to = text.indexOf('"', from);
    if (to < 0) throw new NotCanonical();
    let value = text.slice(from, to);
    if (!this.plain && controlOrEscape.test(value)) {
      to = from;
      for (let code = text.charCodeAt(to); code !== 0x22; code = text.charCodeAt(to)) {
        if (Number.isNaN(code)) throw new NotCanonical();
        to += code === 0x5c ? 2 : 1;
      }
      const written = text.slice(from - 1, to + 1);
      value = parsedJson(written);
      // JSON.stringify writes strings as RFC 8785 does.
      if (typeof value !== 'string' || JSON.stringify(value) !== written || /\p{Cs}/u.test(value))
        throw new NotCanonical();
    }
    this.at = to + 1;
    return value;
  }

  integer() {
    const { text } = this;
    const from = this.at;
    let to = from + 1;
    for (let code = text.charCodeAt(to); code >= 0x30 && code <= 0x39; code = text.charCodeAt(to)) to++;
    const written = text.slice(from, to);
    const value = written.length > 17 ? Number.NaN : Number(written);
    if (!Number.isSafeInteger(value) || String(value) !== written) throw new NotCanonical();
    this.at = to;
    return value;
  }
}

const reader = new CanonicalReader();

/** undefined for what is not canonical */
function canonical(bytes) {
  try {
    return reader.read(bytes);
  } catch (error) {
    if (error instanceof NotCanonical) return undefined;
    throw error;
  }
}

/** The canonical text of a value that was read as one. */
function canonicalText(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const keys = Object.keys(value).sort((a, b) => (a < b ? -1 : 1));
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(value[key])}`).join(',')}}`;
}

function parsedJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value) {
  return typeof value === 'string' && value.length > 0;
}

function isCount(value) {
  return Number.isSafeInteger(value) && value >= 0;
}

function isMoment(value) {
  return typeof value === 'string' && /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/.test(value);
}

/* ------------------------------------------------------------------------------------------------ hashes and signatures */

const roundConstants256 = Uint32Array.from(
  primes(64).map((prime) => Math.floor(((Math.cbrt(prime) % 1) * 2 ** 32) % 2 ** 32)),
);

function primes(count) {
  const found = [];
  for (let candidate = 2; found.length < count; candidate++)
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  return found;
}

/** SHA-256 in plain JavaScript (FIPS 180-4), for where there is no Node. */
class Sha256 {
  constructor() {
    this.state = Uint32Array.of(
      0x6a09e667,
      0xbb67ae85,
      0x3c6ef372,
      0xa54ff53a,
      0x510e527f,
      0x9b05688c,
      0x1f83d9ab,
      0x5be0cd19,
    );
    this.block = new Uint8Array(64);
    this.words = new Uint32Array(64);
    this.filled = 0;
    this.length = 0;
  }

  update(bytes) {
    this.length += bytes.length;
    let at = 0;
    if (this.filled > 0) {
      at = Math.min(64 - this.filled, bytes.length);
      this.block.set(bytes.subarray(0, at), this.filled);
      this.filled += at;
      if (this.filled < 64) return this;
      this.compress(this.block, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.compress(bytes, at);
    this.filled = bytes.length - at;
    this.block.set(bytes.subarray(at));
    return this;
  }

  digest() {
    const bits = this.length * 8;
    this.update(Uint8Array.of(0x80));
    this.update(new Uint8Array((120 - this.filled) % 64));
    const length = new Uint8Array(8);
    const view = new DataView(length.buffer);
    view.setUint32(0, Math.floor(bits / 2 ** 32));
    view.setUint32(4, bits % 2 ** 32);
    this.update(length);
    const out = new Uint8Array(32);
    const outView = new DataView(out.buffer);
    for (let i = 0; i < 8; i++) outView.setUint32(i * 4, this.state[i]);
    return out;
  }

  compress(bytes, at) {
    const { words: w, state } = this;
    for (let i = 0; i < 16; i++, at += 4)
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + roundConstants256[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

const mask64 = (1n << 64n) - 1n;
const rotate64 = (x, n) => ((x >> n) | (x << (64n - n))) & mask64;

/** The first 64 bits of the fractional part of a prime's root, exactly. */
function rootBits(prime, power) {
  const scaled = BigInt(prime) << (64n * BigInt(power));
  let low = 0n;
  let high = 1n << 72n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(power) <= scaled) low = middle;
    else high = middle;
  }
  return low & mask64;
}

/** SHA-512 (FIPS 180-4), for a handful of signatures where there is no Node. */
function plainSha512(bytes) {
  const constants = primes(80).map((prime) => rootBits(prime, 3));
  const state = primes(8).map((prime) => rootBits(prime, 2));
  const padded = new Uint8Array(Math.ceil((bytes.length + 17) / 128) * 128);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
  for (let at = 0; at < padded.length; at += 128) {
    const w = Array.from({ length: 16 }, (_none, i) => view.getBigUint64(at + i * 8));
    for (let i = 16; i < 80; i++) {
      const s0 = rotate64(w[i - 15], 1n) ^ rotate64(w[i - 15], 8n) ^ (w[i - 15] >> 7n);
      const s1 = rotate64(w[i - 2], 19n) ^ rotate64(w[i - 2], 61n) ^ (w[i - 2] >> 6n);
      w.push((w[i - 16] + s0 + w[i - 7] + s1) & mask64);
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 80; i++) {
      const s1 = rotate64(e, 14n) ^ rotate64(e, 18n) ^ rotate64(e, 41n);
      const t1 = (h + s1 + ((e & f) ^ (~e & mask64 & g)) + constants[i] + w[i]) & mask64;
      const s0 = rotate64(a, 28n) ^ rotate64(a, 34n) ^ rotate64(a, 39n);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) & mask64;
      [a, b, c, d, e, f, g, h] = [(t1 + t2) & mask64, a, b, c, (d + t1) & mask64, e, f, g];
    }
    for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] + word) & mask64;
  }
  const out = new DataView(new ArrayBuffer(64));
  for (const [i, word] of state.entries()) out.setBigUint64(i * 8, word);
  return new Uint8Array(out.buffer);
}

const p = 2n ** 255n - 19n;
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

const modulo = (x, m = p) => ((x % m) + m) % m;

function power(base, exponent) {
  let result = 1n;
  for (let b = modulo(base), e = exponent; e > 0n; e >>= 1n, b = (b * b) % p) if (e & 1n) result = (result * b) % p;
  return result;
}

function littleEndian(bytes) {
  return BigInt(`0x${hex(Uint8Array.from(bytes).reverse()) || '0'}`);
}

/** Ed25519 as RFC 8032 verifies it (5.1.7, without the cofactor), in extended coordinates, for where there is no Node. */
const edwards = {
  d: modulo(-121665n * power(121666n, p - 2n)),
  get base() {
    const y = modulo(4n * power(5n, p - 2n));
    return edwards.point(edwards.xOf(y, 0n), y);
  },
  point: (x, y) => [x, y, 1n, (x * y) % p],
  xOf(y, sign) {
    const u = modulo(y * y - 1n);
    const v = modulo(edwards.d * y * y + 1n);
    let x = modulo(u * power(v, 3n) * power(u * power(v, 7n), (p - 5n) / 8n));
    if (modulo(v * x * x) === modulo(-u)) x = modulo(x * power(2n, (p - 1n) / 4n));
    if (modulo(v * x * x) !== u || (x === 0n && sign === 1n)) return null;
    return (x & 1n) === sign ? x : p - x;
  },
  add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
    const a = (y1 - x1) * (y2 - x2);
    const b = (y1 + x1) * (y2 + x2);
    const c = 2n * t1 * t2 * edwards.d;
    const e = 2n * z1 * z2;
    const [f, g, h, i] = [b - a, e - c, e + c, b + a].map((value) => modulo(value));
    return [(f * g) % p, (h * i) % p, (g * h) % p, (f * i) % p];
  },
  times(scalar, point) {
    let result = [0n, 1n, 1n, 0n];
    for (let q = point, n = scalar; n > 0n; n >>= 1n, q = edwards.add(q, q))
      if (n & 1n) result = edwards.add(result, q);
    return result;
  },
  bytes([x, y, z]) {
    const inverse = power(z, p - 2n);
    const number = modulo(y * inverse) | ((modulo(x * inverse) & 1n) << 255n);
    return Uint8Array.from({ length: 32 }, (_none, i) => Number((number >> BigInt(i * 8)) & 255n));
  },
};

function plainEd25519(key, message, signature) {
  const y = littleEndian(key) & (2n ** 255n - 1n);
  const x = edwards.xOf(y, BigInt(key[31] >> 7));
  const s = littleEndian(signature.slice(32));
  if (x === null || s >= groupOrder) return false;
  const h = littleEndian(plainSha512(joined(signature.subarray(0, 32), key, message))) % groupOrder;
  const negated = edwards.point(modulo(-x), y);
  const r = edwards.add(edwards.times(s, edwards.base), edwards.times(h, negated));
  return same(edwards.bytes(r), signature.subarray(0, 32));
}

/** Keys of small order, under which one signature holds for many messages; without the bit for x. */
const weakKeys = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/** A key that has one encoding and a large order, so that all verifiers agree what it signed. */
function isSoundKey(key) {
  const plain = Uint8Array.from(key);
  plain[31] &= 0x7f;
  return littleEndian(plain) < p && !weakKeys.has(hex(plain));
}

const plainCrypto = {
  newSha256: () => new Sha256(),
  sha256: (bytes) => new Sha256().update(bytes).digest(),
  sha256Url: (text) => base64Url(new Sha256().update(utf8.encode(text)).digest()),
  sha512: plainSha512,
  ed25519: plainEd25519,
  crc32: plainCrc32,
};

let crcTable = null;

function plainCrc32(bytes, before) {
  crcTable ??= Uint32Array.from({ length: 256 }, (_none, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  let crc = ~before;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function nodeCrypto({ crypto, zlib }) {
  const sha256 = crypto.hash
    ? (bytes) => crypto.hash('sha256', bytes, 'buffer')
    : (bytes) => crypto.createHash('sha256').update(bytes).digest();
  const sha256Url = crypto.hash
    ? (text) => crypto.hash('sha256', text, 'base64url')
    : (text) => crypto.createHash('sha256').update(text).digest('base64url');
  const spki = Uint8Array.from([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]);
  return {
    newSha256: () => crypto.createHash('sha256'),
    sha256,
    sha256Url,
    sha512: (bytes) => crypto.createHash('sha512').update(bytes).digest(),
    ed25519(key, message, signature) {
      const der = joined(spki, key);
      try {
        const publicKey = crypto.createPublicKey({ key: globalThis.Buffer.from(der), format: 'der', type: 'spki' });
        return crypto.verify(null, message, publicKey, signature);
      } catch {
        return false;
      }
    },
    crc32: zlib.crc32 ? (bytes, before) => zlib.crc32(bytes, before) : plainCrc32,
  };
}

/* ------------------------------------------------------------------------------------------------ trees (RFC 6962) */

const nodeBytes = new Uint8Array(65);

/** The right edge of a tree: what it takes to append to it and to tell its root. */
class Tree {
  constructor(hashing) {
    this.hashing = hashing;
    this.levels = [];
    this.hashes = [];
    this.size = 0;
  }

  clone() {
    const tree = new Tree(this.hashing);
    tree.levels = [...this.levels];
    tree.hashes = [...this.hashes];
    tree.size = this.size;
    return tree;
  }

  /** Appends the root of a whole subtree of 2^level leaves. */
  append(hash, level = 0) {
    const { levels, hashes } = this;
    this.size += 2 ** level;
    while (levels.length > 0 && levels[levels.length - 1] === level) {
      hash = parent(this.hashing, hashes.pop(), hash);
      levels.pop();
      level++;
    }
    levels.push(level);
    hashes.push(hash);
  }

  root() {
    if (this.hashes.length === 0) return this.hashing.sha256(new Uint8Array(0));
    return this.hashes.reduceRight((right, left) => parent(this.hashing, left, right));
  }
}

function parent(hashing, left, right) {
  nodeBytes[0] = 1;
  nodeBytes.set(left, 1);
  nodeBytes.set(right, 33);
  return hashing.sha256(nodeBytes);
}

function leafHash(hashing, bytes) {
  return hashing.sha256(joined(Uint8Array.of(0), bytes));
}

/** Levels of the whole subtrees that cover the leaves from `first` to `last`, from left to right. */
function coveringLevels(first, last) {
  const levels = [];
  for (let at = first; at < last; ) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= last) level++;
    levels.push(level);
    at += 2 ** level;
  }
  return levels;
}

/** Whether a leaf is in a tree (RFC 9162, 2.1.3.2). */
function isIncluded(hashing, hash, index, size, proof, root) {
  if (index >= size) return false;
  let fn = index;
  let sn = size - 1;
  let r = hash;
  for (const step of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      r = parent(hashing, step, r);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else r = parent(hashing, r, step);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && same(r, root);
}

/** Whether a tree is the beginning of another (RFC 9162, 2.1.4.2). */
function isConsistent(hashing, first, second, firstRoot, secondRoot, proof) {
  if (first > second) return false;
  if (first === second) return proof.length === 0 && same(firstRoot, secondRoot);
  if (first === 0) return proof.length === 0 && same(firstRoot, hashing.sha256(new Uint8Array(0)));
  if (proof.length === 0) return false;
  let fn = first - 1;
  let sn = second - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  const steps = fn === 0 ? [firstRoot, ...proof] : proof;
  let fr = steps[0];
  let sr = steps[0];
  for (const step of steps.slice(1)) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = parent(hashing, step, fr);
      sr = parent(hashing, step, sr);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else sr = parent(hashing, sr, step);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && same(fr, firstRoot) && same(sr, secondRoot);
}

/* ------------------------------------------------------------------------------------------------ signed notes (C2SP) */

/** A checkpoint in a signed note; null for what is none. */
function parsedCheckpoint(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x09\x0b-\x1f]/.test(text) || !text.endsWith('\n')) return null;
  const end = text.lastIndexOf('\n\n');
  if (end < 0) return null;
  const body = text.slice(0, end + 1);
  const lines = body.slice(0, -1).split('\n');
  const signatures = text
    .slice(end + 2, -1)
    .split('\n')
    .map((line) => /^— ([^ +]+) ([^ ]+)$/.exec(line));
  const [origin, size, root] = lines;
  if (lines.length < 3 || lines.includes('') || !/^(?:0|[1-9][0-9]{0,15})$/.test(size) || hashOf(root) === null)
    return null;
  if (!Number.isSafeInteger(Number(size)) || signatures.length > limits.lines) return null;
  const parsed = signatures.map((match) => {
    const bytes = match && fromBase64(match[2]);
    return bytes && bytes.length >= 5 ? { name: match[1], id: hex(bytes.slice(0, 4)), bytes: bytes.slice(4) } : null;
  });
  if (parsed.includes(null)) return null;
  return { origin, size: Number(size), root, body, signatures: parsed };
}

/** A verifier key: `<name>+<8 hex digits>+<Base64 of 0x01 and 32 bytes>`; null for what is none. */
function parsedKey(hashing, text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const match = /^([^ +\x00-\x1f]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  const bytes = match && fromBase64(match[3]);
  if (bytes?.length !== 33 || bytes[0] !== 1 || !isSoundKey(bytes.slice(1))) return null;
  const id = hex(hashing.sha256(joined(utf8.encode(`${match[1]}\n`), bytes)).slice(0, 4));
  return id === match[2] ? { text, name: match[1], id, key: bytes.slice(1) } : null;
}

/** `valid`, `false`, or `absent` where the key signed nothing. */
function signatureOf(hashing, note, key) {
  const own = note.signatures.filter(({ name, id }) => name === key.name && id === key.id);
  if (own.length === 0) return 'absent';
  const body = utf8.encode(note.body);
  const holds = own.every(({ bytes }) => bytes.length === 64 && hashing.ed25519(key.key, body, bytes));
  return holds ? 'valid' : 'false';
}

function centralOrigin(organization) {
  return `latchkey.local/${encodeURIComponent(organization)}/central`;
}

function deviceOrigin(organization, device) {
  return `latchkey.local/${encodeURIComponent(organization)}/d/${encodeURIComponent(device)}`;
}

/* ------------------------------------------------------------------------------------------------ files that say a key */

export function pemOf(key) {
  const spki = joined(Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00), key);
  return `-----BEGIN PUBLIC KEY-----\n${base64(spki)}\n-----END PUBLIC KEY-----\n`;
}

function sshString(bytes) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return joined(length, bytes);
}

function sshKey(key) {
  return joined(sshString(utf8.encode('ssh-ed25519')), sshString(key));
}

export function allowedSigners(origin, key) {
  return `${origin} namespaces="latchkey-export" ssh-ed25519 ${base64(sshKey(key))}\n`;
}

/** What an SSH signature of the export namespace signs (PROTOCOL.sshsig). */
export function sshSigned(sha512OfMessage) {
  return joined(
    utf8.encode('SSHSIG'),
    sshString(utf8.encode('latchkey-export')),
    sshString(new Uint8Array(0)),
    sshString(utf8.encode('sha512')),
    sshString(sha512OfMessage),
  );
}

/** The armored file of a signature. */
export function sshSignature(key, signature) {
  const blob = joined(
    utf8.encode('SSHSIG'),
    Uint8Array.of(0, 0, 0, 1),
    sshString(sshKey(key)),
    sshString(utf8.encode('latchkey-export')),
    sshString(new Uint8Array(0)),
    sshString(utf8.encode('sha512')),
    sshString(joined(sshString(utf8.encode('ssh-ed25519')), sshString(signature))),
  );
  const lines = base64(blob)
    .match(/.{1,70}/g)
    .join('\n');
  return `-----BEGIN SSH SIGNATURE-----\n${lines}\n-----END SSH SIGNATURE-----\n`;
}

export function policyText(devices) {
  const lines = devices.flatMap(({ log, checkpoint }) => [`log ${log}`, `log ${checkpoint}`]);
  return `${['quorum none', ...lines].join('\n')}\n`;
}

/* ------------------------------------------------------------------------------------------------ the zip file */

class Damage extends Error {}

const chunkSize = 65_536;

/**
 * The members of a zip file as bundles use it: one after the other without gaps, each said alike by its local header and by the
 * directory, stored or deflated, without comment, encryption or anything hidden.
 */
async function zipMembers(source) {
  const head = await source.read(0, 4);
  must(head.length === 4 && uint32(head, 0) === 0x04034b50, 'zip.signature');
  const end = await source.read(Math.max(0, source.size - 22), 22);
  must(end.length === 22 && uint32(end, 0) === 0x06054b50 && uint16(end, 20) === 0, 'zip.cut');
  const count = uint16(end, 10);
  let size = uint32(end, 12);
  let offset = uint32(end, 16);
  let directoryEnd = source.size - 22;
  must(uint16(end, 4) === 0 && uint16(end, 6) === 0 && uint16(end, 8) === count, 'zip.structure');
  if (offset === 0xffffffff) {
    directoryEnd = source.size - 98;
    const more = await source.read(Math.max(0, directoryEnd), 76);
    const isLocated = uint32(more, 56) === 0x07064b50 && uint64(more, 64) === directoryEnd;
    const isRecord = uint32(more, 0) === 0x06064b50 && uint64(more, 4) === 44 && uint64(more, 24) === count;
    must(isLocated && isRecord, 'zip.structure');
    size = uint64(more, 40);
    offset = uint64(more, 48);
  }
  must(offset + size === directoryEnd && size <= limits.small && count <= limits.members, 'zip.structure');
  const directory = await source.read(offset, size);
  const members = new Map();
  let at = 0;
  let expectedOffset = 0;
  for (let index = 0; index < count; index++) {
    must(at + 46 <= size && uint32(directory, at) === 0x02014b50, 'zip.structure', index);
    const nameLength = uint16(directory, at + 28);
    const extraLength = uint16(directory, at + 30);
    must(at + 46 + nameLength + extraLength <= size && uint16(directory, at + 32) === 0, 'zip.structure', index);
    must((uint16(directory, at + 8) & 0x2041) === 0, 'zip.encrypted', index);
    must((uint16(directory, at + 8) & ~0x0800) === 0 && uint16(directory, at + 34) === 0, 'zip.structure', index);
    const method = uint16(directory, at + 10);
    must(method === 0 || method === 8, 'zip.method', index);
    const name = asciiOf(directory.subarray(at + 46, at + 46 + nameLength));
    must(isMemberName(name) && !members.has(name), 'zip.name', index, null, null, name);
    // Made on Unix, the upper half says what kind of file it is.
    const kind = (uint32(directory, at + 38) >>> 28) & 0xf;
    must(kind === 0 || kind === 8, 'zip.symlink', index, name);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const sizes = zipSizes(uint32(directory, at + 20), uint32(directory, at + 24), uint32(directory, at + 42), extra);
    must(sizes !== null && sizes.offset === expectedOffset, 'zip.structure', index, name);
    const local = await source.read(sizes.offset, 30 + nameLength + 20);
    const isLarge = local.length >= 30 && uint32(local, 22) === 0xffffffff;
    const localLength = 30 + nameLength + (isLarge ? 20 : 0);
    must(local.length >= localLength && uint32(local, 0) === 0x04034b50, 'zip.structure', index, name);
    must(uint16(local, 28) === (isLarge ? 20 : 0) && uint16(local, 26) === nameLength, 'zip.structure', index, name);
    // Version, flags, method, time, date and checksum.
    must(same(local.subarray(4, 18), directory.subarray(at + 6, at + 20)), 'zip.structure', index, name);
    must(asciiOf(local.subarray(30, 30 + nameLength)) === name, 'zip.structure', index, name);
    const localExtra = local.subarray(30 + nameLength, localLength);
    const again = zipSizes(uint32(local, 18), uint32(local, 22), 0, localExtra);
    must(again !== null && again.packed === sizes.packed && again.size === sizes.size, 'zip.structure', index, name);
    must(method === 8 ? sizes.packed > 0 : sizes.packed === sizes.size, 'zip.structure', index, name);
    must(sizes.size <= limits.line || sizes.size <= limits.ratio * sizes.packed, 'zip.bomb', index, name);
    const from = sizes.offset + localLength;
    expectedOffset = from + sizes.packed;
    members.set(name, { name, method, from, packed: sizes.packed, size: sizes.size, crc: uint32(directory, at + 16) });
    at += 46 + nameLength + extraLength;
  }
  must(at === size && expectedOffset === offset, 'zip.structure');
  return members;
}

/** Sizes and offset, from the 64-bit field where the 32-bit ones are full. In a local header there is no offset. */
function zipSizes(packed, size, offset, extra) {
  const wide = [size, packed, offset].filter((value) => value === 0xffffffff).length;
  if (wide === 0) return extra.length === 0 ? { packed, size, offset } : null;
  if (extra.length !== 4 + wide * 8 || uint16(extra, 0) !== 1 || uint16(extra, 2) !== wide * 8) return null;
  let at = 4;
  const taken = (value) => {
    if (value !== 0xffffffff) return value;
    at += 8;
    return uint64(extra, at - 8);
  };
  return { size: taken(size), packed: taken(packed), offset: taken(offset) };
}

function isMemberName(name) {
  return name.length <= 255 && /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(name);
}

const uint16 = (bytes, at) => bytes[at] | (bytes[at + 1] << 8);
const uint32 = (bytes, at) => (uint16(bytes, at) | (uint16(bytes, at + 2) << 16)) >>> 0;
const uint64 = (bytes, at) => uint32(bytes, at) + uint32(bytes, at + 4) * 2 ** 32;

async function* packedChunks(source, { from, packed }) {
  for (let at = 0; at < packed; at += chunkSize) {
    const length = Math.min(chunkSize, packed - at);
    const chunk = await source.read(from + at, length);
    if (chunk.length !== length) throw new Damage();
    yield chunk;
  }
}

async function* inflatedByNode(zlib, chunks, packed) {
  const inflate = zlib.createInflateRaw({ chunkSize });
  let failed = false;
  const feed = (async () => {
    for await (const chunk of chunks)
      if (!inflate.write(chunk))
        await new Promise((resolve) => {
          inflate.once('drain', resolve);
          inflate.once('close', resolve);
        });
    inflate.end();
  })().catch((error) => inflate.destroy(error));
  try {
    for await (const chunk of inflate) yield chunk;
  } catch {
    failed = true;
  } finally {
    inflate.destroy();
    await feed;
  }
  // What follows the end of the deflated data must not be there.
  if (failed || inflate.bytesWritten !== packed) throw new Damage();
}

async function* inflatedByBrowser(chunks) {
  const stream = new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }).pipeThrough(new DecompressionStream('deflate-raw'));
  const unpacked = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await unpacked.read();
      if (done) return;
      yield value;
    }
  } catch {
    throw new Damage();
  } finally {
    await unpacked.cancel().catch(() => {});
  }
}

/** A bundle's members, each read once: their checksums are checked and their hashes kept as they are read. */
class Bundle {
  constructor(source, members, hashing, zlib) {
    Object.assign(this, { source, members, hashing, zlib });
    this.hashes = new Map();
  }

  async *chunks(name) {
    const member = this.members.get(name);
    const packed = packedChunks(this.source, member);
    const unpacked =
      member.method === 0
        ? packed
        : this.zlib
          ? inflatedByNode(this.zlib, packed, member.packed)
          : inflatedByBrowser(packed);
    const hash = this.hashing.newSha256();
    let crc = 0;
    let size = 0;
    for await (const chunk of unpacked) {
      size += chunk.length;
      if (size > member.size) throw new Damage();
      crc = this.hashing.crc32(chunk, crc);
      hash.update(chunk);
      yield chunk;
    }
    if (size !== member.size || crc !== member.crc) throw new Damage();
    this.hashes.set(name, hex(hash.digest()));
  }

  async small(name) {
    must(this.members.get(name).size <= limits.small, 'zip.bomb', null, name);
    const parts = [];
    for await (const chunk of this.chunks(name)) parts.push(chunk.slice());
    return joined(...parts);
  }

  /** A small member's text; null where it is not UTF-8. */
  async text(name) {
    return decoded(await this.small(name));
  }

  /** Reads what nobody read. */
  async drain(name) {
    if (this.hashes.has(name)) return;
    for await (const _chunk of this.chunks(name));
  }

  /** The first member, as they lie in the file, whose bytes are damaged. */
  async firstDamaged() {
    for (const name of this.members.keys()) {
      try {
        for await (const _chunk of this.chunks(name));
      } catch (error) {
        if (error instanceof Damage) return name;
        throw error;
      }
    }
    return null;
  }
}

/** Lines of a member. `from` and `to` are where the line lies in `bytes`; the byte before it may be written to. */
class Lines {
  constructor(chunks, longest) {
    this.chunks = chunks[Symbol.asyncIterator]();
    this.longest = longest;
    this.room = new Uint8Array(1);
    this.bytes = this.room;
    this.at = 1;
    this.overlong = false;
  }

  /** Whether there is another whole line at hand. */
  next() {
    if (this.overlong) return false;
    const to = this.bytes.indexOf(10, this.at);
    const length = (to < 0 ? this.bytes.length : to) - this.at;
    if (length > this.longest) this.overlong = true;
    if (to < 0 || this.overlong) return false;
    this.from = this.at;
    this.to = to;
    this.at = to + 1;
    return true;
  }

  /** Brings more bytes; false at the end of the member, or where a line is too long (what follows is read and dropped). */
  async fill() {
    for (;;) {
      const { done, value } = await this.chunks.next();
      if (done) {
        return false;
      }
      if (this.overlong) continue;
      const rest = this.bytes.length - this.at;
      const length = 1 + rest + value.length;
      // The same room again and again: lines are not kept.
      if (length > this.room.length) {
        const room = newBytes(Math.max(length, 2 * chunkSize));
        room.set(this.bytes.subarray(this.at), 1);
        this.room = room;
      } else this.room.copyWithin(1, this.at, this.bytes.length);
      this.room.set(value, 1 + rest);
      this.bytes = this.room.subarray(0, length);
      this.at = 1;
      return true;
    }
  }

  /** Bytes after the last line's end. */
  get left() {
    return this.bytes.length - this.at;
  }

  async drain() {
    this.bytes = new Uint8Array(1);
    this.at = 1;
    for (;;) {
      const { done } = await this.chunks.next();
      if (done) return;
    }
  }
}

function newBytes(length) {
  return globalThis.Buffer ? globalThis.Buffer.allocUnsafeSlow(length) : new Uint8Array(length);
}

/** Hashes of 32 bytes, one after the other. */
class Hashes {
  constructor(chunks) {
    this.chunks = chunks[Symbol.asyncIterator]();
    this.bytes = new Uint8Array(0);
    this.at = 0;
  }

  next() {
    if (this.at + 32 > this.bytes.length) return null;
    this.at += 32;
    return this.bytes.subarray(this.at - 32, this.at);
  }

  /** Brings more; that there are enough was looked at before. */
  async fill() {
    const { done, value } = await this.chunks.next();
    if (done) throw new Damage();
    this.bytes = joined(this.bytes.subarray(this.at), value);
    this.at = 0;
  }
}

/* ------------------------------------------------------------------------------------------------ what a filter asks for */

const filterFields = {
  act: (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
  sub: (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
  obj: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (one) =>
        isObject(one) &&
        isText(one.t) &&
        Object.keys(one).every((key) => key === 't' || key === 'id') &&
        (one.id === undefined || isText(one.id) || Number.isSafeInteger(one.id)),
    ),
  from: isMoment,
  to: isMoment,
};

/** Whether an entry, by its bytes alone, is one of those that a filter asks for. */
export function matches(filter, entry) {
  const { act, sub, obj, from, to } = filter;
  if (act && !act.some((one) => (one.endsWith('*') ? entry.act.startsWith(one.slice(0, -1)) : entry.act === one)))
    return false;
  if (sub && !sub.includes(entry.sub)) return false;
  if (obj && !obj.some(({ t, id }) => entry.obj?.t === t && (id === undefined || entry.obj.id === id))) return false;
  return (from === undefined || entry.ts >= from) && (to === undefined || entry.ts < to);
}

/* ------------------------------------------------------------------------------------------------ views */

const csvHead = 'index,device,seq,time,action,table,key,subject,actor,object,reason,changes,outcome,erased\r\n';

/** A cell that no spreadsheet takes for a formula (OWASP), quoted as RFC 4180 does. */
function csvCell(value) {
  const text = value === undefined || value === null ? '' : String(value);
  if (text === '') return '';
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /^[A-Za-z0-9._:~-]*$/.test(safe) ? safe : `"${safe.replace(/"/g, '""')}"`;
}

function said(disclosed, name) {
  return disclosed.find((one) => one.name === name);
}

/** What a disclosed value reads as in one cell. */
function actorText(one) {
  const value = one?.value;
  if (!isObject(value)) return one?.raw;
  return typeof value.email === 'string' ? value.email : typeof value.id === 'string' ? value.id : one.raw;
}

function objectText(one) {
  const value = one?.value;
  if (!isObject(value)) return one?.raw;
  return typeof value.name === 'string' ? value.name : typeof value.key === 'string' ? value.key : one.raw;
}

function reasonText(one) {
  return typeof one?.value === 'string' ? one.value : one?.raw;
}

export const views = {
  head: csvHead,
  /** @param index place in the central log; null for an entry that central does not have yet */
  csv(entry, index, disclosed, erased) {
    return `${[
      index,
      entry.dev,
      entry.seq,
      entry.ts,
      entry.act,
      entry.obj?.t,
      entry.obj?.id,
      entry.sub,
      actorText(said(disclosed, 'actor')),
      objectText(said(disclosed, 'object')),
      reasonText(said(disclosed, 'reason')),
      said(disclosed, 'changes')?.raw,
      entry.out,
      erased.length === 0 ? '' : `#${erased.join(' #')}`,
    ]
      .map(csvCell)
      .join(',')}\r\n`;
  },
  /** One event of the Open Cybersecurity Schema Framework, in canonical form. */
  ocsf(entry, index, disclosed) {
    const type = entry.ocsf ?? 99;
    const kind = Math.floor(type / 100);
    const { obj, sub } = entry;
    const uid = obj && String(obj.id);
    const name = objectText(said(disclosed, 'object'));
    const place = index === null ? `${entry.dev}/${entry.seq}` : `central/${index}`;
    // Names stand in the order of RFC 8785, and what is undefined is left out.
    return `${JSON.stringify({
      activity_id: type % 100,
      actor: sub === undefined ? undefined : { user: { name: actorText(said(disclosed, 'actor')), uid: sub } },
      category_uid: Math.floor(kind / 1000),
      class_uid: kind,
      entity: obj && kind === 3004 ? { name, type: obj.t, uid } : undefined,
      message: entry.act,
      metadata: { product, uid: `${entry.org}/${place}`, version: '1.3.0' },
      severity_id: 1,
      status_id: ['ok', 'applied', 'merged'].includes(entry.out ?? 'ok') ? 1 : 2,
      time: millisecondsOf(entry.ts),
      type_uid: type,
      unmapped: {
        device: entry.dev,
        object: obj && kind !== 3004 && kind !== 3001 ? { id: uid, t: obj.t } : undefined,
        reason: reasonText(said(disclosed, 'reason')),
      },
      user: obj && kind === 3001 ? { name, uid } : undefined,
    })}\n`;
  },
};

const product = { name: 'Latchkey', vendor_name: 'Latchkey' };

/** Milliseconds since 1970 of a moment, by the calendar's arithmetic alone. */
function millisecondsOf(ts) {
  const [year, month, day, hour, minute, second, ms] = ts.match(/[0-9]+/g).map(Number);
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  const days = era * 146_097 + dayOfEra - 719_468;
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + ms;
}

/* ------------------------------------------------------------------------------------------------ the verification */

const centralMembers = ['log/checkpoint', 'log/entries.jsonl', 'log/leaves', 'log/range'];
const members = [
  'SHA256SUMS',
  'SHA256SUMS.sig',
  'device/checkpoint',
  'device/entries.jsonl',
  'device/leaves',
  'device/range',
  'disclosures.jsonl',
  'keys/allowed_signers',
  'log/devices.jsonl',
  'log/policy',
  'manifest.json',
  'views/audit.csv',
  'views/ocsf.jsonl',
];

const digestForm = /^[A-Za-z0-9_-]{43}$/;

/** What all leaves have in common, and what is looked at of each. */
function isEntry(entry) {
  const { org, dev, act, ts, seq, obj, sub, out, ocsf, chg, cen, _sd } = entry;
  return (
    isText(org) &&
    isText(dev) &&
    isText(act) &&
    isMoment(ts) &&
    (dev === 'central' ? seq === undefined : isCount(seq) && seq > 0) &&
    (obj === undefined || (isObject(obj) && isText(obj.t) && (isText(obj.id) || Number.isSafeInteger(obj.id)))) &&
    (sub === undefined || isText(sub)) &&
    (out === undefined || isText(out)) &&
    (ocsf === undefined || isCount(ocsf)) &&
    (chg === undefined || (isObject(chg) && typeof chg.h === 'string' && /^[0-9a-f]{64}$/.test(chg.h))) &&
    (cen === undefined || (Array.isArray(cen) && cen.length === 2 && isCount(cen[0]) && isHash(cen[1]))) &&
    (_sd === undefined || isDigestList(_sd))
  );
}

/** 32 bytes in the one form of Base64: two bits of the last digit are not used. */
const hashForm = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

function isHash(value) {
  return typeof value === 'string' && hashForm.test(value);
}

function isDigestList(list) {
  if (!Array.isArray(list) || list.length === 0) return false;
  for (let i = 0; i < list.length; i++)
    if (typeof list[i] !== 'string' || !digestForm.test(list[i]) || (i > 0 && list[i] <= list[i - 1])) return false;
  return true;
}

class Verification {
  constructor(bundle, hashing, trust, held) {
    Object.assign(this, { bundle, hashing, trust, held });
    this.findings = [];
    this.devices = [];
    this.device = new Map();
    this.signers = [];
    this.erasures = new Set();
    this.erased = [];
    this.forks = [];
    this.matched = 0;
    this.checked = 0;
    this.epoch = undefined;
    this.ahead = undefined;
    this.csv = { text: csvHead, hash: hashing.newSha256() };
    this.ocsf = { text: '', hash: hashing.newSha256() };
  }

  /** Runs a part; what it finds is kept, and the next part goes on. */
  async part(work) {
    const before = this.findings.length;
    try {
      await work.call(this);
    } catch (error) {
      if (!(error instanceof Finding)) throw error;
      this.findings.push(error);
    }
    return this.findings.length === before;
  }

  async run() {
    const readable = (await this.part(this.readManifest)) && (await this.part(this.readDevices));
    if (!readable) return;
    await this.part(this.readTailCheckpoint);
    if (this.central) {
      await this.part(this.readCheckpoint);
      this.logHolds = await this.part(this.checkLog);
      if (this.logHolds) await this.part(this.checkDevices);
    } else this.logHolds = true;
    this.tailHolds = await this.part(this.checkTail);
    await this.part(this.checkExport);
    if (this.central) await this.part(this.checkProofs);
    if (this.central && this.logHolds) await this.part(this.checkConsistency);
    await this.part(this.checkViews);
    await this.part(this.checkSums);
    await this.part(this.checkSignature);
    if (this.held) await this.part(this.checkHeld);
    await this.part(this.checkTrust);
  }

  async readManifest() {
    for (const name of members) must(this.bundle.members.has(name), 'member.missing', null, name);
    const bytes = await this.bundle.small('manifest.json');
    const manifest = bytes.at(-1) === 10 ? canonical(bytes.subarray(0, -1)) : undefined;
    must(isObject(manifest), 'manifest.canonical', null, 'manifest.json');
    must(manifest.bundle === 'latchkey-export/1', 'manifest.version', null, 'manifest.json', 'latchkey-export/1');
    must(Array.isArray(manifest.needs) && manifest.needs.length === 0, 'manifest.needs', null, 'manifest.json');
    const { org, device, entries, exported, latchkey, matched, rollback, tail } = manifest;
    const request = manifest.export;
    must(
      isText(org) &&
        isText(device) &&
        isCount(entries) &&
        isMoment(exported) &&
        isText(latchkey) &&
        isCount(matched) &&
        isText(rollback) &&
        isObject(tail) &&
        isCount(tail.first) &&
        isCount(tail.size) &&
        tail.first <= tail.size &&
        isObject(request) &&
        isObject(request.filter),
      'manifest.fields',
      null,
      'manifest.json',
    );
    const { checkpoint, first, last, filter } = request;
    const isCentral =
      isObject(checkpoint) &&
      isCount(checkpoint.size) &&
      isHash(checkpoint.root) &&
      isCount(first) &&
      isCount(last) &&
      first <= last &&
      last <= checkpoint.size &&
      entries === last - first;
    const isDeviceOnly =
      checkpoint === undefined && first === undefined && last === undefined && entries === 0 && tail.first === 0;
    must(isCentral || isDeviceOnly, 'manifest.fields', null, 'manifest.json');
    must(
      Object.keys(filter).every((field) => Object.hasOwn(filterFields, field) && filterFields[field](filter[field])),
      'manifest.filter',
      null,
      'manifest.json',
    );
    this.manifest = manifest;
    this.central = isCentral ? { ...checkpoint, first, last, rootHash: hashOf(checkpoint.root) } : null;
    if (this.central)
      for (const name of centralMembers) must(this.bundle.members.has(name), 'member.missing', null, name);
  }

  async readDevices() {
    const { manifest, hashing } = this;
    const where = 'log/devices.jsonl';
    const text = await this.bundle.text(where);
    must(text?.endsWith('\n'), 'devices.line', null, where);
    for (const [index, line] of text.slice(0, -1).split('\n').entries()) {
      const value = canonical(utf8.encode(line));
      must(isDeviceLine(value, this.central !== null), 'devices.line', index, where);
      const { dev, log, checkpoint, join, revoke, note, first, last, range } = value;
      must(index === 0 || this.devices[index - 1].dev < dev, 'devices.order', index, where);
      const logKey = parsedKey(hashing, log);
      const checkpointKey = parsedKey(hashing, checkpoint);
      must(logKey?.name === deviceOrigin(manifest.org, dev), 'devices.key', index, where);
      must(checkpointKey?.name === centralOrigin(manifest.org), 'devices.key', index, where);
      const left = first === undefined ? [] : coveringLevels(0, first);
      must(first === undefined || range.length >= left.length, 'devices.range', index, where);
      const tree = new Tree(hashing);
      for (const [place, level] of left.entries()) tree.append(hashOf(range[place]), level);
      this.devices.push({
        ...{ index, dev, log, checkpoint, logKey, checkpointKey, join, revoke, note, first, last, tree },
        right: first === undefined ? [] : range.slice(left.length).map(hashOf),
        count: first,
        noteSize: 0,
        noteRoot: null,
        ahead: null,
        seen: null,
        joined: false,
        revoked: false,
      });
    }
    this.device = new Map(this.devices.map((device) => [device.dev, device]));
    this.exporter = this.device.get(manifest.device);
    must(this.exporter !== undefined, 'devices.exporter', null, where, manifest.device);
    must((await this.bundle.text('log/policy')) === policyText(this.devices), 'policy.differs', null, 'log/policy');
    for (const { index, logKey, checkpointKey } of this.devices)
      for (const [kind, key] of [
        ['log', logKey],
        ['checkpoint', checkpointKey],
      ]) {
        const name = `keys/${index}.${kind}.pem`;
        must(this.bundle.members.has(name), 'member.missing', index, name);
        must((await this.bundle.text(name)) === pemOf(key.key), 'keys.differ', index, name);
      }
    const signers = allowedSigners(this.exporter.logKey.name, this.exporter.logKey.key);
    const allowed = await this.bundle.text('keys/allowed_signers');
    must(allowed === signers, 'keys.differ', null, 'keys/allowed_signers');
  }

  async readTailCheckpoint() {
    const where = 'device/checkpoint';
    const { logKey } = this.exporter;
    const text = await this.bundle.text(where);
    const note = text === null ? null : parsedCheckpoint(text);
    must(note?.origin === logKey.name && note.size === this.manifest.tail.size, 'tail.note', null, where);
    this.tailNote = note;
    const signature = signatureOf(this.hashing, note, logKey);
    must(signature === 'valid', 'tail.signature', null, where, 'valid', signature);
  }

  async readCheckpoint() {
    const where = 'log/checkpoint';
    const { size, root } = this.central;
    this.checkpointText = await this.bundle.text(where);
    const note = this.checkpointText === null ? null : parsedCheckpoint(this.checkpointText);
    must(note !== null, 'checkpoint.note', null, where);
    must(note.origin === centralOrigin(this.manifest.org), 'checkpoint.origin', null, where, null, note.origin);
    must(note.size === size && note.root === root, 'checkpoint.manifest', null, where, `${size} ${root}`);
    let revoked = 0;
    for (const device of this.devices) {
      const signature = signatureOf(this.hashing, note, device.checkpointKey);
      must(signature !== 'false', 'checkpoint.signature', device.index, where);
      if (signature !== 'valid') continue;
      if (device.revoke === undefined || device.revoke >= size) this.signers.push(device);
      else revoked++;
    }
    must(revoked === 0 || this.signers.length > 0, 'checkpoint.revoked', null, where);
    must(this.signers.length > 0, 'checkpoint.unsigned', null, where);
  }

  /** Hashes of a member, one a line; null where it is not that. */
  async hashLines(name) {
    const text = await this.bundle.text(name);
    if (text === '') return [];
    if (!text?.endsWith('\n')) return null;
    const hashes = text.slice(0, -1).split('\n').map(hashOf);
    return hashes.includes(null) ? null : hashes;
  }

  async checkLog() {
    const { first, last, size, rootHash } = this.central;
    this.lines = new Lines(this.bundle.chunks('disclosures.jsonl'), limits.line);
    must(last > first, 'log.empty', null, 'log/entries.jsonl');
    await this.checkEntries({
      ...{ folder: 'log', index: first, first, last, size, root: rootHash, key: 'i' },
      held: this.held?.origin === centralOrigin(this.manifest.org) ? this.held : null,
      look: (entry, index, hash) =>
        entry.dev === 'central' ? this.lookAtCentral(entry, index) : this.lookAtDevice(entry, index, hash),
    });
  }

  async checkTail() {
    const { tail, device } = this.manifest;
    const { exporter, central } = this;
    this.lines ??= new Lines(this.bundle.chunks('disclosures.jsonl'), limits.line);
    let at = tail.first;
    await this.checkEntries({
      ...{ folder: 'device', index: tail.first + 1, first: tail.first, last: tail.size, size: tail.size, key: 's' },
      root: this.tailNote ? hashOf(this.tailNote.root) : null,
      held: this.held?.origin === exporter.logKey.name ? this.held : null,
      look: (entry, index) => {
        const where = 'device/entries.jsonl';
        must(entry.dev === device, 'entry.device', index, where, device, entry.dev);
        must(entry.seq === at + 1, 'entry.sequence', index, where, at + 1, entry.seq);
        at++;
        if (central) this.lookAtSeen(entry, index, where, exporter, central.size);
        this.last = entry;
      },
    });
    if (this.discloses) {
      must(!(await this.hasAhead()), 'disclosure.order', null, 'disclosures.jsonl');
      const { matched } = this;
      must(
        matched === this.manifest.matched,
        'manifest.matched',
        null,
        'manifest.json',
        this.manifest.matched,
        matched,
      );
    }
    if (!central || !this.logHolds) return;
    const reaches = central.first === 0 && exporter.first === undefined ? 0 : exporter.last;
    const isAtEnd = central.last === central.size && reaches !== undefined;
    must(!isAtEnd || reaches === tail.first, 'tail.gap', tail.first + 1, 'device/entries.jsonl', reaches, tail.first);
    must(reaches === undefined || reaches <= tail.first, 'tail.gap', tail.first + 1, 'device/entries.jsonl');
  }

  /**
   * Reads entries beside their leaf hashes. What an entry says is looked at as long as entries and hashes agree; at the end the roots
   * tell which of the two is the signed one.
   */
  async checkEntries({ folder, index, first, last, size, root, key, held, look }) {
    const { hashing, bundle } = this;
    const where = `${folder}/entries.jsonl`;
    const count = last - first;
    const completing = await this.hashLines(`${folder}/range`);
    const left = coveringLevels(0, first);
    const right = coveringLevels(last, size);
    must(completing?.length === left.length + right.length, 'range.hashes', null, `${folder}/range`);
    const listedSize = bundle.members.get(`${folder}/leaves`).size;
    must(listedSize === count * 32, 'leaves.length', null, `${folder}/leaves`, count * 32, listedSize);
    const tree = new Tree(hashing);
    for (const [place, level] of left.entries()) tree.append(completing[place], level);
    const lines = new Lines(bundle.chunks(where), limits.entry);
    const leaves = new Hashes(bundle.chunks(`${folder}/leaves`));
    this.discloses = folder === 'log' || this.logHolds;
    let read = 0;
    let isSurplus = false;
    /** The tree of the listed hashes, from where they differ. */
    let listedTree = null;
    let differsAt = -1;
    const computed = [];
    const listed = [];
    let pending = null;
    const holdRoot = () => {
      if (held && held.size === first + read) held.found = tree.root();
    };
    holdRoot();
    for (;;) {
      if (!lines.next()) {
        if (await lines.fill()) continue;
        break;
      }
      if (read === count) {
        isSurplus = true;
        await lines.drain();
        break;
      }
      let leaf = leaves.next();
      while (leaf === null) {
        await leaves.fill();
        leaf = leaves.next();
      }
      lines.bytes[lines.from - 1] = 0;
      const hash = hashing.sha256(lines.bytes.subarray(lines.from - 1, lines.to));
      if (listedTree === null && !same(hash, leaf)) {
        listedTree = tree.clone();
        differsAt = read;
      }
      tree.append(hash);
      if (listedTree !== null) {
        if (computed.length < 2) {
          computed.push(hash);
          listed.push(leaf.slice());
        }
        listedTree.append(leaf.slice());
      } else if (pending === null) {
        try {
          if (this.discloses && this.ahead === undefined) await this.readAhead(index + read);
          this.lookAtEntry(lines, index + read, hash, where, key, look);
        } catch (error) {
          if (!(error instanceof Finding)) throw error;
          pending = { read, error };
          this.discloses = false;
        }
      }
      read++;
      holdRoot();
    }
    if (listedTree === null && read < count) listedTree = tree.clone();
    for (let place = read; listedTree !== null && place < count; ) {
      const leaf = leaves.next();
      if (leaf === null) await leaves.fill();
      else {
        listedTree.append(leaf.slice());
        place++;
        if (listed.length === 1) listed.push(leaf.slice());
      }
    }
    if (pending) this.findings.push(pending.error);
    if (root === null) return;
    const rest = completing.slice(left.length);
    const complete = (one) => {
      for (const [place, level] of right.entries()) one.append(rest[place], level);
      return same(one.root(), root);
    };
    const isWhole = read === count && !isSurplus && !lines.overlong && lines.left === 0;
    const areEntriesSigned = read === count && complete(tree);
    const areListedSigned = listedTree === null ? areEntriesSigned : complete(listedTree);
    const differs = differsAt >= 0;
    if (differs || !isWhole) this.discloses = false;
    const isEdited = differs && areListedSigned;
    const isNext = isEdited && listed[1] !== undefined && same(computed[0], listed[1]);
    const isBefore = isEdited && computed[1] !== undefined && same(computed[1], listed[0]);
    const at = index + differsAt;
    const agree = pending ? pending.read : differs ? differsAt : read;
    if (areListedSigned || areEntriesSigned) this.checked += agree;
    const hashes = [differs ? hex(listed[0]) : null, differs ? hex(computed[0]) : null];
    must(!(isNext && isBefore), 'entry.swapped', at, where, ...hashes);
    must(!isNext, 'entry.missing', at, where, ...hashes);
    must(!isBefore, 'entry.inserted', at, where, ...hashes);
    must(!isEdited, 'entry.edited', at, where, ...hashes);
    must(!(differs && areEntriesSigned), 'leaves.edited', at, `${folder}/leaves`, ...hashes.reverse());
    must(areListedSigned || areEntriesSigned || read !== count, 'log.root', differs ? at : null, where, hex(root));
    must(!lines.overlong, 'entry.size', index + read, where, limits.entry);
    must(isSurplus || lines.left === 0, 'log.framing', index + read, where);
    must(read === count, 'log.missing', index + read, where, count, read);
    must(!isSurplus, 'log.surplus', index + read, where, count);
  }

  lookAtEntry(lines, index, hash, where, key, look) {
    const entry = canonical(lines.bytes.subarray(lines.from, lines.to));
    must(isObject(entry), 'entry.canonical', index, where);
    must(entry.v === 'latchkey/1', 'entry.version', index, where, 'latchkey/1');
    must(isEntry(entry), 'entry.fields', index, where);
    must(entry.org === this.manifest.org, 'entry.organization', index, where, this.manifest.org, entry.org);
    look(entry, index, hash);
    if (this.discloses) this.lookAtDisclosures(entry, index, key);
  }

  lookAtDevice(entry, index, hash) {
    const where = 'log/entries.jsonl';
    const device = this.device.get(entry.dev);
    must(device !== undefined && device.first !== undefined, 'entry.device', index, where, null, entry.dev);
    must(device.join < index, 'entry.joined', index, where, device.join, index);
    must(device.revoke === undefined || index < device.revoke, 'entry.revoked', index, where, device.revoke, index);
    must(entry.seq === device.count + 1, 'entry.sequence', index, where, device.count + 1, entry.seq);
    device.count++;
    device.tree.append(hash);
    const { ahead } = device;
    if (ahead?.size === device.count) {
      device.ahead = null;
      this.compareNote(device, ahead, device.tree.root(), index);
    }
    this.lookAtSeen(entry, index, where, device, index);
  }

  /** What a device had seen of the central log. After a declared restore that is told of the log that went on alone. */
  lookAtSeen({ cen, ep }, index, where, device, size) {
    if (cen === undefined) return;
    const isOfThisLog = this.epoch === undefined ? this.central.first === 0 : ep === this.epoch;
    if (!isOfThisLog) return;
    must(cen[0] <= size, 'entry.ahead', index, where, size, cen[0]);
    must(device.seen === null || cen[0] >= device.seen.size, 'entry.back', index, where, device.seen?.size, cen[0]);
    device.seen = { size: cen[0], root: cen[1], index, where };
  }

  lookAtCentral(entry, index) {
    const where = 'log/entries.jsonl';
    const device = this.device.get(entry.obj?.id);
    if (entry.act === 'device.join') {
      must(device?.join === index && isJoinOf(entry, device), 'join.keys', index, where);
      device.joined = true;
    } else if (entry.act === 'device.revoke') {
      must(device?.revoke === index, 'revoke.missing', index, where);
      device.revoked = true;
    } else if (entry.act === 'device.checkpoint') {
      const note = typeof entry.note === 'string' ? parsedCheckpoint(entry.note) : null;
      must(device !== undefined && note?.origin === device.logKey.name, 'note.format', index, where);
      if (device.first !== undefined) this.lookAtNote(device, note, index);
    } else if (entry.act === 'epoch.begin') {
      must(isText(entry.epoch) || isCount(entry.epoch), 'entry.fields', index, where);
      this.epoch = entry.epoch;
      for (const one of this.devices) one.seen = null;
    } else if (entry.act === 'erasure.done') this.erasures.add(index);
  }

  lookAtNote(device, note, index) {
    must(note.size >= device.noteSize, 'note.back', index, 'log/entries.jsonl', device.noteSize, note.size);
    if (note.size === device.count) this.compareNote(device, note, device.tree.root(), index);
    else if (note.size === device.noteSize && device.noteRoot !== null)
      this.compareNote(device, note, hashOf(device.noteRoot), index);
    else if (note.size > device.count) device.ahead = note;
    device.noteSize = note.size;
    device.noteRoot = note.root;
  }

  compareNote(device, note, root, index) {
    if (same(hashOf(note.root), root)) return;
    const isSigned = signatureOf(this.hashing, note, device.logKey) === 'valid';
    if (isSigned) this.forks.push({ device: device.dev, size: note.size, index });
    must(!isSigned, 'note.fork', index, 'log/entries.jsonl', base64(root), note.root);
    must(isSigned, 'note.root', index, 'log/entries.jsonl', base64(root), note.root);
  }

  /** Whether there is another line of disclosures. */
  async hasAhead() {
    if (this.ahead === undefined) await this.readAhead(null);
    return this.ahead !== null;
  }

  /** Brings the next line of disclosures; null after the last. */
  async readAhead(index) {
    const { lines } = this;
    while (!lines.next())
      if (!(await lines.fill())) {
        must(!lines.overlong && lines.left === 0, 'disclosure.line', index, 'disclosures.jsonl');
        this.ahead = null;
        return;
      }
    const line = canonical(lines.bytes.subarray(lines.from, lines.to));
    must(isDisclosureLine(line), 'disclosure.line', index, 'disclosures.jsonl');
    this.ahead = line;
  }

  lookAtDisclosures(entry, index, key) {
    const where = 'disclosures.jsonl';
    const { ahead } = this;
    const isOwn = ahead !== null && ahead[key] === index;
    const isLate = ahead !== null && !isOwn && (key === 's' ? !(ahead.s > index) : ahead.i < index);
    must(!isLate, 'disclosure.order', index, where);
    const isMatch = matches(this.manifest.export.filter, entry);
    const digests = entry._sd ?? [];
    must(!isOwn || (isMatch && digests.length > 0), 'disclosure.surplus', index, where);
    must(isOwn || !isMatch || digests.length === 0, 'disclosure.missing', index, where);
    if (!isMatch) return;
    this.matched++;
    const open = new Set(digests);
    const disclosed = [];
    const erased = new Set();
    if (isOwn) {
      for (const text of ahead.d) {
        const isOne = open.delete(this.hashing.sha256Url(text));
        must(isOne, 'disclosure.unknown', index, where);
        const one = parsedDisclosure(text);
        must(one !== null, 'disclosure.content', index, where);
        disclosed.push(one);
      }
      for (const [digest, under] of ahead.e) {
        const isOne = open.delete(digest);
        must(isOne, 'disclosure.unknown', index, where);
        if (!erased.has(under)) this.erased.push({ index, log: key === 'i' ? 'central' : 'device', under });
        erased.add(under);
      }
      must(open.size === 0, 'disclosure.missing', index, where);
      this.ahead = undefined;
    }
    this.show(entry, key === 'i' ? index : null, disclosed, [...erased]);
  }

  show(entry, index, disclosed, erased) {
    this.onEntry?.(entry, index, disclosed, erased);
    append(this.csv, views.csv(entry, index, disclosed, erased));
    append(this.ocsf, views.ocsf(entry, index, disclosed));
  }

  /** Each device's log, as it signed it, against its entries in the central log. */
  async checkDevices() {
    const { first, last } = this.central;
    for (const device of this.devices) {
      const { index, join, revoke } = device;
      const where = 'log/devices.jsonl';
      must(device.joined || join < first || join >= last, 'join.missing', index, where, join);
      must(device.revoked || !(revoke >= first && revoke < last), 'revoke.missing', index, where, revoke);
      if (device.first === undefined) continue;
      must(device.count === device.last, 'device.entries', index, where, device.last, device.count);
      const isExporter = device === this.exporter;
      if (isExporter && !this.tailNote) continue;
      const note = isExporter ? this.tailNote : parsedCheckpoint(device.note ?? '');
      must(note?.origin === device.logKey.name, 'device.note', index, where);
      const isSigned = isExporter || signatureOf(this.hashing, note, device.logKey) === 'valid';
      must(isSigned, 'device.signature', index, where);
      must(note.size >= device.last, 'device.uncovered', index, where, device.last, note.size);
      const right = coveringLevels(device.last, note.size);
      must(device.right.length === right.length, 'devices.range', index, where);
      const tree = device.tree.clone();
      for (const [place, level] of right.entries()) tree.append(device.right[place], level);
      device.signedTo = note.size;
      must(same(tree.root(), hashOf(note.root)), 'device.root', index, where, note.root, base64(tree.root()));
    }
  }

  async checkExport() {
    if (!this.tailHolds) return;
    const { last } = this;
    const where = 'device/entries.jsonl';
    const seq = this.manifest.tail.size;
    must(last?.act === 'audit.export', 'export.unrecorded', seq, where);
    const request = hex(this.hashing.sha256(utf8.encode(canonicalText(this.manifest.export))));
    must(last.chg?.h === request, 'export.request', seq, where, last.chg?.h, request);
  }

  /** What the range does not hold and the bundle rests on. */
  async checkProofs() {
    const { first, last } = this.central;
    const isInside = (index) => index >= first && index < last;
    for (const device of this.devices) {
      const { dev, join, revoke } = device;
      if (!isInside(join)) {
        const leaf = await this.provenLeaf(join);
        must(leaf.act === 'device.join' && leaf.obj?.id === dev && isJoinOf(leaf, device), 'join.keys', join);
      }
      if (revoke !== undefined && !isInside(revoke)) {
        const leaf = await this.provenLeaf(revoke);
        must(leaf.act === 'device.revoke' && leaf.obj?.id === dev, 'revoke.missing', revoke);
      }
    }
    const proven = new Set();
    for (const { index, under } of this.erased) {
      if (proven.has(under)) continue;
      proven.add(under);
      const isErasure = isInside(under)
        ? this.erasures.has(under)
        : (await this.provenLeaf(under)).act === 'erasure.done';
      must(isErasure, 'erased.unproven', index, 'disclosures.jsonl', 'erasure.done');
    }
  }

  async provenLeaf(index) {
    const where = `proofs/${index}.tlog-proof`;
    must(this.bundle.members.has(where), 'proof.missing', index, where);
    const text = (await this.bundle.text(where)) ?? '';
    const end = text.indexOf('\n\n');
    const [version, extra = '', place, ...hashes] = text.slice(0, Math.max(end, 0)).split('\n');
    const bytes = extra.startsWith('extra ') ? fromBase64(extra.slice(6)) : null;
    const leaf = bytes === null ? undefined : canonical(bytes);
    const proof = hashes.map(hashOf);
    must(
      version === 'c2sp.org/tlog-proof@v1' &&
        isObject(leaf) &&
        leaf.v === 'latchkey/1' &&
        isEntry(leaf) &&
        leaf.org === this.manifest.org &&
        leaf.dev === 'central' &&
        place === `index ${index}` &&
        !proof.includes(null) &&
        text.slice(end + 2) === this.checkpointText,
      'proof.format',
      index,
      where,
    );
    const { size, rootHash } = this.central;
    const isIn = isIncluded(this.hashing, leafHash(this.hashing, bytes), index, size, proof, rootHash);
    must(isIn, 'proof.inclusion', index, where);
    return leaf;
  }

  /** Each device's last view of the central log must be a beginning of this one. */
  async checkConsistency() {
    for (const { seen } of this.devices) {
      if (seen === null) continue;
      const { index, where, size, root } = seen;
      const proof = await this.consistencyProof(size);
      must(proof !== undefined, 'consistency.missing', index, where, `log/consistency/${size}.txt`);
      must(proof !== null, 'consistency.format', index, `log/consistency/${size}.txt`);
      must(this.isBeginning(size, hashOf(root), proof), 'consistency.fork', index, where, null, `${size} ${root}`);
    }
  }

  /** undefined where there is none, null where it is malformed */
  async consistencyProof(size) {
    const name = `log/consistency/${size}.txt`;
    if (size === 0 || size === this.central.size) return [];
    return this.bundle.members.has(name) ? this.hashLines(name) : undefined;
  }

  isBeginning(size, root, proof) {
    return isConsistent(this.hashing, size, this.central.size, root, this.central.rootHash, proof);
  }

  async checkViews() {
    if (!this.discloses || !this.logHolds || !this.tailHolds) return;
    for (const [view, name, code] of [
      [this.csv, 'views/audit.csv', 'view.csv'],
      [this.ocsf, 'views/ocsf.jsonl', 'view.ocsf'],
    ]) {
      await this.bundle.drain(name);
      view.hash.update(utf8.encode(view.text));
      const expected = hex(view.hash.digest());
      must(this.bundle.hashes.get(name) === expected, code, null, name, expected, this.bundle.hashes.get(name));
    }
  }

  async checkSums() {
    for (const name of this.bundle.members.keys()) await this.bundle.drain(name);
    const where = 'SHA256SUMS';
    this.sums = await this.bundle.small(where);
    const text = decoded(this.sums);
    must(text?.endsWith('\n'), 'sums.format', null, where);
    const listed = new Set();
    const { hashes } = this.bundle;
    for (const [index, line] of text.slice(0, -1).split('\n').entries()) {
      const match = /^([0-9a-f]{64}) {2}([^ ]+)$/.exec(line);
      must(match !== null && !listed.has(match[2]), 'sums.format', index, where);
      const [, hash, name] = match;
      listed.add(name);
      must(hashes.has(name), 'sums.missing', index, name);
      must(hashes.get(name) === hash, 'sums.hash', index, name, hash, hashes.get(name));
    }
    for (const name of hashes.keys())
      must(listed.has(name) || name === where || name === `${where}.sig`, 'sums.unlisted', null, name);
  }

  async checkSignature() {
    const where = 'SHA256SUMS.sig';
    const text = (await this.bundle.text(where)) ?? '';
    const armor = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n$/.exec(text);
    const blob = armor && fromBase64(armor[1].replace(/\n/g, ''));
    const { logKey } = this.exporter;
    const length = sshSignature(logKey.key, new Uint8Array(64)).length;
    // The form is fixed but for the signature, its last 64 bytes, and the key.
    must(blob && text.length === length, 'signature.format', null, where);
    const signature = blob.slice(-64);
    const key = blob.slice(33, 65);
    must(sshSignature(key, signature) === text, 'signature.format', null, where);
    must(same(key, logKey.key), 'signature.key', null, where);
    const sums = this.sums ?? (await this.bundle.small('SHA256SUMS'));
    const isSigned = this.hashing.ed25519(key, sshSigned(this.hashing.sha512(sums)), signature);
    must(isSigned, 'signature.false', null, where);
  }

  async checkHeld() {
    const { held, central, manifest } = this;
    const isCentral = central !== null && held.origin === centralOrigin(manifest.org);
    must(isCentral || held.origin === this.exporter.logKey.name, 'held.origin', null, null, null, held.origin);
    const size = isCentral ? central.size : manifest.tail.size;
    must(held.size <= size, 'held.newer', null, null, held.size, size);
    const root = hashOf(held.root);
    if (held.found) {
      must(same(held.found, root), 'held.fork', null, null, held.root, base64(held.found));
      return;
    }
    const proof = isCentral ? await this.consistencyProof(held.size) : undefined;
    must(Array.isArray(proof), 'held.unproven', null, null, held.size);
    must(this.isBeginning(held.size, root, proof), 'held.fork', null, null, held.root);
  }

  async checkTrust() {
    const { trust, signers, exporter, central } = this;
    must(trust.length > 0, 'trust.none');
    const isSignerTrusted = signers.some(({ checkpoint }) => trust.includes(checkpoint));
    const isExporterTrusted = trust.includes(exporter.log) && (!central || exporter.revoke === undefined);
    must(isSignerTrusted || isExporterTrusted, 'trust.other');
  }
}

function append(view, text) {
  view.text += text;
  if (view.text.length < 65_536) return;
  view.hash.update(utf8.encode(view.text));
  view.text = '';
}

function isDeviceLine(value, isCentral) {
  if (!isObject(value)) return false;
  const { dev, log, checkpoint, join, revoke, note, first, last, range } = value;
  return (
    typeof dev === 'string' &&
    /^[!-~]{1,200}$/.test(dev) &&
    dev !== 'central' &&
    isText(log) &&
    isText(checkpoint) &&
    (isCentral ? isCount(join) : join === undefined && first === undefined) &&
    (revoke === undefined || isCount(revoke)) &&
    (note === undefined || isText(note)) &&
    (first === undefined
      ? last === undefined && range === undefined
      : isCount(first) && isCount(last) && first < last && Array.isArray(range) && range.every(isHash))
  );
}

function isJoinOf({ keys }, device) {
  return isObject(keys) && keys.log === device.log && keys.checkpoint === device.checkpoint;
}

function isDisclosureLine(line) {
  if (!isObject(line)) return false;
  const { d, e, i, s } = line;
  return (
    (i === undefined) !== (s === undefined) &&
    isCount(i ?? s) &&
    Array.isArray(d) &&
    d.every(isText) &&
    Array.isArray(e) &&
    e.every((one) => Array.isArray(one) && one.length === 2 && typeof one[0] === 'string' && isCount(one[1])) &&
    Object.keys(line).length === 3
  );
}

/** `["<22 characters of salt>","<name>",<value>]` in base64url; the value also as it is written. Null for anything else. */
export function parsedDisclosure(text) {
  const bytes = fromBase64Url(text);
  const written = bytes && textOf(bytes);
  const match = written && /^\["[A-Za-z0-9_-]{22}","([a-z][a-z_.]{0,63})",/.exec(written);
  if (!match || !written.endsWith(']') || depthOf(written) > limits.depth) return null;
  // Halves of a character are no text; what is escaped twice is no escape.
  if (written.includes('\\u') && /\\u[dD][89a-fA-F]/.test(written.replace(/\\\\/g, ''))) return null;
  const parsed = parsedJson(written);
  if (!Array.isArray(parsed) || parsed.length !== 3) return null;
  return { name: match[1], raw: written.slice(match[0].length, -1), value: parsed[2] };
}

/** How deep brackets lie in each other outside of strings; 0 where they are too few to matter. */
function depthOf(text) {
  if ((text.match(/[[{]/g)?.length ?? 0) <= limits.depth) return 0;
  let depth = 0;
  let deepest = 0;
  for (const token of text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/gs) ?? []) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++depth);
    else if (token === ']' || token === '}') depth--;
  }
  return deepest;
}

/* ------------------------------------------------------------------------------------------------ the report */

function reportOf(verification, held) {
  const { findings, manifest, central } = verification;
  const rank = (finding) => precedence.indexOf(codes[finding.code][0]);
  const [first = null] = [...findings].sort((a, b) => rank(a) - rank(b));
  const shown = findings.map(shownFinding);
  const verdict = first === null ? 'VERIFIED' : codes[first.code][0];
  const report = {
    verdict,
    level: null,
    ...shownFinding(first),
    findings: shown,
    entries: { checked: 0, claimed: 0 },
    devices: [],
    tail: 0,
    erased: [],
    forks: verification.forks,
    filter: null,
    rollback: null,
    notProven: [],
  };
  if (!manifest || !verification.exporter) return report;
  const { tail, filter } = { tail: manifest.tail, filter: manifest.export.filter };
  const isComplete = verification.logHolds === true && verification.tailHolds === true && verification.discloses;
  return {
    ...report,
    level: central ? 'CENTRAL' : 'DEVICE-ONLY',
    organization: manifest.org,
    device: manifest.device,
    exported: manifest.exported,
    entries: {
      checked: verification.checked,
      claimed: manifest.entries + tail.size - tail.first,
    },
    range: central ? { first: central.first, last: central.last, size: central.size, root: central.root } : null,
    signers: verification.signers.map(({ dev }) => dev),
    devices: verification.devices.map(({ dev, first: from, count, signedTo, revoke }) => ({
      id: dev,
      entries: from === undefined ? 0 : count - from,
      last: count ?? null,
      signedTo: signedTo ?? (dev === manifest.device ? tail.size : null),
      revokedAt: revoke ?? null,
    })),
    tail: tail.size - tail.first,
    erased: verification.erased.slice(0, 1_000),
    erasedEntries: verification.erased.length,
    filter: { ...filter, matched: verification.matched, complete: isComplete },
    rollback: manifest.rollback,
    notProven: notProven(verification, held),
  };
}

function shownFinding(finding) {
  if (finding === null) return { code: null, index: null, where: null, expected: null, found: null, meaning: null };
  const { code, index, where, expected, found } = finding;
  return { code, index, where, expected: expected ?? null, found: found ?? null, meaning: codes[code][1] };
}

function notProven({ manifest, central }, held) {
  const { tail, filter } = { tail: manifest.tail, filter: manifest.export.filter };
  const list = ['That what was entered at the source was true.'];
  if (!held) list.push('That this is the newest bundle: hold it against a checkpoint of your own with --checkpoint.');
  if (!central) list.push('That the device keeps no other history: no central log has seen these entries.');
  else {
    const count = tail.size - tail.first;
    list.push(
      `That the device’s last ${count} entries were not changed before the export: central has not seen them yet.`,
    );
    if (central.first > 0 || central.last < central.size)
      list.push(
        `Anything of the entries before ${central.first} and from ${central.last} on, but that they are ${central.size} in all: the bundle does not hold them.`,
      );
    list.push('That no second central log was shown to others: no witness outside of the organization signed.');
  }
  if (Object.keys(filter).length > 0) list.push('What the entries that the filter does not ask for had to disclose.');
  if (manifest.rollback === 'none')
    list.push(
      'That the device was not set back as a whole: it has no place outside of its folder to remember its log by.',
    );
  return list;
}

/** A report in words. */
export function reportText(report) {
  const lines = [
    report.verdict === 'VERIFIED' ? `VERIFIED (${report.level})` : `${report.verdict} ${report.code}`,
    ...(report.meaning ? [report.meaning] : []),
    ...(report.where ? [`  in ${report.where}`] : []),
    ...(report.index === null ? [] : [`  first at ${report.index}`]),
    ...(report.expected === null ? [] : [`  expected ${report.expected}`]),
    ...(report.found === null ? [] : [`  found    ${report.found}`]),
    ...report.findings
      .filter(({ code }) => code !== report.code)
      .map(({ code, meaning }) => `Also ${code}: ${meaning}`),
    `Entries checked: ${report.entries.checked} of ${report.entries.claimed}.`,
  ];
  if (report.organization) {
    const { range } = report;
    lines.push(`Organization ${report.organization}, exported ${report.exported} by device ${report.device}.`);
    if (range) lines.push(`Central log: entries ${range.first} to ${range.last} of ${range.size}, root ${range.root}.`);
    if (range) lines.push(`Signed by: ${report.signers.join(', ') || 'nobody known'}.`);
    for (const { id, entries, signedTo, revokedAt } of report.devices)
      lines.push(
        `Device ${id}: ${entries} entries${signedTo === null ? '' : `, signed up to ${signedTo}`}${revokedAt === null ? '' : `, revoked under #${revokedAt}`}.`,
      );
    lines.push(`Seen by the device alone: ${report.tail}.`);
    const under = [...new Set(report.erased.map((one) => one.under))];
    for (const index of under)
      lines.push(
        `Erased under #${index}: ${report.erased
          .filter((one) => one.under === index)
          .slice(0, 20)
          .map((one) => `${one.log} ${one.index}`)
          .join(', ')}.`,
      );
    for (const fork of report.forks) lines.push(`Fork: device ${fork.device} at ${fork.size}, told by #${fork.index}.`);
    const { matched, complete, ...filter } = report.filter;
    lines.push(
      `Filter: ${Object.keys(filter).length === 0 ? 'none' : JSON.stringify(filter)}; ${matched} entries match; ${complete ? 'none was left out' : 'whether one was left out is not proven'}.`,
    );
    lines.push('Not proven:', ...report.notProven.map((line) => `- ${line}`));
  }
  // What stands in a bundle must not steer the terminal that shows it.
  return lines.map((line) => line.replace(/[\p{Cc}\p{Cf}]/gu, ' ')).join('\n');
}

export const exitCodes = { VERIFIED: 0, TAMPERED: 1 };

/**
 * @param source `{ size, read(offset, length) }` of the file; `read` may answer fewer bytes at the end
 * @param options `trust`: verifier keys that the auditor got elsewhere. `checkpoint`: text of a checkpoint that the auditor holds.
 *   `plain`: without Node's own hashes and signatures. `onEntry`: is told of each entry that the filter asks for as it is read, with what is
 *   disclosed of it, before the verdict stands
 * @throws TypeError for an option that is not what it must be; a bundle, whatever it is, ends in a report
 */
export async function verify(source, { trust = [], checkpoint = null, plain = false, onEntry = null } = {}) {
  const node = plain ? null : await nodeModules();
  const hashing = node ? nodeCrypto(node) : plainCrypto;
  for (const key of trust) if (parsedKey(hashing, key) === null) throw new TypeError(`This is no verifier key: ${key}`);
  const held = checkpoint === null ? null : parsedCheckpoint(checkpoint);
  if (checkpoint !== null && held === null) throw new TypeError('This is no checkpoint.');
  const verification = new Verification(null, hashing, trust, held);
  verification.onEntry = onEntry;
  const open = async () => {
    verification.bundle = new Bundle(source, await zipMembers(source), hashing, node?.zlib);
  };
  try {
    if (await verification.part(open)) {
      await verification.run();
      // What was not readable is a finding already; what nobody read may still be damaged.
      for (const name of verification.bundle.members.keys()) await verification.bundle.drain(name);
    }
  } catch (error) {
    // A verdict, whatever happens.
    verification.findings =
      error instanceof Damage
        ? [new Finding('zip.data', null, await verification.bundle.firstDamaged())]
        : [...verification.findings, new Finding('internal', null, null, null, String(error?.message ?? error))];
  }
  return reportOf(verification, held);
}

async function nodeModules() {
  if (typeof process === 'undefined' || !process.versions?.node) return null;
  const load = (name) => import(/* @vite-ignore */ `node:${name}`);
  return { crypto: await load('crypto'), zlib: await load('zlib') };
}

/** A source that reads a file of the page's user. */
export function blobSource(blob) {
  return {
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

/** A source that reads a file by Node; to be closed. */
export async function fileSource(path) {
  const { open } = await import(/* @vite-ignore */ `node:${'fs/promises'}`);
  const file = await open(path, 'r');
  const { size } = await file.stat();
  return {
    size,
    async read(offset, length) {
      const buffer = newBytes(Math.max(0, Math.min(length, size - offset)));
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    close: () => file.close(),
  };
}

/** Verifier keys in a text: one a line, alone or after `log`, as in a C2SP policy. */
export function keysIn(text) {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('quorum '))
    .map((line) => line.replace(/^log /, ''));
}

/* ------------------------------------------------------------------------------------------------ the program */

const usage = 'Usage: node verify.mjs FILE [--trust VKEY|FILE]... [--checkpoint FILE] [--json]';

async function main(args) {
  const { readFileSync, existsSync } = await import(/* @vite-ignore */ `node:${'fs'}`);
  const trust = [];
  let file = null;
  let checkpoint = null;
  let json = false;
  let source;
  try {
    for (let at = 0; at < args.length; at++) {
      const arg = args[at];
      const isValued = arg === '--trust' || arg === '--checkpoint';
      if (isValued && args[at + 1] === undefined) throw new TypeError(`${arg} needs a value.`);
      if (arg === '--json') json = true;
      else if (arg === '--trust') {
        const given = args[++at];
        trust.push(...(existsSync(given) ? keysIn(readFileSync(given, 'utf8')) : [given]));
      } else if (arg === '--checkpoint') checkpoint = readFileSync(args[++at], 'utf8');
      else if (arg.startsWith('-') || file !== null) throw new TypeError(`What is ${arg}?`);
      else file = arg;
    }
    if (file === null) throw new TypeError('Which file?');
    source = await fileSource(file);
    const report = await verify(source, { trust, checkpoint });
    console.log(json ? JSON.stringify(report) : reportText(report));
    return exitCodes[report.verdict] ?? 3;
  } catch (error) {
    console.error(`${error.message}\n${usage}`);
    return 2;
  } finally {
    await source?.close();
  }
}

if (typeof process !== 'undefined' && /[\\/]verify\.mjs$/.test(process.argv?.[1] ?? '') && import.meta.main !== false) {
  const { pathToFileURL } = await import(/* @vite-ignore */ `node:${'url'}`);
  const { realpathSync } = await import(/* @vite-ignore */ `node:${'fs'}`);
  if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href)
    process.exitCode = await main(process.argv.slice(2));
}
