import type { ReadContext } from './handlers.ts';
import type { Identity } from './identity.ts';
import type { MirroredTable } from './mirror/catalogue.ts';
import type { ReadableMirror } from './mirror/readable.ts';
import { systemOf } from './systems/index.ts';
import type { Capability } from './systems/system.ts';

/**
 * What a handler may look at, for one request. The capability is what central last said of this device, and `now` is central's
 * clock as far as this device knows: whether a key has expired is not for a wrong clock to say.
 */
export function readContext(
  mirror: ReadableMirror,
  identity: Identity,
  tables: ReadonlyMap<string, MirroredTable>,
  now: number,
): ReadContext {
  return {
    mirror,
    system: systemOf(identity),
    tables,
    device: identity.device,
    organization: identity.organization,
    operator: identity.operator,
    capability: (mirror.meta('capability') ?? 'auditor') as Capability,
    now: mirror.nowAtCentral(now),
  };
}
