import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';
import type { CallName, Input } from '../../src-main/contract/index.ts';
import type { Client } from '../client/client.ts';
import { useClient } from './client-context.ts';

/** The options of one question, keyed by the name of the call and its input. */
export function callOptions<Name extends CallName>(client: Client, name: Name, input: Input<Name>) {
  return queryOptions({ queryKey: [name, input], queryFn: () => client.call(name, input) });
}

interface CallChoices {
  enabled?: boolean;
  /** Shows the last answer while the one for a new input is on its way. */
  keepPrevious?: boolean;
}

/** Asks, and asks again when an event says that the answer is out of date. */
export function useCall<Name extends CallName>(name: Name, input: Input<Name>, choices: CallChoices = {}) {
  return useQuery({
    ...callOptions(useClient(), name, input),
    enabled: choices.enabled ?? true,
    ...(choices.keepPrevious ? { placeholderData: keepPreviousData } : {}),
  });
}
