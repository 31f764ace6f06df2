import { QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { LatchkeyError } from '../../../src-main/contract/errors.ts';
import { asLatchkeyError, createCache } from '../../calls/cache.ts';
import { ClientContext } from '../../calls/client-context.ts';
import { followEvents } from '../../calls/follow-events.ts';
import { type Client, connect } from '../../client/client.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Door } from './Door.tsx';
import { Gate } from './Gate.tsx';

const cache = createCache();
// Asked for once, however often React mounts: a launch token works a single time.
const connection = connect();

/** The window's connection to its host; nothing is shown without one. */
export function Connect() {
  const [client, setClient] = useState<Client | null>(null);
  const [failure, setFailure] = useState<LatchkeyError | null>(null);

  useEffect(() => {
    let unfollow: (() => void) | undefined;
    let gone = false;
    connection.then(
      (connected) => {
        if (gone) return;
        unfollow = followEvents(connected, cache);
        setClient(connected);
      },
      (error: unknown) => setFailure(asLatchkeyError(error)),
    );
    return () => {
      gone = true;
      unfollow?.();
    };
  }, []);

  if (failure) {
    return (
      <Door title="This window is not connected">
        <ErrorPanel error={failure} />
      </Door>
    );
  }
  if (!client) return null;
  return (
    <ClientContext value={client}>
      <QueryClientProvider client={cache}>
        <Gate />
      </QueryClientProvider>
    </ClientContext>
  );
}
