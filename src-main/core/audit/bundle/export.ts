import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { LatchkeyError } from '../../../contract/errors.ts';
import {
  allowedSigners,
  type Disclosed,
  type Filter,
  type LogEntry,
  matches,
  parsedDisclosure,
  pemOf,
  policyText,
  sshSignature,
  sshSigned,
  views,
} from '../../../verifier/verify.mjs';
import type { Json } from '../../command/intent.ts';
import { packageVersion } from '../../package-files.ts';
import { canonicalText } from '../canonical.ts';
import {
  complement,
  consistencyProof,
  Frontier,
  type HashAt,
  inclusionProof,
  leafHash,
  type Subtree,
} from '../merkle.ts';
import { readVerifierKey } from '../note.ts';
import { logProofText } from '../tlog-proof.ts';
import { readme, verifierMembers } from './enclosed.ts';
import type { BundleSource, CentralSource, ExportableDevice, TailSource } from './source.ts';
import { writeZip, type ZipMember, ZipMemberWriter, zipMember } from './zip.ts';

export interface ExportRequest {
  filter: Filter;
  /** Which entries of the organization's log; all of them by default, which alone proves that a filter left none out. */
  range?: { first: number; last: number };
  /** Replaces a file that is there. */
  force?: boolean;
  signal?: AbortSignal;
}

export interface ExportedBundle {
  file: string;
  bytes: number;
  level: 'CENTRAL' | 'DEVICE-ONLY';
  /** Of the organization's log, and of the device's own that central does not have yet. */
  entries: number;
  tail: number;
  /** Entries that the filter asks for, which are shown with what they disclose. */
  matched: number;
  /** Of those, entries that commit to something which this device never learnt: the bundle will not be verified. */
  undisclosed: number;
  /** SHA-256 of SHA256SUMS, lower hex: names the bundle in one line. */
  sums: string;
}

/**
 * Writes an export bundle (docs/audit-format.md) in one pass over the log, beside its place, and then renames it: whatever happens,
 * there is a whole bundle or none.
 * @throws LatchkeyError `invalid-input` where the file is there or the range is not in the log, `cancelled`
 */
export async function exportBundle(
  source: BundleSource,
  file: string,
  request: ExportRequest,
): Promise<ExportedBundle> {
  if (!request.force && (await isThere(file)))
    throw new LatchkeyError(
      'invalid-input',
      `${file} is there already. Nothing was written. Replace it with --force.`,
      {
        field: 'out',
      },
    );
  const folder = await mkdtemp(join(dirname(file), `.${basename(file)}-`));
  const writers: ZipMemberWriter[] = [];
  try {
    const made = await new BundleMaker(source, request, folder, writers).make();
    const whole = join(folder, 'bundle');
    const bytes = await writeZip(whole, made.members);
    if (!request.force && (await isThere(file)))
      throw new LatchkeyError('invalid-input', `${file} came to be meanwhile. It was not replaced.`, { field: 'out' });
    await rename(whole, file);
    return { ...made.summary, file, bytes };
  } finally {
    for (const writer of writers) await writer.abandon();
    await rm(folder, { recursive: true, force: true });
  }
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** How far a device's log goes in the range that is exported. */
interface DeviceSpan {
  first: number;
  last: number;
}

interface Made {
  members: ZipMember[];
  summary: Omit<ExportedBundle, 'file' | 'bytes'>;
}

class BundleMaker {
  readonly #source: BundleSource;
  readonly #filter: Filter;
  readonly #first: number;
  readonly #last: number;
  readonly #signal: AbortSignal | undefined;
  readonly #open: (name: string, options?: { stored?: boolean }) => ZipMemberWriter;
  readonly #spans = new Map<string, DeviceSpan>();
  readonly #seen = new Map<string, number>();
  readonly #erasures = new Set<number>();
  #epoch: unknown;
  #matched = 0;
  #undisclosed = 0;

  constructor(
    source: BundleSource,
    { filter, range, signal }: ExportRequest,
    folder: string,
    writers: ZipMemberWriter[],
  ) {
    this.#source = source;
    this.#filter = filter;
    this.#first = range?.first ?? 0;
    this.#last = range?.last ?? source.central?.size ?? 0;
    if (source.central && !(this.#first < this.#last && this.#last <= source.central.size))
      throw new LatchkeyError(
        'invalid-input',
        `The log has ${source.central.size} entries; ${this.#first} to ${this.#last} are not among them.`,
        { field: 'range' },
      );
    this.#signal = signal;
    this.#open = (name, options) => {
      const writer = new ZipMemberWriter(name, join(folder, String(writers.length)), options);
      writers.push(writer);
      return writer;
    };
  }

  async make(): Promise<Made> {
    const { central, organization, device } = this.#source;
    const exported = {
      ...(central && {
        checkpoint: { root: base64(central.root), size: central.size },
        first: this.#first,
        last: this.#last,
      }),
      filter: this.#filter,
      salt: randomBytes(16).toString('base64url'),
    };
    const tail = await this.#source.record(canonicalText(exported as unknown as Json));
    const shown = {
      disclosures: this.#open('disclosures.jsonl'),
      csv: this.#open('views/audit.csv'),
      ocsf: this.#open('views/ocsf.jsonl'),
    };
    await shown.csv.write(views.head);
    const members: ZipMember[] = [];
    if (central) {
      const range = central.entries(this.#first, this.#last);
      members.push(...(await this.#entries('log', range, this.#first, shown, (one) => this.#look(one))));
      members.push(...this.#centralMembers(central, tail));
    }
    members.push(...(await this.#entries('device', tail.entries(), tail.first + 1, shown, (one) => this.#saw(one))));
    members.push(
      zipMember('device/checkpoint', tail.checkpoint),
      zipMember('device/range', hashLines(complement(tail.first, tail.size, tail.size).left, tail.hashAt)),
    );
    if (central) members.push(...this.#consistency(central), ...this.#proofs(central));
    for (const writer of Object.values(shown)) members.push(await writer.end());
    members.push(...this.#keyMembers(central));
    const manifest = {
      bundle: 'latchkey-export/1',
      device,
      entries: central ? this.#last - this.#first : 0,
      export: exported,
      exported: new Date().toISOString(),
      latchkey: packageVersion(),
      matched: this.#matched,
      needs: [],
      org: organization,
      rollback: this.#source.rollback,
      tail: { first: tail.first, size: tail.size },
    };
    members.unshift(
      zipMember('README.txt', readme(manifest.exported, organization, device)),
      zipMember('manifest.json', `${canonicalText(manifest as unknown as Json)}\n`),
      ...verifierMembers(),
    );
    const sums = Buffer.from(members.map(({ sha256, name }) => `${sha256}  ${name}\n`).join(''));
    members.push(zipMember('SHA256SUMS', sums), zipMember('SHA256SUMS.sig', this.#signature(sums)));
    return {
      members,
      summary: {
        level: central ? 'CENTRAL' : 'DEVICE-ONLY',
        entries: manifest.entries,
        tail: tail.size - tail.first,
        matched: this.#matched,
        undisclosed: this.#undisclosed,
        sums: createHash('sha256').update(sums).digest('hex'),
      },
    };
  }

  /** Entries as they are, the hashes of their leaves, and what the filter lets see of them. */
  async #entries(
    folder: 'log' | 'device',
    batches: Iterable<readonly Uint8Array[]>,
    from: number,
    shown: { disclosures: ZipMemberWriter; csv: ZipMemberWriter; ocsf: ZipMemberWriter },
    look: (entry: LogEntry) => void,
  ): Promise<ZipMember[]> {
    const lines = this.#open(`${folder}/entries.jsonl`);
    const leaves = this.#open(`${folder}/leaves`, { stored: true });
    let index = from;
    for (const batch of batches) {
      const text: Uint8Array[] = [];
      const hashes: Uint8Array[] = [];
      let disclosed = '';
      let csv = '';
      let ocsf = '';
      for (const bytes of batch) {
        text.push(bytes, newline);
        hashes.push(leafHash(bytes));
        const entry = readEntry(bytes);
        if (entry) look(entry);
        if (entry && matches(this.#filter, entry)) {
          const { line, told, erased } = this.#disclosed(entry._sd ?? [], folder === 'log' ? 'i' : 's', index);
          const place = folder === 'log' ? index : null;
          disclosed += line;
          csv += views.csv(entry, place, told, erased);
          ocsf += views.ocsf(entry, place, told);
          this.#matched++;
        }
        index++;
      }
      // Side by side: each is packed in a thread of its own.
      await Promise.all([
        lines.write(Buffer.concat(text)),
        leaves.write(Buffer.concat(hashes)),
        shown.disclosures.write(disclosed),
        shown.csv.write(csv),
        shown.ocsf.write(ocsf),
      ]);
      await othersTurn();
      if (this.#signal?.aborted) throw new LatchkeyError('cancelled', 'The export was stopped. No file was left.');
    }
    return [await lines.end(), await leaves.end()];
  }

  /** What nobody ever disclosed to this device is counted, and found by verifiers: one member's mischief must not keep all others from exporting. */
  #disclosed(digests: readonly string[], key: 'i' | 's', index: number) {
    if (digests.length === 0) return { line: '', told: [], erased: [] };
    const texts: string[] = [];
    const erased: [digest: string, under: number][] = [];
    for (const digest of digests) {
      const disclosed = this.#source.disclosed(digest);
      if (typeof disclosed === 'string') texts.push(disclosed);
      else if (disclosed !== null) erased.push([digest, disclosed]);
    }
    if (texts.length + erased.length < digests.length) this.#undisclosed++;
    const told = texts.map(parsedDisclosure).filter((one): one is Disclosed => one !== null);
    for (const [, under] of erased) this.#erasures.add(under);
    const line = `${JSON.stringify({ d: texts, e: erased, [key]: index })}\n`;
    return { line, told, erased: [...new Set(erased.map(([, under]) => under))] };
  }

  #look(entry: LogEntry & { epoch?: unknown }): void {
    if (entry.dev === 'central') {
      if (entry.act !== 'epoch.begin') return;
      this.#epoch = entry.epoch;
      this.#seen.clear();
      return;
    }
    const span = this.#spans.get(entry.dev);
    if (span) span.last++;
    else this.#spans.set(entry.dev, { first: entry.seq! - 1, last: entry.seq! });
    this.#saw(entry);
  }

  /** The newest view of the organization's log that each device claims, by the rule that verifiers go by. */
  #saw(entry: LogEntry & { cen?: [number, string]; ep?: unknown }): void {
    if (!entry.cen) return;
    const isOfThisLog = this.#epoch === undefined ? this.#first === 0 : entry.ep === this.#epoch;
    if (isOfThisLog) this.#seen.set(entry.dev, entry.cen[0]);
  }

  #centralMembers(central: CentralSource, tail: TailSource): ZipMember[] {
    const { left, right } = complement(this.#first, this.#last, central.size);
    return [
      zipMember('log/checkpoint', central.checkpoint),
      zipMember('log/range', hashLines([...left, ...right], central.hashAt)),
      zipMember(
        'log/devices.jsonl',
        this.#deviceLines((device) => this.#spanOf(central, device, tail)),
      ),
    ];
  }

  /** What completes a device's entries in the range to the log that it signed. */
  #spanOf(central: CentralSource, device: ExportableDevice, tail: TailSource): { [field: string]: Json } {
    const isExporter = device.id === this.#source.device;
    const span = this.#spans.get(device.id);
    if (!span || (!isExporter && device.note === null)) return {};
    const signed = isExporter ? tail.size : Number(device.note!.split('\n')[1]);
    const { left } = complement(span.first, span.first, span.first);
    // Entries that the device did not sign are for the verifier to find.
    const right = span.last <= signed ? complement(span.first, span.last, signed).right : [];
    const hashAt: HashAt = isExporter
      ? tail.hashAt
      : (level, index) =>
          subtreeHash(central.deviceLeaves(device.id, index * 2 ** level, (index + 1) * 2 ** level), 2 ** level);
    return {
      ...span,
      range: [...left, ...right].map(({ level, index }) => base64(hashAt(level, index))),
      ...(isExporter ? {} : { note: device.note }),
    };
  }

  #deviceLines(more: (device: ExportableDevice) => { [field: string]: Json }): string {
    return this.#devices()
      .map((device) => {
        const { id, log, checkpoint, join, revoke } = device;
        const line = {
          dev: id,
          log,
          checkpoint,
          ...(join === null ? {} : { join }),
          ...(revoke === null ? {} : { revoke }),
          ...more(device),
        };
        return `${canonicalText(line)}\n`;
      })
      .join('');
  }

  #devices(): ExportableDevice[] {
    return this.#source.devices.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  #consistency(central: CentralSource): ZipMember[] {
    const sizes = new Set([...this.#seen.values(), ...central.pins].filter((size) => size > 0 && size < central.size));
    return [...sizes]
      .sort((a, b) => a - b)
      .map((size) => {
        const proof = consistencyProof(size, central.size, central.hashAt);
        return zipMember(`log/consistency/${size}.txt`, proof.map((hash) => `${base64(hash)}\n`).join(''));
      });
  }

  /** Of what the bundle rests on and the range does not hold. */
  #proofs(central: CentralSource): ZipMember[] {
    const places = [...this.#source.devices.flatMap(({ join, revoke }) => [join, revoke]), ...this.#erasures].filter(
      (index): index is number => index !== null && (index < this.#first || index >= this.#last),
    );
    return [...new Set(places)].map((index) =>
      zipMember(
        `proofs/${index}.tlog-proof`,
        logProofText({
          extra: central.entryAt(index),
          index,
          hashes: inclusionProof(index, central.size, central.hashAt),
          checkpoint: central.checkpoint,
        }),
      ),
    );
  }

  #keyMembers(central: CentralSource | null): ZipMember[] {
    const devices = this.#devices();
    const own = devices.find(({ id }) => id === this.#source.device)!;
    return [
      ...(central
        ? []
        : [
            zipMember(
              'log/devices.jsonl',
              this.#deviceLines(() => ({})),
            ),
          ]),
      zipMember('log/policy', policyText(devices)),
      ...devices.flatMap(({ log, checkpoint }, line) => [
        zipMember(`keys/${line}.log.pem`, pemOf(publicKeyOf(log))),
        zipMember(`keys/${line}.checkpoint.pem`, pemOf(publicKeyOf(checkpoint))),
      ]),
      zipMember('keys/allowed_signers', allowedSigners(readVerifierKey(own.log).name, publicKeyOf(own.log))),
    ];
  }

  #signature(sums: Uint8Array): string {
    const own = this.#source.devices.find(({ id }) => id === this.#source.device)!;
    const signed = sshSigned(createHash('sha512').update(sums).digest());
    return sshSignature(publicKeyOf(own.log), this.#source.sign(signed));
  }
}

const newline = Buffer.from('\n');

/** null for a leaf that no honest device or central appends: it is exported as it is, shown to nobody, and found by verifiers. */
function readEntry(bytes: Uint8Array): (LogEntry & { _sd?: string[] }) | null {
  try {
    const entry = JSON.parse(Buffer.from(bytes).toString()) as LogEntry & { _sd?: string[] };
    const isReadable =
      typeof entry.dev === 'string' &&
      typeof entry.act === 'string' &&
      /^[0-9T:.-]{23}Z$/.test(entry.ts) &&
      (entry.dev === 'central' || Number.isSafeInteger(entry.seq)) &&
      (entry.obj === undefined || typeof entry.obj?.t === 'string') &&
      (entry._sd === undefined ||
        (Array.isArray(entry._sd) && entry._sd.every((digest) => typeof digest === 'string')));
    return isReadable ? entry : null;
  } catch {
    return null;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function hashLines(subtrees: readonly Subtree[], hashAt: HashAt): string {
  return subtrees.map(({ level, index }) => `${base64(hashAt(level, index))}\n`).join('');
}

/** The last 32 bytes of a verifier key, behind the one that says it is Ed25519. */
function publicKeyOf(vkey: string): Uint8Array {
  return Buffer.from(vkey.slice(-44), 'base64').subarray(1);
}

/** @throws RangeError where there are not that many leaves */
function subtreeHash(leaves: Iterable<Uint8Array>, count: number): Uint8Array {
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.append(leaf);
  if (frontier.size !== count) throw new RangeError(`${frontier.size} leaves of ${count}.`);
  return frontier.root();
}
