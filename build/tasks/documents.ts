import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SystemCapability } from '../../src-main/contract/device.ts';
import { capabilitiesOf, caveatsOf } from '../../src-main/core/systems/capabilities.ts';
import { delaySentence } from '../../src-main/core/systems/host-delay.ts';
import { systemNamed, systemNames } from '../../src-main/core/systems/index.ts';
import { mappingFileSchema } from '../../src-main/core/systems/mapping-file.ts';
import type { SystemMapping, Tenancy } from '../../src-main/core/systems/system.ts';

/* Documents that say what the code says, made from it: `npm run documents`. A test compares them. */

const words: Record<SystemCapability, string> = {
  'people.create': 'people are invited',
  'people.edit': 'people are changed',
  'people.names': 'names of people',
  'people.deactivate': 'people are deactivated',
  'people.erase': 'people are erased',
  'people.invited': 'who was invited and has not come',
  'people.roles': 'roles of people',
  sessions: 'sessions are ended',
  keys: 'keys',
  'keys.issue': 'keys are issued',
  'keys.rotate': 'keys are rotated',
  'keys.lineage': 'which key came from which',
  'keys.overlap': 'an overlap after a rotation',
  'keys.expiry': 'keys that end by themselves',
  'keys.compromised': 'keys that leaked',
  'keys.revoke': 'keys are revoked',
  'keys.scopes': 'scopes of keys',
  'keys.lastUsed': 'when a key was last used',
  'keys.certificates': 'certificates of keys',
  audit: 'the host’s own audit table is told',
};

const tenancyWords: Record<Tenancy['class'], string> = {
  database: 'the whole database',
  root: 'the organization itself',
  organization: 'a column of the row',
  path: 'the row that it refers to',
  shared: 'everybody',
};

function systemsDocument(): string {
  const systems = systemNames.map(systemNamed);
  const columns = systems.map(({ name }) => name);
  const capabilities = Object.entries(words).map(([capability, text]) => [
    text,
    ...systems.map((system) => offered(system, capability as SystemCapability)),
  ]);
  return `# Systems

Databases that Latchkey knows by itself; another one is described by a [mapping](mapping.md). \`npx latchkey central install\` finds out which
it is. What a system cannot keep is not offered, and refused with the reason given below. What stands *in a sidecar* is kept in a table of
Latchkey's own beside the host's: the host itself does not look at it.

${markdown(['', ...columns], capabilities)}

${systems.map(systemSection).join('\n\n')}
`;
}

function offered(system: SystemMapping, capability: SystemCapability): string {
  if (capabilitiesOf(system)[capability] !== null) return '–';
  return caveatsOf(system)[capability] === undefined ? 'yes' : 'in a sidecar';
}

function systemSection(system: SystemMapping): string {
  const missing = Object.entries(capabilitiesOf(system)).filter(([, why]) => why !== null);
  const reasons = [...new Set(missing.map(([, why]) => why))];
  const rows = Object.entries(system.tables).map(([name, { tenancy, readers, window, secret, sidecar }]) => [
    name,
    tenancyWords[tenancy.class] + (tenancy.class === 'path' ? ` (${tenancy.column} → ${tenancy.parent})` : ''),
    [
      ...(readers ? [`${readers.join(', ')} alone`] : []),
      ...(window ? [`the last ${window.days} days`] : []),
      ...(secret?.length ? [`never ${secret.join(', ')}`] : []),
      ...(sidecar ? ['made by Latchkey beside the host’s tables'] : []),
    ].join('; '),
  ]);
  const lacks = reasons.length > 0 ? `\n\n${system.title} ${reasons.join('; ')}.` : '';
  const caveats = [...new Set(Object.values(caveatsOf(system)))];
  const delay = delaySentence(system);
  const besides = caveats.length > 0 ? `\n\nIn a sidecar: ${system.title} ${caveats.join('. It ')}.` : '';
  return `## ${system.title}\n\nSchema \`${system.schema}\`, \`--system ${system.name}\`.${lacks}${besides}${delay === null ? '' : `\n\n${delay}`}\n\n${markdown(['table', 'whose row it is', 'devices mirror'], rows)}`;
}

function markdown(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text of each document by its name in \`docs\`. */
export function documents(): Record<string, string> {
  return {
    'systems.md': systemsDocument(),
    'mapping.schema.json': `${JSON.stringify(mappingFileSchema(), null, 2)}\n`,
  };
}

if (import.meta.main) for (const [name, text] of Object.entries(documents())) writeFileSync(join('docs', name), text);
