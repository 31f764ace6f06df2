import type { Status } from '../contract/device.ts';

/** What a device tells that stands closed: that it does, and nothing of what it holds. */
export function closedStatus(mode: 'locked' | 'not-enrolled'): Status {
  return {
    mode,
    lastSync: null,
    pending: 0,
    conflicts: 0,
    inQuarantine: 0,
    findings: 0,
    mirror: { rows: 0, bytes: 0, tables: 0 },
    central: { reachable: false, epoch: null },
    oldestPending: null,
    clockOffset: null,
    workOffline: false,
    progress: null,
    problem: null,
  };
}
