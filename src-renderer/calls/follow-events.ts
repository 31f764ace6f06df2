import type { QueryClient } from '@tanstack/react-query';
import type { DeviceState } from '../../src-main/contract/device.ts';
import type { Client } from '../client/client.ts';
import { refreshAll, refreshTables } from './freshness.ts';

/** A pull tells of its changes page by page; screens follow at this pace, in milliseconds. */
const pace = 250;

/** Keeps the cache in step with the host until the returned function is called. */
export function followEvents(client: Client, cache: QueryClient): () => void {
  const changed = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wasConnected = client.connected;

  function refresh(): void {
    timer = undefined;
    const tables = [...changed];
    changed.clear();
    void refreshTables(cache, tables);
  }

  const unsubscribe = client.subscribe((event) => {
    if (event.type === 'status') cache.setQueryData(['status.get', {}], event.status);
    if (event.type === 'device') takeDevice(cache, event.device);
    if (event.type === 'changed') {
      for (const table of event.tables) changed.add(table);
      timer ??= setTimeout(refresh, pace);
    }
  });
  const unfollow = client.onConnection((connected) => {
    if (connected && !wasConnected) void refreshAll(cache);
    wasConnected = connected;
  });

  return () => {
    clearTimeout(timer);
    unsubscribe();
    unfollow();
  };
}

/** Takes over what the device says of itself. A device that was open and is not any more empties this window. */
export function takeDevice(cache: QueryClient, device: DeviceState): void {
  const before = cache.getQueryData<DeviceState>(['device.state', {}]);
  if (before?.state === 'unlocked' && device.state !== 'unlocked') {
    cache.clear();
    window.location.reload();
    return;
  }
  cache.setQueryData(['device.state', {}], device);
}
