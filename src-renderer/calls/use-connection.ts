import { useCallback, useSyncExternalStore } from 'react';
import { useClient } from './client-context.ts';

/** Whether this window reaches its host. Not to be confused with the host reaching central. */
export function useConnected(): boolean {
  const client = useClient();
  const subscribe = useCallback((changed: () => void) => client.onConnection(changed), [client]);
  return useSyncExternalStore(subscribe, () => client.connected);
}
