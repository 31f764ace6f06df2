import { QueryClient } from '@tanstack/react-query';
import { LatchkeyError } from '../../src-main/contract/errors.ts';

/** What the window remembers of answers. The host is on this very machine, so no state of the network matters here. */
export function createCache(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        networkMode: 'always',
        // Events say when an answer is out of date; time alone does not make it so.
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 5 * 60_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        retry: false,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}

/** Any failure as the one kind of error that screens know how to show. */
export function asLatchkeyError(error: unknown): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new LatchkeyError('internal', `This window met a case that it does not handle: ${words}. Nothing was sent.`);
}
