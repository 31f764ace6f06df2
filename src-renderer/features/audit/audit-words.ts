import type { AuditItem } from '../../../src-main/contract/audit.ts';
import type { Integrity } from '../../../src-main/contract/integrity.ts';
import { commandStateWords, type StateWords } from '../../words/states.ts';

/** Where an entry stands: at central, or made here and on its way. */
export function originWords(origin: AuditItem['origin']): StateWords {
  if (origin === 'central') return { label: 'Central', tone: 'plain', meaning: "Seen in central's audit table." };
  return commandStateWords[origin];
}

/** How far central's log is believed. */
export const integrityStates: Record<Integrity['state'], StateWords> = {
  unknown: { label: 'Not verified', tone: 'plain', meaning: 'This device has not recomputed the log yet.' },
  trusted: { label: 'Verified', tone: 'good', meaning: 'Central’s log is the one that this device recomputed.' },
  attention: { label: 'Look', tone: 'wait', meaning: 'Something was found that should not be.' },
  distrusted: {
    label: 'Distrusted',
    tone: 'bad',
    meaning: 'Central’s log is not believed, and nothing is sent to it.',
  },
};

/** A device as people know it. */
export function deviceWords({ id, name }: { id: string; name: string | null }): string {
  return name ?? `Device ${id}`;
}
