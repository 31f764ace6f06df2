import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { LatchkeyError } from '../../src-main/contract/errors.ts';
import type { CallName, Input, Output } from '../../src-main/contract/index.ts';
import { useClient } from './client-context.ts';
import { refreshLists } from './freshness.ts';

/** Sends a command. What it changed is asked for again at once, without waiting for the host's event. */
export function useCommand<Name extends CallName>(name: Name) {
  const client = useClient();
  const cache = useQueryClient();
  return useMutation<Output<Name>, LatchkeyError, Input<Name>>({
    mutationKey: [name],
    mutationFn: (input) => client.call(name, input),
    onSuccess: () => refreshLists(cache),
    // A secret is among the answers: nothing of a command is remembered once its form is gone.
    gcTime: 0,
  });
}
