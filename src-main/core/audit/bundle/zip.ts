import { createHash } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { crc32, createDeflateRaw, type DeflateRaw, deflateRawSync } from 'node:zlib';

/** A member as it will lie in a zip file: packed already, in memory or in a file of its own. */
export interface ZipMember {
  name: string;
  method: 0 | 8;
  crc: number;
  /** Bytes unpacked, and packed. */
  size: number;
  packed: number;
  content: Uint8Array | { file: string };
  /** SHA-256 of what is in it, lower hex. */
  sha256: string;
}

const wide = 0xffffffff;
/** The earliest moment that a zip file can say: members carry none. */
const noDate = 0x0021;

export function zipMember(name: string, content: string | Uint8Array): ZipMember {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const packed = deflateRawSync(bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name, method: 8, crc: crc32(bytes), size: bytes.length, packed: packed.length, content: packed, sha256 };
}

/** Packs what is written to it into a file of its own, for members that grow side by side. */
export class ZipMemberWriter {
  readonly #name: string;
  readonly #file: string;
  readonly #out: WriteStream;
  readonly #deflate: DeflateRaw | null;
  readonly #hash = createHash('sha256');
  #crc = 0;
  #size = 0;
  #failure: Error | null = null;

  /** @param stored for what does not get smaller */
  constructor(name: string, file: string, { stored = false } = {}) {
    this.#name = name;
    this.#file = file;
    this.#out = createWriteStream(file, { flags: 'wx', mode: 0o600 });
    this.#deflate = stored ? null : createDeflateRaw({ level: 1, chunkSize: 65_536 });
    for (const stream of [this.#out, this.#deflate]) stream?.once('error', (error: Error) => this.#fail(error));
    this.#deflate?.pipe(this.#out);
  }

  /** Waits until there is room for more. @throws what the disk said */
  async write(content: string | Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    if (bytes.length === 0) return;
    this.#crc = crc32(bytes, this.#crc);
    this.#size += bytes.length;
    this.#hash.update(bytes);
    const into = this.#deflate ?? this.#out;
    if (into.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        into.off('drain', done);
        into.off('close', done);
        resolve();
      };
      into.once('drain', done);
      into.once('close', done);
    });
    if (this.#failure) throw this.#failure;
  }

  async end(): Promise<ZipMember> {
    (this.#deflate ?? this.#out).end();
    await finished(this.#out);
    if (this.#failure) throw this.#failure;
    return {
      name: this.#name,
      method: this.#deflate ? 8 : 0,
      crc: this.#crc,
      size: this.#size,
      packed: this.#out.bytesWritten,
      content: { file: this.#file },
      sha256: this.#hash.digest('hex'),
    };
  }

  /** Gives up; the file is left to whoever made its folder. */
  async abandon(): Promise<void> {
    this.#deflate?.destroy();
    this.#out.destroy();
    await finished(this.#out).catch(() => {});
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#deflate?.destroy();
    this.#out.destroy();
  }
}

/**
 * Writes a zip file as docs/audit-format.md wants it: members one after the other, said alike by their local headers and by
 * the directory, with 64-bit fields only where they are needed. The file must not be there yet; it is on disk when this ends.
 */
export async function writeZip(path: string, members: readonly ZipMember[]): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  try {
    let at = 0;
    const directory: Buffer[] = [];
    for (const member of members) {
      const offset = at;
      at += await append(file, localHeader(member));
      at += await appendContent(file, member.content);
      directory.push(directoryHeader(member, offset));
    }
    const whole = Buffer.concat(directory);
    at += await append(file, whole);
    at += await append(file, ending(members.length, whole.length, at - whole.length));
    await file.sync();
    return at;
  } finally {
    await file.close();
  }
}

async function append(file: FileHandle, bytes: Uint8Array): Promise<number> {
  await file.writeFile(bytes);
  return bytes.length;
}

async function appendContent(file: FileHandle, content: ZipMember['content']): Promise<number> {
  if (content instanceof Uint8Array) return append(file, content);
  const from = await open(content.file, 'r');
  try {
    const chunk = Buffer.allocUnsafe(1_048_576);
    for (let copied = 0; ; ) {
      const { bytesRead } = await from.read(chunk, 0, chunk.length);
      if (bytesRead === 0) return copied;
      copied += await append(file, chunk.subarray(0, bytesRead));
    }
  } finally {
    await from.close();
  }
}

/** Version, flags, method, time, date and checksum, as both headers say them. */
function common(member: ZipMember): Buffer {
  const bytes = Buffer.alloc(14);
  bytes.writeUInt16LE(isWide(member) ? 45 : 20, 0);
  bytes.writeUInt16LE(member.method, 4);
  bytes.writeUInt16LE(noDate, 8);
  bytes.writeUInt32LE(member.crc, 10);
  return bytes;
}

function isWide({ size, packed }: ZipMember): boolean {
  return size >= wide || packed >= wide;
}

function localHeader(member: ZipMember): Buffer {
  const name = Buffer.from(member.name, 'latin1');
  const large = isWide(member);
  const lengths = Buffer.alloc(12);
  lengths.writeUInt32LE(large ? wide : member.packed, 0);
  lengths.writeUInt32LE(large ? wide : member.size, 4);
  lengths.writeUInt16LE(name.length, 8);
  lengths.writeUInt16LE(large ? 20 : 0, 10);
  return Buffer.concat([
    Buffer.from('PK\x03\x04', 'latin1'),
    common(member),
    lengths,
    name,
    large ? wideField([member.size, member.packed]) : Buffer.alloc(0),
  ]);
}

function directoryHeader(member: ZipMember, offset: number): Buffer {
  const name = Buffer.from(member.name, 'latin1');
  const large = isWide(member);
  const far = offset >= wide;
  const extra = wideField([...(large ? [member.size, member.packed] : []), ...(far ? [offset] : [])]);
  const rest = Buffer.alloc(26);
  rest.writeUInt32LE(large ? wide : member.packed, 0);
  rest.writeUInt32LE(large ? wide : member.size, 4);
  rest.writeUInt16LE(name.length, 8);
  rest.writeUInt16LE(extra.length, 10);
  // A plain file that its owner may write and everybody may read, as Unix says it.
  rest.writeUInt32LE(0o100644 * 65_536, 18);
  rest.writeUInt32LE(far ? wide : offset, 22);
  const madeBy = Buffer.from([large || far ? 45 : 20, 3]);
  return Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), madeBy, common(member), rest, name, extra]);
}

function wideField(values: readonly number[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0);
  const bytes = Buffer.alloc(4 + values.length * 8);
  bytes.writeUInt16LE(1, 0);
  bytes.writeUInt16LE(values.length * 8, 2);
  for (const [place, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 4 + place * 8);
  return bytes;
}

function ending(count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(offset >= wide ? wide : size, 12);
  end.writeUInt32LE(Math.min(offset, wide), 16);
  if (offset < wide) return end;
  const record = Buffer.alloc(76);
  record.write('PK\x06\x06', 0, 'latin1');
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 12);
  record.writeUInt16LE(45, 14);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  record.write('PK\x06\x07', 56, 'latin1');
  record.writeBigUInt64LE(BigInt(offset + size), 64);
  record.writeUInt32LE(1, 72);
  return Buffer.concat([record, end]);
}
