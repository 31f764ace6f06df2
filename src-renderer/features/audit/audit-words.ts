import type { AuditItem } from '../../../src-main/contract/audit.ts';
import { commandStateWords, type StateWords } from '../../words/states.ts';

/** Where an entry stands: at central, or made here and on its way. */
export function originWords(origin: AuditItem['origin']): StateWords {
  if (origin === 'central') return { label: 'Central', tone: 'plain', meaning: "Seen in central's audit table." };
  return commandStateWords[origin];
}
