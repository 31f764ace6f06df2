import { day, hour, type Moment, minute, timestamp } from '../calendar.ts';
import type { Row } from '../copy.ts';
import type { Random } from '../random.ts';
import type { Person } from './people.ts';
import type { Profile } from './profile.ts';
import { wordingOf } from './wording.ts';

/** Directories, ERP systems, looks and fields of an organization: rows by their table. */
export function integrationRows(
  random: Random,
  profile: Profile,
  people: Person[],
  now: Moment,
): Record<string, Row[]> {
  const wording = wordingOf(profile.type);
  const directory = directoryRow(random, profile, 'Annuaire central', true, now);
  const oldDirectory = directoryRow(random, profile, 'Ancien annuaire', false, now);
  return {
    ldap_configurations: [directory, oldDirectory],
    ldap_user_mappings: people
      .filter((person) => person.status !== 'invited' && (person.role !== 'recipient' || random.chance(0.5)))
      .map((person) => mappingRow(random, directory, person, wording.group)),
    erp_integrations: erpRows(random, profile, now),
    organization_branding: [brandingRow(random, profile)],
    custom_credential_templates: designs.map(([name, type], index) => ({
      id: random.uuid(),
      organization_id: profile.id,
      template_name: name,
      template_type: type,
      design_data: { json: { paper: 'A4', accent: index === 0 ? '#B08D2E' : '#1B4B72', seal: index !== 2 } },
      preview_image_url: `https://cdn.${profile.domain}/designs/${index + 1}.png`,
      is_active: index !== 2,
      created_at: timestamp(profile.founded + (40 + index * 30) * day),
      updated_at: timestamp(profile.founded + (40 + index * 30) * day),
    })),
    custom_fields: wording.fields.map(({ name, type, label, required, options }, index) => ({
      id: random.uuid(),
      organization_id: profile.id,
      field_name: name,
      field_type: type,
      field_label: label,
      field_description: null,
      validation_rules: { json: type === 'number' ? { min: 0, max: 300 } : { max_length: 120 } },
      options: options ? { json: options } : null,
      is_required: required,
      is_active: true,
      created_at: timestamp(profile.founded + (30 + index) * day),
    })),
  };
}

const designs = [
  ['Parchemin doré', 'diploma'],
  ['Attestation sobre', 'certificate'],
  ['Badge 2022', 'badge'],
] as const;

function directoryRow(random: Random, profile: Profile, name: string, current: boolean, now: Moment): Row {
  const host = current ? 'ldap' : 'ldap-old';
  const base = profile.domain.split('.').map((part) => `dc=${part}`);
  return {
    id: random.uuid(),
    organization_id: profile.id,
    name,
    server_url: `ldaps://${host}.${profile.domain}:636`,
    base_dn: base.join(','),
    bind_dn: `cn=trustcred,ou=services,${base.join(',')}`,
    bind_password_encrypted: vaultReference(profile, `${host}#password`),
    user_search_filter: '(&(objectClass=person)(uid={0}))',
    group_search_filter: '(member={0})',
    sync_enabled: current,
    sync_interval_minutes: 60,
    last_sync_at: timestamp(current ? now - random.integer(3, 55) * minute : now - 420 * day),
    created_at: timestamp(profile.founded + (current ? 50 : 12) * day),
  };
}

function mappingRow(random: Random, { id, last_sync_at }: Row, person: Person, group: string): Row {
  return {
    id: random.uuid(),
    ldap_config_id: id!,
    ldap_user_id: `uid=${person.email.split('@')[0]}`,
    local_user_id: person.id,
    ldap_groups: { json: person.role === 'recipient' ? [group] : ['personnel', `trustcred-${person.role}s`] },
    last_sync_at: last_sync_at!,
    created_at: timestamp(person.createdAt + hour),
  };
}

function erpRows(random: Random, profile: Profile, now: Moment): Row[] {
  const erp = (type: string, name: string, direction: string, enabled: boolean): Row => ({
    id: random.uuid(),
    organization_id: profile.id,
    erp_type: type,
    name,
    api_endpoint: `https://erp.${profile.domain}/api/${type}`,
    api_key_encrypted: vaultReference(profile, `${type}#api_key`),
    api_secret_encrypted: vaultReference(profile, `${type}#api_secret`),
    webhook_url: direction === 'outbound' ? null : `https://api.platform.example/erp/${profile.domain.split('.')[0]}`,
    sync_enabled: enabled,
    sync_direction: direction,
    last_sync_at: timestamp(now - random.integer(20, 700) * minute),
    created_at: timestamp(profile.founded + 60 * day),
  });
  return [
    erp('oracle_peoplesoft', wordingOf(profile.type).records, 'bidirectional', true),
    erp('sap_s4hana', 'Comptabilité', 'outbound', true),
    erp('workday', 'Ressources humaines', 'inbound', false),
  ];
}

function brandingRow(random: Random, profile: Profile): Row {
  const educational = profile.type === 'educational';
  return {
    id: random.uuid(),
    organization_id: profile.id,
    logo_url: `https://cdn.${profile.domain}/logo.svg`,
    primary_color: educational ? '#123C69' : '#5B3A1E',
    secondary_color: '#F4F1EA',
    accent_color: '#B08D2E',
    custom_css: '.credential-card { border-radius: 4px; }',
    custom_js: null,
    favicon_url: `https://cdn.${profile.domain}/favicon.ico`,
    custom_domain: `diplomes.${profile.domain}`,
    ssl_certificate: educational ? Buffer.from(certificate) : null,
    ssl_private_key: educational ? vaultReference(profile, 'diplomes#private_key') : null,
    created_at: timestamp(profile.founded + 25 * day),
    updated_at: timestamp(profile.founded + 25 * day),
  };
}

function vaultReference(profile: Profile, path: string): Buffer {
  return Buffer.from(`vault:secret/${profile.domain.split('.')[0]}/${path}`);
}

// Real and self-signed, until 2046; its private key was never written down.
const certificate = `-----BEGIN CERTIFICATE-----
MIIB/zCCAaagAwIBAgIUe96TpO1BkIHrZNLvqRB1JVj15I0wCgYIKoZIzj0EAwIw
QzEhMB8GA1UEAwwYZGlwbG9tZXMudmFsbW9udC5leGFtcGxlMR4wHAYDVQQKDBVV
bml2ZXJzaXRlIGRlIFZhbG1vbnQwHhcNMjYxMTIxMTU0OTI0WhcNNDYxMTE2MTU0
OTI0WjBDMSEwHwYDVQQDDBhkaXBsb21lcy52YWxtb250LmV4YW1wbGUxHjAcBgNV
BAoMFVVuaXZlcnNpdGUgZGUgVmFsbW9udDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABBfEIXi/uHCKfAGxlDnABFV5pLnHPDYT0XnFhrlJ1eI0ncuiKRL6s32UuTA6
3G0TpEATRkO1GqOCMf/3X/gq2kajeDB2MB0GA1UdDgQWBBRe3dX81x/QAmtnujuo
3XjbiHVAlTAfBgNVHSMEGDAWgBRe3dX81x/QAmtnujuo3XjbiHVAlTAPBgNVHRMB
Af8EBTADAQH/MCMGA1UdEQQcMBqCGGRpcGxvbWVzLnZhbG1vbnQuZXhhbXBsZTAK
BggqhkjOPQQDAgNHADBEAiAv1roF4Mi/R6cUydBA2Kz1V9Jy5+2x5YVk1kx6TnlJ
0QIgMWWPZE8JCrxFHk4AC2+KhDGgVufqm2hbUFpx1yxCggw=
-----END CERTIFICATE-----
`;
