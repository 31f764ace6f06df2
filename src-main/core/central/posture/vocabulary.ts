/**
 * What tables and columns are for, told by their names: hosts name the same few things in a few ways. What a name cannot tell is left
 * alone, because a false alarm costs more trust than a weakness that somebody else finds.
 */

/** What the name of a column says about the secret in it: that it stands there as it is, as a hash, or encrypted. */
export type SecretForm = 'clear' | 'hashed' | 'sealed';

const hashWords = /^(hash|hashed|digest|md5|sha1|sha256|sha512|hmac|bcrypt|argon2|scrypt)$/;
const sealWords = /^(encrypted|enc|cipher|ciphertext|sealed|wrapped)$/;
const clearWords = /^(value|plain|plaintext|clear|cleartext|raw|text)$/;

const secretNames =
  /(^|_)(password|passwd|pwd|passphrase|passcode|secret|secrets|token|apikey|(api|private|secret|access|signing|encryption|session|auth|master|shared|hmac|webhook|license)_key|privatekey|secretkey|recovery_codes?|backup_codes?|mnemonic|seed_phrase|bearer)$/;
/** Tokens that admit nobody to anything. */
const harmlessTokens = /(^|_)(device|push|fcm|apns|registration|page|continuation|cursor|next|sync|idempotency)_token$/;

/**
 * What a column's name says of a secret in it; null where it names none, such as `password_changed_at` or `token_count`.
 * @param isSecret it is known to hold one, whatever it is called
 */
export function secretFormOf(column: string, tableIsOfKeys: boolean, isSecret: boolean): SecretForm | null {
  const words = wordsOf(column);
  let form: SecretForm = 'clear';
  let qualified = false;
  while (words.length > 1) {
    const last = words.at(-1)!;
    if (hashWords.test(last)) form = 'hashed';
    else if (sealWords.test(last)) form = 'sealed';
    else if (!clearWords.test(last)) break;
    qualified = true;
    words.pop();
  }
  if (words.length > 1 && /^(hashed|encrypted|sealed)$/.test(words[0]!)) {
    form = words[0] === 'hashed' ? 'hashed' : 'sealed';
    words.shift();
  }
  // Where a secret is, or what it is recognized by, is private and no secret.
  if (isSecret) return /^(path|ref|reference|prefix|last4|id)$/.test(words.at(-1)!) ? null : form;
  if (words.includes('public')) return null;
  const name = words.join('_');
  if (name === 'key' || name === 'keys') return tableIsOfKeys || qualified ? form : null;
  return secretNames.test(name) && !harmlessTokens.test(name) ? form : null;
}

/** The name of a secret without what says how it stands there: `key_value` and `key_hash` are of a `key`. */
export function baseOfSecret(column: string): string {
  const words = wordsOf(column);
  while (words.length > 1 && [hashWords, sealWords, clearWords].some((kind) => kind.test(words.at(-1)!))) words.pop();
  return words.join('_');
}

export const isPasswordName = (column: string) =>
  /(^|_)(password|passwd|pwd|passphrase|passcode)(_|$)/.test(folded(column));

/** Secrets that the host presents to somebody else, and so must be able to read: a hash would not do. */
export function isPresented(table: string, column: string): boolean {
  if (
    /(private_?key|signing|encryption|master|hmac|totp|otp|mfa|webhook|bind|smtp|db_|client_secret|shared)/.test(
      folded(column),
    )
  )
    return true;
  return /(webhook|ldap|erp|integration|data_source|connection|provider|smtp|oauth_client|configuration|branding)/.test(
    folded(table),
  );
}

const keyTables =
  /(^|_)((api|access|service|signing|encryption|ssh|deploy|machine)_?keys?|(api|access|personal_access|service)_tokens?|api_credentials)$|^(keys|tokens)$/;
const sessionTables = /(^|_)(sessions?|refresh_tokens?|remember_tokens?)$/;
const invitationTables =
  /(^|_)(invitations?|invites?|password_resets?|(password_)?reset_tokens?|(email_)?verification_tokens?|email_verifications?|magic_links?|one_time_(codes?|passwords?|tokens?)|otps?)$/;
const auditTables =
  /(^|_)audits?(_?(logs?|events?|trails?|entr(y|ies)|records?|history))?$|(^|_)(access|activity|security|login|verification|admin)_?(logs?|events?|trails?|history)$/;
const logTables = /(^|_)(logs?|events?|metrics|history|telemetry|journal|deliveries|trail)$/;
const peopleTables = /(^|_)(users?|people|persons?|accounts?|members?|employees?|staff)$/;
const organizationTables = [
  /^(organi[sz]ations?|orgs?)$/,
  /^tenants?$/,
  /^(enterprise|business|customer)_?accounts?$/,
  /^(companies|company)$/,
  /^workspaces?$/,
  /^accounts?$/,
];

export type TableClass = 'keys' | 'sessions' | 'invitations' | 'audit' | 'log' | 'people' | 'other';

/** Whether rows of a table let somebody in, record what was done, or are the people themselves. */
export function tableClassOf(table: string, columns: string[]): TableClass {
  const name = folded(table);
  const has = (pattern: RegExp) => columns.some((column) => pattern.test(folded(column)));
  if (keyTables.test(name)) return 'keys';
  if (invitationTables.test(name)) return 'invitations';
  // Training sessions and chat sessions let nobody in.
  if (sessionTables.test(name) && has(/token|secret|user_agent|ip_address|^ip$/)) return 'sessions';
  if (auditTables.test(name)) return 'audit';
  if (logTables.test(name)) return 'log';
  if (peopleTables.test(name) && has(emailColumn)) return 'people';
  return 'other';
}

const emailColumn = /^(e_?mail|email_address|e_?mail_normalized)$/;
export const isEmail = (column: string) => emailColumn.test(folded(column));

export const isExpiry = (column: string) =>
  /(^|_)(expir(es|y|ed|ation)(_(at|on|date|time))?|valid_(until|to|till)|not_after|ttl(_seconds)?|lifetime|deadline)$/.test(
    folded(column),
  );
export const isLineage = (column: string) =>
  /(rotated_from|rotated_to|replaces|replaced_by|supersede[sd](_by)?|superseded_by|previous_(key|version|id)|parent_(key|id)|predecessor|successor|rotation_of|lineage|generation)/.test(
    folded(column),
  );
export const isRevocation = (column: string) =>
  /(^|_)(revoked|disabled|deactivated|suspended|deleted|ended|terminated|invalidated|blocked)_(at|on|time|date|until)$|^revocation_(date|time)$/.test(
    folded(column),
  );
export const isStatus = (column: string) => /(^|_)(status|state|role)$/.test(folded(column));
export const isOrganizationReference = (column: string) =>
  /^(organi[sz]ation|org|tenant|company|workspace|enterprise)_?(id|uuid)$/.test(folded(column));

/** The table of the organizations themselves; the likeliest name first. */
export function organizationTableOf(tables: { name: string; class: TableClass }[]): string | null {
  for (const pattern of organizationTables) {
    const found = tables.find((table) => table.class !== 'people' && pattern.test(folded(table.name)));
    if (found) return found.name;
  }
  return null;
}

function wordsOf(name: string): string[] {
  return folded(name).split('_').filter(Boolean);
}

/** `apiKey`, `API-Key` and `api_key` are one name. */
function folded(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}
