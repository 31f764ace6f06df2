import type { Mode, Status } from '../../src-main/contract/device.ts';
import type { Key } from '../../src-main/contract/keys.ts';
import type { Conflict } from '../../src-main/contract/outbox.ts';
import type { Person } from '../../src-main/contract/people.ts';
import type { CommandState } from '../../src-main/contract/values.ts';

/** The colour of a state; the words beside it always say the same. */
export type Tone = 'good' | 'wait' | 'info' | 'bad' | 'plain';

export interface StateWords {
  label: string;
  tone: Tone;
  /** What it means, for whoever asks. */
  meaning: string;
}

export const personStates: Record<Person['state'], StateWords> = {
  invited: { label: 'Invited', tone: 'info', meaning: 'Has not signed in yet.' },
  active: { label: 'Active', tone: 'good', meaning: 'May sign in.' },
  suspended: { label: 'Suspended', tone: 'wait', meaning: 'May not sign in for now.' },
  deactivated: { label: 'Deactivated', tone: 'plain', meaning: 'May not sign in.' },
};

export const keyStates: Record<Key['state'], StateWords> = {
  active: { label: 'Active', tone: 'good', meaning: 'Is accepted.' },
  retiring: { label: 'Retiring', tone: 'info', meaning: 'Replaced, and still accepted until its overlap ends.' },
  suspended: { label: 'Suspended', tone: 'wait', meaning: 'Is not accepted for now.' },
  compromised: { label: 'Compromised', tone: 'bad', meaning: 'Known to others; revoked for good.' },
  revoked: { label: 'Revoked', tone: 'plain', meaning: 'Is never accepted again.' },
  expired: { label: 'Expired', tone: 'plain', meaning: 'Its time is over.' },
};

const overdue: StateWords = {
  label: 'Overdue',
  tone: 'bad',
  meaning: 'Its time is over, and it is still accepted: central’s upkeep has not revoked it yet.',
};

export function keyStateWords({ state, stillAccepted }: Pick<Key, 'state' | 'stillAccepted'>): StateWords {
  return stillAccepted ? overdue : keyStates[state];
}

export const commandStateWords: Record<CommandState, StateWords> = {
  local: { label: 'Local', tone: 'plain', meaning: 'Kept on this device; something it builds on is unresolved.' },
  queued: { label: 'Queued', tone: 'wait', meaning: 'Waits to be sent to central.' },
  accepted: { label: 'Accepted', tone: 'info', meaning: 'Central applied it; this mirror has not seen it yet.' },
  'in-force': { label: 'In force', tone: 'good', meaning: "Central's rows say so, and this mirror has seen them." },
  observed: { label: 'Observed', tone: 'good', meaning: 'Seen in use.' },
  quarantined: { label: 'Quarantined', tone: 'wait', meaning: 'Kept by central until an administrator decides.' },
  conflict: { label: 'Conflict', tone: 'bad', meaning: 'Central changed the same; a person has to choose.' },
  refused: { label: 'Refused', tone: 'bad', meaning: 'Central said no; a person has to decide.' },
  undone: { label: 'Undone', tone: 'plain', meaning: 'Taken back before it was sent.' },
};

export const conflictKinds: Record<Conflict['kind'], StateWords> = {
  fields: { label: 'Same fields changed', tone: 'bad', meaning: 'Central and this device changed the same fields.' },
  missing: { label: 'Row not there', tone: 'bad', meaning: 'Central has no such row, or this device may not see it.' },
  refused: { label: 'Refused', tone: 'bad', meaning: 'Central said no.' },
};

/** States as answers carry them, where a call promises text alone. */
export function commandStateOf(state: string): StateWords {
  return isCommandState(state) ? commandStateWords[state] : { label: state, tone: 'plain', meaning: '' };
}

function isCommandState(state: string): state is CommandState {
  return Object.hasOwn(commandStateWords, state);
}

export type ModeMark = 'still' | 'busy' | 'off' | 'alarm';

export interface ModeWords {
  label: string;
  tone: Tone;
  mark: ModeMark;
}

/** How things stand between this mirror and central, in words. */
export function modeWords(status: Pick<Status, 'mode' | 'workOffline' | 'pending' | 'conflicts'>): ModeWords {
  if (status.mode === 'idle') {
    const settled = status.pending === 0 && status.conflicts === 0;
    return settled
      ? { label: 'In sync', tone: 'good', mark: 'still' }
      : { label: 'Connected', tone: 'info', mark: 'still' };
  }
  if (status.mode === 'offline') {
    return { label: status.workOffline ? 'Working offline' : 'Offline', tone: 'wait', mark: 'off' };
  }
  return modes[status.mode];
}

const modes: Record<Exclude<Mode, 'idle' | 'offline'>, ModeWords> = {
  'not-enrolled': { label: 'Not enrolled', tone: 'plain', mark: 'off' },
  locked: { label: 'Locked', tone: 'plain', mark: 'off' },
  connecting: { label: 'Connecting', tone: 'info', mark: 'busy' },
  pulling: { label: 'Bringing changes here', tone: 'info', mark: 'busy' },
  pushing: { label: 'Sending changes', tone: 'info', mark: 'busy' },
  attention: { label: 'Needs attention', tone: 'bad', mark: 'alarm' },
};
