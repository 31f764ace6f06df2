import { decimal, decoded, FormatError } from './encoding.ts';
import { emptyRoot } from './merkle.ts';
import { type NoteKey, type NoteSigner, openNote, signNote } from './note.ts';

/** The head of a log's tree, signed: C2SP tlog-checkpoint, a signed note of three lines. */
export interface Checkpoint {
  /** Which log it is; also the name of the keys that may sign it. */
  origin: string;
  /** Number of leaves. */
  size: number;
  root: Uint8Array;
}

/** Origin of a device's own log, and the name of the key that signs it. */
export function deviceLogName(organization: string, device: string): string {
  return `latchkey.local/${encodeURIComponent(organization)}/d/${encodeURIComponent(device)}`;
}

/** Origin of the organization's log at central, and the name of every device's checkpoint key. */
export function centralLogName(organization: string): string {
  return `latchkey.local/${encodeURIComponent(organization)}/central`;
}

/** The note's text: origin, size and root, one a line. @throws FormatError where it could not be read again. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  const text = `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
  readCheckpoint(text);
  return text;
}

/** @throws FormatError for anything but the three lines: extension lines are not used here, and so not believed. */
export function readCheckpoint(text: string): Checkpoint {
  const [origin, size, root, end, ...more] = text.split('\n', 5);
  if (!origin || size === undefined || root === undefined || end !== '' || more.length > 0)
    throw new FormatError('A checkpoint is three lines.');
  const checkpoint = { origin, size: decimal(size), root: decoded(root) };
  if (checkpoint.root.length !== 32) throw new FormatError('The root is not 32 bytes.');
  if (checkpoint.size === 0 && !checkpoint.root.equals(emptyRoot()))
    throw new FormatError('The root of an empty tree is another.');
  return checkpoint;
}

/** Signs under the log's name. @throws FormatError where the signer's name is not the origin. */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  if (signer.name !== checkpoint.origin) throw new FormatError('The key is not for this log.');
  return signNote(checkpointText(checkpoint), signer);
}

/**
 * The checkpoint of the log of that origin, and which of the keys signed it. Keys of another name are not asked, so that a
 * device's key for its own log cannot vouch for central's.
 * @throws FormatError where it is none or another log's, UnverifiedNote where it is not to be believed.
 */
export function openCheckpoint(
  note: string | Uint8Array,
  origin: string,
  keys: readonly NoteKey[],
): Checkpoint & { signers: NoteKey[] } {
  const { text, signers } = openNote(
    note,
    keys.filter((key) => key.name === origin),
  );
  const checkpoint = readCheckpoint(text);
  if (checkpoint.origin !== origin) throw new FormatError('A checkpoint of another log.');
  return { ...checkpoint, signers };
}
