import { readFileSync } from 'node:fs';
import { packageFile } from '../../package-files.ts';
import { type ZipMember, zipMember } from './zip.ts';

let packed: ZipMember[] | undefined;

/** The verifiers as they are put into a bundle; the page holds the program, so that one file opened from disk is all it takes. */
export function verifierMembers(): readonly ZipMember[] {
  packed ??= verifierFiles().map(({ name, text }) => zipMember(`verify/${name}`, text));
  return packed;
}

function verifierFiles(): { name: string; text: string }[] {
  const [python, program, page] = ['verify.py', 'verify.mjs', 'verify.html'].map((name) =>
    readFileSync(packageFile(`src-main/verifier/${name}`), 'utf8'),
  ) as [string, string, string];
  return [
    { name: 'verify.py', text: python },
    { name: 'verify.mjs', text: program },
    // A function, because what it puts in holds dollar signs. An end tag within the program would end it.
    { name: 'verify.html', text: page.replace('/* verify.mjs */', () => program.replaceAll('</script', '<\\/script')) },
  ];
}

export function readme(exported: string, organization: string, device: string): string {
  return `Latchkey export bundle
======================

Exported ${exported} by device ${device} of organization ${organization}.

What is what
  log/entries.jsonl      entries of the organization's log; a line is exactly the bytes that were hashed and signed
  device/entries.jsonl   entries of the exporting device that central had not seen yet, the one of this export among them
  disclosures.jsonl      what the entries commit to by salted hashes: names, reasons, values before and after
  views/audit.csv        the same to read; the verifiers make it anew and compare
  views/ocsf.jsonl       the same as OCSF events, for a SIEM
  log/checkpoint         what the device, and others, signed: how long the log is, and the root of its tree
  The other files are the keys and proofs that verifiers need. docs/audit-format.md of Latchkey says every byte.

Verify
  1. Take a key from a device of the organization that you trust, not from this bundle:   latchkey audit checkpoint
  2. Take a verifier that you trust: Latchkey itself, or its verify.py or verify.mjs. Those in here are for convenience; whoever
     forged a bundle forged them too.
       python3 verify.py FILE --trust 'latchkey.local/...'     or   node verify.mjs FILE --trust ...   or open verify.html
  3. If you hold a checkpoint from earlier, add --checkpoint FILE: it shows that nothing was rewritten or cut off since.

Verify with nothing of Latchkey's, in the unpacked bundle
  sha256sum -c SHA256SUMS
  ssh-keygen -Y verify -f keys/allowed_signers -n latchkey-export -s SHA256SUMS.sig \\
    -I "$(cut -d' ' -f1 keys/allowed_signers)" < SHA256SUMS
  # the device's checkpoint: its text, its signature without the four bytes that name the key, and OpenSSL
  sed '/^$/,$d' device/checkpoint > note.txt
  tail -n 1 device/checkpoint | cut -d' ' -f3 | base64 -d | tail -c +5 > note.sig
  openssl pkeyutl -verify -rawin -pubin -inkey keys/N.log.pem -in note.txt -sigfile note.sig
  (N is the line of the device in log/devices.jsonl, from 0.)
`;
}
