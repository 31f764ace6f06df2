/** What was read is not in the form that its specification demands. The message says what is wrong, without the text. */
export class FormatError extends Error {
  override name = 'FormatError';
}

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of these bytes. @throws FormatError unless they are valid UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  try {
    return fatal.decode(bytes);
  } catch {
    throw new FormatError('Not valid UTF-8.');
  }
}

/** The bytes of base64 (RFC 4648 §4) or base64url without padding (§5), in the one spelling that encoding them would give. */
export function decoded(text: string, alphabet: 'base64' | 'base64url' = 'base64'): Buffer {
  const bytes = Buffer.from(text, alphabet);
  if (bytes.toString(alphabet) !== text) throw new FormatError(`Not canonical ${alphabet}.`);
  return bytes;
}

/** An integer from 0 below 2^53 in decimal digits, without sign or leading zero. @throws FormatError for anything else. */
export function decimal(text: string): number {
  const value = Number(text);
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || !Number.isSafeInteger(value))
    throw new FormatError('Not a canonical size.');
  return value;
}
