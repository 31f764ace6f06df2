import { z } from 'zod';
import type { FieldChange } from '../../contract/values.ts';
import { parsedJson } from '../mirror/row-values.ts';
import { isHidden } from '../systems/hidden.ts';
import type { SystemMapping } from '../systems/system.ts';

/** What an event in central's audit table tells, as far as it can be read. */
export interface AuditEvent {
  command: string | null;
  device: string | null;
  reason: string | null;
  subject: { table: string; key: string } | null;
  changes: FieldChange[];
  /** The data as stored, where Latchkey did not write it. */
  data: unknown;
}

const values = z.record(z.string(), z.unknown()).nullish();
const name = z.coerce.string();

/** What `latchkey.push` writes beside the host's own events. Whoever may write to the table may write anything, so it is checked. */
const latchkeyData = z.object({
  latchkey: z.object({
    command: z.string(),
    device: z.string().nullish(),
    reason: z.string().nullish(),
    subject: z.object({ table: name, key: name }).nullish(),
    changes: z.array(z.object({ table: name, key: name, before: values, after: values })).default([]),
  }),
});

/** The host's own events often carry what they changed under these two names. */
const hostData = z.object({ before: values, after: values });

export function readEvent(text: string | null, system: SystemMapping): AuditEvent {
  const data = text === null ? null : parsedJson(text);
  const ours = latchkeyData.safeParse(data);
  if (!ours.success) {
    const host = hostData.safeParse(data);
    const changes = host.success ? fieldChanges({ table: '', key: '', ...host.data }) : [];
    const shown = changes.filter(({ column }) => !isHiddenAnywhere(system, column));
    return { command: null, device: null, reason: null, subject: null, changes: shown, data };
  }
  const { command, device, reason, subject, changes } = ours.data.latchkey;
  return {
    command,
    device: device ?? null,
    reason: reason ?? null,
    subject: subject ?? null,
    changes: changes.flatMap(fieldChanges).filter(({ table, column }) => !isHidden(system, table, column)),
    data: null,
  };
}

type Values = z.infer<typeof values>;

function fieldChanges(change: { table: string; key: string; before?: Values; after?: Values }): FieldChange[] {
  const { table, key } = change;
  const before = change.before ?? {};
  const after = change.after ?? {};
  const columns = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...columns].map((column) => ({
    table,
    key,
    column,
    before: before[column] ?? null,
    after: after[column] ?? null,
  }));
}

/** For events that do not say which table they are about. */
function isHiddenAnywhere(system: SystemMapping, column: string): boolean {
  return Object.keys(system.tables).some((table) => isHidden(system, table, column));
}
