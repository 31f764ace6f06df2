import type { CallName, Output, Request } from '../contract/index.ts';
import type { Intent } from './command/intent.ts';
import type { MirroredTable } from './mirror/catalogue.ts';
import type { ReadableMirror } from './mirror/readable.ts';
import type { Capability, SystemMapping } from './systems/system.ts';

/** What a feature may look at: the mirror as screens see it, and who is asking. */
export interface ReadContext {
  mirror: ReadableMirror;
  system: SystemMapping;
  tables: ReadonlyMap<string, MirroredTable>;
  device: { id: string; name: string };
  organization: { id: string; name: string };
  operator: { id: string; email: string };
  capability: Capability;
  /** Milliseconds since 1970. */
  now: number;
}

export type Query<Name extends CallName> = (context: ReadContext, request: Request<Name>) => Output<Name>;

/** What a feature wants done. `answer` is told to the caller beside the receipt and kept nowhere. */
export interface Decision<Name extends CallName> {
  intent: Intent;
  answer: Omit<Output<Name>, 'command' | 'name' | 'state' | 'subject'>;
}

/** Decides, inside the write transaction, what rows change; `command/execute` alone writes them. */
export type Decide<Name extends CallName> = (context: ReadContext, request: Request<Name>) => Decision<Name>;
