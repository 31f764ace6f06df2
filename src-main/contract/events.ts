import type { DeviceState, Status } from './device.ts';

/** What a host tells its windows without being asked. A window that missed one asks again; nothing hangs on an event. */
export type LatchkeyEvent =
  | { type: 'device'; device: DeviceState }
  | { type: 'status'; status: Status }
  /** Rows changed: by a command of this device or by a pull. Names of mirrored tables, and `outbox` or `conflicts`. */
  | { type: 'changed'; tables: string[] };

/** One request and its answer, as they travel between a window and its host. */
export interface RequestMessage {
  id: number;
  call: string;
  input: unknown;
}
export type ResponseMessage =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; error: import('./errors.ts').ErrorShape };
export type HostMessage = ResponseMessage | { event: LatchkeyEvent };
