import { decimal, decoded, FormatError } from './encoding.ts';

/** That an entry stands in a log, to be checked offline: C2SP tlog-proof. */
export interface LogProof {
  /** Not vouched for by anything in the proof. Absent rather than empty. */
  extra?: Uint8Array;
  /** Of the leaf, from 0. */
  index: number;
  /** RFC 6962 §2.1.1, from the leaf's sibling up. */
  hashes: readonly Uint8Array[];
  /** The log's checkpoint, a signed note, as it is. */
  checkpoint: string;
}

const version = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^63 leaves is deeper than any. */
const mostHashes = 63;

/** @throws FormatError where it could not be read again. */
export function logProofText({ extra, index, hashes, checkpoint }: LogProof): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const lines = [version, ...(extra ? [`extra ${base64(extra)}`] : []), `index ${index}`, ...hashes.map(base64)];
  const text = `${lines.join('\n')}\n\n${checkpoint}`;
  readLogProof(text);
  return text;
}

/** The checkpoint is not looked into, and so neither is the proof verified. @throws FormatError where the text is no proof. */
export function readLogProof(text: string): LogProof {
  const end = text.indexOf('\n\n');
  if (end < 0) throw new FormatError('A proof without a checkpoint.');
  const checkpoint = text.slice(end + 2);
  if (checkpoint === '' || checkpoint.startsWith('\n') || !checkpoint.endsWith('\n'))
    throw new FormatError('A proof without a checkpoint.');
  const [first, ...lines] = text.slice(0, end).split('\n', mostHashes + 4);
  if (first !== version) throw new FormatError('No proof of a version that is known.');
  const extra = lines[0]?.startsWith('extra ') ? decoded(lines.shift()!.slice('extra '.length)) : undefined;
  if (extra?.length === 0) throw new FormatError('Extra data that is none.');
  const place = lines.shift();
  if (!place?.startsWith('index ')) throw new FormatError('A proof without an index.');
  if (lines.length > mostHashes) throw new FormatError(`More than ${mostHashes} hashes.`);
  const hashes = lines.map((line) => {
    const bytes = decoded(line);
    if (bytes.length !== 32) throw new FormatError('A hash that is not 32 bytes.');
    return bytes;
  });
  return { ...(extra && { extra }), index: decimal(place.slice('index '.length)), hashes, checkpoint };
}
