import type { z } from 'zod';
import { auditCalls } from './audit.ts';
import { centralCalls } from './central.ts';
import { dataCalls } from './data.ts';
import { deviceCalls } from './device.ts';
import { exportCalls } from './export.ts';
import { integrityCalls } from './integrity.ts';
import { keyCalls } from './keys.ts';
import { logCalls } from './log.ts';
import { outboxCalls } from './outbox.ts';
import { peopleCalls } from './people.ts';

/** All that a window or the CLI may ask. There is no other way in: no call takes SQL, a path or code. */
export const contract = {
  ...deviceCalls,
  ...peopleCalls,
  ...keyCalls,
  ...outboxCalls,
  ...auditCalls,
  ...exportCalls,
  ...integrityCalls,
  ...logCalls,
  ...dataCalls,
  ...centralCalls,
};

export type CallName = keyof typeof contract;
/** What a caller gives (defaults may be left out). */
export type Input<Name extends CallName> = z.input<(typeof contract)[Name]['input']>;
/** What a handler gets (validated, defaults filled in). */
export type Request<Name extends CallName> = z.output<(typeof contract)[Name]['input']>;
export type Output<Name extends CallName> = z.output<(typeof contract)[Name]['output']>;

export function isCallName(name: string): name is CallName {
  return Object.hasOwn(contract, name);
}
