import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { decoded, FormatError, utf8Text } from './encoding.ts';

/** Text signed with Ed25519 by one or more keys: C2SP signed-note. */

/** A key that signs notes, by its public half: the name and the id together tell it from others. */
export interface NoteKey {
  name: string;
  /** 8 hex digits. An identifier, no strong hash. */
  id: string;
  publicKey: KeyObject;
  /** `<name>+<id>+<base64(0x01 ‖ public key)>`. */
  vkey: string;
}

export interface NoteSigner extends NoteKey {
  privateKey: KeyObject;
}

/** A note whose signatures by known keys all hold, and of which there is at least one. */
export interface OpenNote {
  /** What was signed, to its last newline. */
  text: string;
  /** The known keys that signed, each once, in the order of their lines. */
  signers: NoteKey[];
}

/**
 * A well-formed note that is not to be believed: `unknown` where no known key signed it, `wrong` where a known key's
 * signature does not hold.
 */
export class UnverifiedNote extends Error {
  override name = 'UnverifiedNote';
  readonly reason: 'unknown' | 'wrong';

  constructor(reason: 'unknown' | 'wrong', message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The signature type of Ed25519 over the note's text. */
const ed25519 = Buffer.of(0x01);
const keyLength = 32;
const idLength = 4;
const signatureLength = 64;
const mostSignatures = 100;
const nameForm = /^[^\p{White_Space}+]+$/u;
const line = /^— ([^ ]+) ([^ ]+)$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a note must not hold.
const controls = /[\u0000-\u0009\u000b-\u001f]/;

/** @throws FormatError where the name is none or the key is not a private Ed25519 key. */
export function noteSigner(name: string, privateKey: KeyObject): NoteSigner {
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyType !== 'ed25519')
    throw new FormatError('Notes are signed with a private Ed25519 key.');
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { ...noteKey(name, Buffer.from(x!, 'base64url')), privateKey };
}

/** From a vkey's text. @throws FormatError where it is none of ours, or its id is not the key's. */
export function readVerifierKey(vkey: string): NoteKey {
  const [, name, id, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(vkey) ?? [];
  if (name === undefined || id === undefined || key === undefined) throw new FormatError('Not a verifier key.');
  const bytes = decoded(key);
  if (bytes.length !== 1 + keyLength || bytes[0] !== ed25519[0]) throw new FormatError('Not an Ed25519 verifier key.');
  const read = noteKey(name, bytes.subarray(1));
  if (read.id !== id) throw new FormatError('The id of the verifier key is not its own.');
  return read;
}

/** The text with one signature. @throws FormatError unless the text ends in a newline and holds no other control character. */
export function signNote(text: string, signer: NoteSigner): string {
  if (!text.endsWith('\n') || controls.test(text) || !text.isWellFormed()) throw new FormatError('No text of a note.');
  return `${text}\n${signatureLine(text, signer)}`;
}

/** The note with one more line of signature; as it is where that line is there already. @throws FormatError where it is no note. */
export function addSignature(note: string, signer: NoteSigner): string {
  const { text, lines } = readNote(note);
  const added = signatureLine(text, signer);
  if (note.slice(text.length).includes(`\n${added}`)) return note;
  if (lines.length === mostSignatures) throw new FormatError(`More than ${mostSignatures} signatures.`);
  return note + added;
}

/**
 * The text, where at least one of the keys signed it and no signature of theirs is wrong. Signatures of other keys are
 * passed over. Where two known keys share name and id, either may have signed.
 * @throws FormatError where it is no note, UnverifiedNote where it is not to be believed.
 */
export function openNote(note: string | Uint8Array, keys: readonly NoteKey[]): OpenNote {
  const { text, lines } = readNote(typeof note === 'string' ? note : utf8Text(note));
  const signed = Buffer.from(text);
  const signers = new Map<string, NoteKey>();
  for (const { name, id, signature } of lines) {
    const known = keys.filter((key) => key.name === name && key.id === id);
    if (known.length === 0) continue;
    const signer = known.find((key) => holds(signed, key, signature));
    if (!signer) throw new UnverifiedNote('wrong', `The signature by ${name}+${id} does not hold.`);
    signers.set(signer.vkey, signer);
  }
  if (signers.size === 0) throw new UnverifiedNote('unknown', 'No known key signed this note.');
  return { text, signers: [...signers.values()] };
}

function noteKey(name: string, key: Buffer): NoteKey {
  if (!nameForm.test(name) || controls.test(name) || !name.isWellFormed()) throw new FormatError('No name of a key.');
  const typed = Buffer.concat([ed25519, key]);
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'hex').slice(0, 2 * idLength);
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') };
  return {
    name,
    id,
    publicKey: createPublicKey({ key: jwk, format: 'jwk' }),
    vkey: `${name}+${id}+${typed.toString('base64')}`,
  };
}

function signatureLine(text: string, { name, id, privateKey }: NoteSigner): string {
  const signature = sign(null, Buffer.from(text), privateKey);
  return `— ${name} ${Buffer.concat([Buffer.from(id, 'hex'), signature]).toString('base64')}\n`;
}

function holds(text: Buffer, key: NoteKey, signature: Buffer): boolean {
  return signature.length === signatureLength && verify(null, text, key.publicKey, signature);
}

interface SignatureLine {
  name: string;
  id: string;
  signature: Buffer;
}

function readNote(note: string): { text: string; lines: SignatureLine[] } {
  if (!note.isWellFormed() || controls.test(note)) throw new FormatError('A note holds a character it must not.');
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n') || end + 2 === note.length) throw new FormatError('A note without signatures.');
  const lines = note.slice(end + 2, -1).split('\n', mostSignatures + 1);
  if (lines.length > mostSignatures) throw new FormatError(`More than ${mostSignatures} signatures.`);
  return { text: note.slice(0, end + 1), lines: lines.map(readLine) };
}

function readLine(text: string): SignatureLine {
  const [, name, encoded] = line.exec(text) ?? [];
  if (name === undefined || encoded === undefined || !nameForm.test(name))
    throw new FormatError('No line of a signature.');
  const bytes = decoded(encoded);
  if (bytes.length <= idLength) throw new FormatError('A signature without bytes.');
  return { name, id: bytes.toString('hex', 0, idLength), signature: bytes.subarray(idLength) };
}
