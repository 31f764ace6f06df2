import type { NoteSigner } from '../audit/note.ts';

/** Who acts: from the device's sealed identity, never from a request. */
export interface Actor {
  device: string;
  organization: string;
  operator: string;
  /** Null where the system knows nobody by an address. */
  email: string | null;
  keys: {
    /** Ed25519: signs checkpoints of this device's own log. */
    log: NoteSigner;
    /** Ed25519: signs checkpoints of the organization's log, once their roots were recomputed here. */
    checkpoint: NoteSigner;
  };
}
