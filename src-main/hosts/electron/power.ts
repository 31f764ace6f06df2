import { powerMonitor } from 'electron';

/** Locks when the machine is left: it sleeps, its screen is locked, its user changes, or it shuts down. */
export function lockOnPowerEvents(lock: () => void): void {
  powerMonitor.on('suspend', lock);
  powerMonitor.on('lock-screen', lock);
  powerMonitor.on('user-did-resign-active', lock);
  powerMonitor.on('shutdown', lock);
}
