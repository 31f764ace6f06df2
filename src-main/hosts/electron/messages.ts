import type { ErrorShape } from '../../contract/errors.ts';

/** What main tells the core process. A window's port comes with `window`. */
export type ToCore =
  | { type: 'open'; dataFolder: string; secretStore: boolean }
  | { type: 'window' }
  | { type: 'lock'; id: number }
  | { type: 'close' }
  | SecretAnswer;

/** What the core process tells main. */
export type FromCore =
  | { type: 'opened' }
  | { type: 'failed'; error: ErrorShape }
  | { type: 'locked'; id: number }
  | { type: 'closed' }
  | SecretQuestion;

/** The operating system's secret store can be reached from main alone, so the core asks for it there. */
export type SecretQuestion =
  | { type: 'secret'; id: number; operation: 'read' | 'remove'; name: string }
  | { type: 'secret'; id: number; operation: 'write'; name: string; value: Uint8Array };
export type SecretAnswer =
  | { type: 'secret'; id: number; ok: true; value: Uint8Array | null }
  | { type: 'secret'; id: number; ok: false; message: string };
