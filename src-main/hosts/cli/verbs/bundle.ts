import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LatchkeyError } from '../../../contract/errors.ts';
import type { Input, Output } from '../../../contract/index.ts';
import { keysIn, type Report, reportText, verifyBundle } from '../../../core/audit/bundle/verification.ts';
import type { Core } from '../../../core/core.ts';
import { unlock, withDevice } from '../device.ts';
import { facts } from '../print.ts';
import { qrCode, qrText } from '../qr.ts';
import { UsageError, type Values, type Verb } from '../verb.ts';

export const bundleVerbs: Verb[] = [
  {
    name: 'audit export',
    summary: 'Write the logs as a bundle that anyone can verify, offline and without Latchkey',
    description:
      'All entries are in it, in the bytes that were signed. --actor, --action, --object, --from and --to say of which entries it also shows what they disclose: names, reasons, values before and after; verifiers prove that none of them was left out. --first and --last take a part of the log, and of that part alone it is proven. The export is an entry of the device’s log itself. The bundle holds verifiers; auditors should take theirs from elsewhere, with a key from `latchkey audit checkpoint`. docs/audit-format.md specifies every byte.',
    place: 'device',
    positionals: [],
    flags: [
      { name: 'out', kind: 'text', placeholder: 'FILE', text: 'where to, as NAME.lkx.zip', required: true },
      {
        name: 'actor',
        kind: 'text',
        placeholder: 'PERSON',
        text: 'by whom: an email address, a part of a name, or id',
      },
      { name: 'action', kind: 'text', placeholder: 'ACTION', text: 'this one alone, or those that start alike: key.*' },
      { name: 'object', kind: 'text', placeholder: 'OBJECT', text: 'to whom or what' },
      {
        name: 'from',
        kind: 'text',
        placeholder: 'MOMENT',
        text: 'from this day or moment on (UTC, by the clock of whoever acted)',
      },
      { name: 'to', kind: 'text', placeholder: 'MOMENT', text: 'up to this day, or before this moment' },
      {
        name: 'first',
        kind: 'number',
        placeholder: 'N',
        text: 'from this entry of the organization’s log on (0 by default)',
      },
      { name: 'last', kind: 'number', placeholder: 'N', least: 1, text: 'before this entry (to the end by default)' },
      { name: 'force', kind: 'yes', text: 'replace FILE where it is there' },
    ],
    async run(values, terminal) {
      const file = resolve(String(values.out));
      const force = values.force === true;
      refuseToReplace(file, force);
      const { out: _out, force: _force, data: _data, passphraseFile: _file, json: _json, ...input } = values;
      const exported = await withDevice(values, terminal, async (core) => {
        await unlock(core, values, terminal);
        const made = await core.call('audit.export', input as Input<'audit.export'>);
        try {
          await fetchBundle(core, made.export, file, force);
        } finally {
          await core.call('audit.export-end', { export: made.export });
        }
        return made;
      });
      const { export: _id, ...summary } = exported;
      return { value: { file, ...summary }, attention: exported.undisclosed > 0 };
    },
    print(value, terminal) {
      const exported = value as Omit<Output<'audit.export'>, 'export'> & { file: string };
      terminal.out(
        facts([
          ['Bundle', exported.file],
          ['Bytes', exported.bytes],
          ['Level', exported.level],
          ['Entries', exported.entries],
          ['Not at central yet', exported.tail],
          ['Shown in full', exported.matched],
          ['SHA256SUMS', exported.sums],
        ]),
      );
      if (exported.undisclosed > 0)
        terminal.say(
          `${exported.undisclosed} entries commit to something that this device was never told; the bundle says TAMPERED at the first of them. Sync, and export again.`,
        );
    },
  },
  {
    name: 'audit verify',
    summary: 'Verify a bundle; needs no device, no login and no network',
    description:
      'Exit codes of this verb: 0 verified, 1 tampered, 2 wrong usage, 3 anything else (incomplete, no trusted key, unsupported). --trust takes a verifier key as `latchkey audit checkpoint` prints it on a device that you trust, or a file of such keys; never take them from the bundle. --checkpoint takes a checkpoint that you kept: the bundle must be its continuation, so that nothing was rewritten or cut off since.',
    place: 'file',
    positionals: [{ name: 'FILE', field: 'file', text: 'a bundle, as latchkey audit export writes it' }],
    flags: [
      {
        name: 'trust',
        kind: 'texts',
        placeholder: 'KEY|FILE',
        text: 'a verifier key that you trust, or a file of them',
      },
      { name: 'checkpoint', kind: 'text', placeholder: 'FILE', text: 'a checkpoint that you hold' },
    ],
    async run(values) {
      const trust = ((values.trust as string[] | undefined) ?? []).flatMap((given) =>
        existsSync(given) ? keysIn(readText(given, 'trust')) : [given],
      );
      const checkpoint = typeof values.checkpoint === 'string' ? readText(values.checkpoint, 'checkpoint') : null;
      const value = await verifyBundle(resolve(String(values.file)), { trust, checkpoint });
      return { value, failed: value.verdict === 'TAMPERED', attention: value.verdict !== 'VERIFIED' };
    },
    print: (value, terminal) => terminal.out(reportText(value as Report)),
  },
  {
    name: 'audit checkpoint',
    summary: 'A signed checkpoint of the log, and this device’s keys, for an auditor to keep',
    description:
      'Whoever keeps the checkpoint can tell from every later bundle whether anything before it was rewritten: latchkey audit verify --checkpoint FILE. Whoever keeps a key can tell who signed: --trust. Of a device that never synced, the checkpoint is of its own log. The checkpoint alone goes to standard output, so that it can be kept by redirecting it into a file.',
    place: 'device',
    positionals: [],
    flags: [{ name: 'qr', kind: 'yes', text: 'show the checkpoint as a QR code, too' }],
    async run(values, terminal) {
      const value = await withDevice(values, terminal, async (core) => {
        await unlock(core, values, terminal);
        return core.call('audit.checkpoint', {});
      });
      return { value };
    },
    print(value, terminal, { qr }) {
      const { central, own, keys } = value as Output<'audit.checkpoint'>;
      const note = central ?? own;
      if (note !== null) terminal.out(note.trimEnd());
      if (note !== null && qr === true) terminal.say(`\n${qrText(qrCode(note))}`);
      const nothing = note === null ? 'There is nothing in the log yet.' : '';
      terminal.say(`${nothing}\nKeys to trust:\n${keys.checkpoint}\n${keys.log}`);
    },
  },
];

function refuseToReplace(file: string, force: boolean): void {
  if (!force && existsSync(file))
    throw new LatchkeyError(
      'invalid-input',
      `${file} is there already. Nothing was written. Replace it with --force.`,
      {
        field: 'out',
      },
    );
}

/** There is a whole bundle at the end, or none. */
async function fetchBundle(core: Core, id: string, path: string, force: boolean): Promise<void> {
  const folder = await mkdtemp(join(dirname(path), `.${basename(path)}-`)).catch((error: Error) => {
    throw new LatchkeyError('invalid-input', `${path} cannot be written: ${error.message}. Nothing was written.`, {
      field: 'out',
      cause: error,
    });
  });
  try {
    const whole = join(folder, 'bundle');
    const file = await open(whole, 'wx', 0o600);
    try {
      for (let offset: number | null = 0; offset !== null; ) {
        const part: Output<'audit.export-part'> = await core.call('audit.export-part', { export: id, offset });
        await file.writeFile(Buffer.from(part.data, 'base64'));
        offset = part.next;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    refuseToReplace(path, force);
    await rename(whole, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readText(path: string, field: keyof Values): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}.`, field);
  }
}
