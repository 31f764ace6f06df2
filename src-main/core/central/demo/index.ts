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
  // Versions of a key have one name: each came from the one before, and what was replaced and is let in still is in its overlap.
  await client.query(
    `INSERT INTO latchkey.key_lifetime (key_id, expires_at, rotated_from)
     SELECT k.id, CASE WHEN k.active AND newer IS NOT NULL THEN now() + INTERVAL '5 days'
         ELSE greatest(k.created_at AT TIME ZONE 'UTC' + INTERVAL '1 year', now() + INTERVAL '12 days') END, older
     FROM (SELECT id, active, created_at, lag(id) OVER versions AS older, lead(id) OVER versions AS newer FROM public.enterprise_api_keys
           WINDOW versions AS (PARTITION BY enterprise_id, name ORDER BY created_at, id)) k
     ON CONFLICT DO NOTHING`,
  );
}
