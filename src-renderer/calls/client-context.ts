import { createContext, useContext } from 'react';
import type { Client } from '../client/client.ts';

export const ClientContext = createContext<Client | null>(null);

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error('A part of the window that talks to the host stands outside of its connection.');
  return client;
}
