import type pg from 'pg';
import type { DemoOptions, DemoPerson } from './fill.ts';
import { fillRbacDemo } from './rbac.ts';
import { fillSkyGenesisDemo } from './sky-genesis.ts';
import { fillSmartHubDemo } from './smarthub.ts';
import { fillTrustcredDemo } from './trustcred.ts';
import { fillUbeuDemo } from './ubeu.ts';

type Fill = (
  client: pg.Client,
  options: Omit<DemoOptions<never>, 'scale'>,
) => Promise<{ operator: DemoPerson; organization?: { id: string } }>;

const demos: Record<string, Fill> = {
  'sky-genesis': fillSkyGenesisDemo,
  trustcred: fillTrustcredDemo,
  smarthub: fillSmartHubDemo,
  ubeu: fillUbeuDemo,
  rbac: fillRbacDemo,
};

/** Systems that a demo can be made of. */
export const demoSystems = Object.keys(demos);

/** Fills an empty database of a system with believable rows in every table. One transaction: all of it or nothing. */
export function fillDemo(client: pg.Client, system: string, options: Parameters<Fill>[1]): ReturnType<Fill> {
  return demos[system]!(client, options);
}

/** What only Latchkey's own tables can say, once they are there. Again and again the same. */
export async function fillDemoSidecars(client: pg.Client, system: string): Promise<void> {
  if (system !== 'ubeu') return;
  // The demo's people have an address at their enterprise; an administrator states it, and here we are one.
  await client.query(
    `INSERT INTO latchkey.membership (user_id, enterprise_id)
     SELECT u.id, e.id FROM public.users u JOIN public.enterprise_accounts e ON split_part(u.email, '@', 2) = e.parent_domain
     ON CONFLICT DO NOTHING`,
  );
}
