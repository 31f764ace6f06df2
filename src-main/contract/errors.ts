/**
 * Every way in which a request to Latchkey can fail, by a stable code that scripts and screens may rely on.
 * The message of an error says in words what was wrong, what was kept, and what to do.
 */
export const errorCodes = [
  // the request
  'invalid-input',
  'unknown-call',
  'not-found',
  'ambiguous',
  // the device and its vault
  'not-enrolled',
  'already-enrolled',
  'locked',
  'wrong-passphrase',
  'weak-passphrase',
  'folder-in-use',
  'folder-unusable',
  'mirror-damaged',
  'mirror-too-new',
  'disk-full',
  // backups of central
  'backup-damaged',
  'drill-failed',
  // enrollment
  'enrollment-invalid',
  'enrollment-expired',
  'enrollment-used',
  // central
  'central-unreachable',
  'central-login-refused',
  'central-certificate',
  'central-not-latchkey',
  'central-too-new',
  'central-too-old',
  'central-standby',
  'central-rewound',
  'log-tampered',
  'central-schema-changed',
  'central-tracking-off',
  'central-refused',
  'central-busy',
  'central-crowded',
  'device-revoked',
  'device-rewound',
  'clock-off',
  'offline',
  'cancelled',
  // the road between a window or a command line and the process that owns the device's folder
  'disconnected',
  // installing and enrolling, by a database administrator
  'unknown-system',
  'schema-mismatch',
  'insufficient-privilege',
  'already-installed',
  // the write road
  'not-permitted',
  'not-supported',
  'would-violate',
  'would-remove-last-administrator',
  'not-undoable',
  'conflict-closed',
  // everything that nobody foresaw: a bug
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** What crosses a process boundary in place of an exception. */
export interface ErrorShape {
  code: ErrorCode;
  /** Words for a person: what happened, what was kept, what to do. Holds no secret. */
  message: string;
  /** The input field that was wrong, as a path such as `email` or `changes.0.table`. */
  field?: string;
  details?: Record<string, unknown>;
}

export class LatchkeyError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    more: { field?: string; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'LatchkeyError';
    this.code = code;
    this.field = more.field;
    this.details = more.details;
  }

  toShape(): ErrorShape {
    return {
      code: this.code,
      message: this.message,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }

  static fromShape(shape: ErrorShape): LatchkeyError {
    return new LatchkeyError(shape.code, shape.message, { field: shape.field, details: shape.details });
  }
}

/** Any thrown value as an error shape; what is not a LatchkeyError is a bug and says so, without its stack. */
export function toErrorShape(error: unknown): ErrorShape {
  if (error instanceof LatchkeyError) return error.toShape();
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    message: `Latchkey met a case that it does not handle: ${message}. Nothing was changed by this request.`,
  };
}
