import { quoteName } from '../../quoting.ts';
import { derivedName } from '../derived-name.ts';
import { granteeSql } from './audit-trail.ts';
import type { Check, Found } from './finding.ts';
import { columnNamed, granteesOf, type Policy, rowsOf, type Subject, type Table, tableNamed } from './subject.ts';

/** How a transaction tells for whom it works, where the host has no way of its own yet. */
const setting = 'app.organization_id';

/** Tables whose rows each belong to one organization. */
function tenantTables({ tables, tenancy }: Subject): Table[] {
  return tables.filter(({ name }) => {
    const of = tenancy.get(name);
    return of !== undefined && of.class !== 'shared';
  });
}

/** Several organizations share the schema where some table refers to them. */
function isShared({ tenancy }: Subject): boolean {
  return [...tenancy.values()].some((of) => of.class === 'organization');
}

const rowSecurityOff: Check = {
  id: 'row-security-off',
  title: 'Nothing but the application keeps organizations apart',
  why: 'One query that forgets its WHERE, or one injected into it, shows every organization’s rows to whoever asked.',
  inSchema: true,
  look(subject) {
    if (!isShared(subject)) return [];
    const others = subject.tables.some(({ rowSecurity }) => rowSecurity);
    return tenantTables(subject)
      .filter(({ rowSecurity }) => !rowSecurity)
      .map((table): Found => {
        const grantees = granteesOf(table);
        return {
          severity: others || grantees.length > 0 ? 'high' : 'medium',
          place: table.name,
          detail: `row-level security is off${others ? ', which other tables have' : ''}${grantees.length > 0 ? `; readable by ${grantees.join(', ')}` : ''}`,
          apply: 'application-first',
          first: firstForPolicies(subject, table),
          steps: [
            [
              ...(policyOf(table) ? [] : [createPolicy(subject, table)]),
              // Devices read as latchkey_owner, and would see an empty table.
              ...(subject.hasLatchkey && !table.policies.some(({ name }) => name === 'latchkey')
                ? [`CREATE POLICY latchkey ON ${table.sql} TO latchkey_owner USING (TRUE) WITH CHECK (TRUE)`]
                : []),
              `ALTER TABLE ${table.sql} ENABLE ROW LEVEL SECURITY`,
            ],
          ],
        };
      });
  },
};

function firstForPolicies(subject: Subject, table: Table): string {
  const words = currentOrganization(subject).isOwn
    ? 'The application must say for whom it works in every transaction, as it does for the other tables'
    : `The application must run SELECT set_config('${setting}', the organization’s id, TRUE) in every transaction`;
  const owner = subject.roles.get(table.owner);
  return `${words}${owner?.canLogIn ? `, and log in as somebody else than ${table.owner}, whom no policy binds` : ''}.`;
}

const policyOf = (table: Table): Policy | undefined =>
  table.policies.find(({ name, isPermissive }) => isPermissive && name !== 'latchkey');

function createPolicy(subject: Subject, table: Table): string {
  return `CREATE POLICY own_organization ON ${table.sql} USING (${belongs(subject, table)})`;
}

/** A condition on a row of the table: that it belongs to the organization that the session works for. */
function belongs(subject: Subject, table: Table, alias = '', depth = 0): string {
  const of = subject.tenancy.get(table.name);
  const name = (column: string) => `${alias}${quoteName(column)}`;
  const { expression } = currentOrganization(subject);
  if (of?.class === 'root') return `${name(subject.system?.organization?.id ?? table.key[0]!)} = ${expression}`;
  if (of?.class === 'organization') return `${name(of.column)} = ${expression}`;
  const parent = of?.class === 'path' ? tableNamed(subject, of.parent) : null;
  if (of?.class !== 'path' || !parent) return 'FALSE';
  const row = `t${depth}`;
  return `${name(of.column)} IN (SELECT ${row}.${quoteName(of.parentKey)} FROM ${parent.sql} AS ${row} WHERE ${belongs(subject, parent, `${row}.`, depth + 1)})`;
}

/** The way in which the host's own policies ask for the organization; else a setting. In a sub-select it is read once a query. */
function currentOrganization(subject: Subject): { expression: string; isOwn: boolean } {
  for (const { policies } of subject.tables)
    for (const { using, name } of policies) {
      const own =
        name === 'latchkey'
          ? null
          : /^\(\(?"?\w+"?\)?(?:::\w+)? = (\( ?SELECT .*\)|[\w.]+\(.*\))\)$/s.exec(using ?? '')?.[1];
      if (own && !/\bFROM\b/i.test(own)) return { expression: own, isOwn: true };
    }
  const type = subject.organization?.columns.find(({ name }) => name === subject.organization?.key[0])?.type ?? 'text';
  return { expression: `(SELECT NULLIF(current_setting('${setting}', TRUE), '')::${type})`, isOwn: false };
}

const policyAdmitsAll: Check = {
  id: 'policy-admits-all',
  title: 'A policy lets everybody see every organization',
  why: 'Policies that permit are joined by OR: one that is always true undoes all the others of its table.',
  inSchema: true,
  look: (subject) =>
    tenantTables(subject).flatMap((table) =>
      table.policies
        .filter(
          ({ isPermissive, using, withCheck, command, roles }) =>
            isPermissive &&
            !(roles.length === 1 && roles[0] === 'latchkey_owner') &&
            (command === 'insert' ? isTrue(withCheck) : isTrue(using) || isTrue(withCheck)),
        )
        .map((policy): Found => {
          const open = policy.roles.some((role) => role === 'PUBLIC' || subject.roles.get(role)?.canLogIn);
          const condition = belongs(subject, table);
          const clauses = [
            ...(policy.command === 'insert' ? [] : [`USING (${condition})`]),
            ...(policy.command === 'insert' || isTrue(policy.withCheck) ? [`WITH CHECK (${condition})`] : []),
          ];
          return {
            severity: open ? 'high' : 'medium',
            place: `${table.name}.${policy.name}`,
            detail: `for ${policy.command} by ${policy.roles.join(', ')}: TRUE`,
            apply: 'application-first',
            first: firstForPolicies(subject, table),
            steps: [[`ALTER POLICY ${quoteName(policy.name)} ON ${table.sql} ${clauses.join(' ')}`]],
          };
        }),
    ),
};

const isTrue = (expression: string | null) => expression === 'true' || expression === '(1 = 1)';

const ownerIsUnbound: Check = {
  id: 'owner-is-unbound',
  title: 'Whoever logs in as the owner is bound by no policy',
  why: 'Row-level security does not hold for a table’s owner unless it is forced: an application that logs in as the owner has none.',
  inSchema: true,
  look(subject) {
    const concerned = tenantTables(subject).filter(({ rowSecurity, forcesRowSecurity, owner }) => {
      const role = subject.roles.get(owner);
      return (
        rowSecurity && !forcesRowSecurity && role?.canLogIn === true && !role.isSuperuser && !role.bypassesRowSecurity
      );
    });
    return concerned.map(
      (table): Found => ({
        severity: 'medium',
        place: table.name,
        detail: `${table.owner} owns it and may log in`,
        apply: 'application-first',
        first: `Where the application logs in as ${table.owner}, let it say for whom it works first. Dumps and migrations of ${table.owner} see no rows from then on: run them with row_security off as a role that may bypass it.`,
        steps: [[`ALTER TABLE ${table.sql} FORCE ROW LEVEL SECURITY`]],
      }),
    );
  },
};

const partitionBypass: Check = {
  id: 'partition-bypasses-row-security',
  title: 'A partition is a way around a policy',
  why: 'Policies hold for the table that is named in a query. Who has rights on a partition reads all organizations there.',
  inSchema: true,
  look({ relations }) {
    const rootOf = (table: Table): Table => {
      const parent = relations.find(({ name }) => name === table.partitionOf);
      return parent ? rootOf(parent) : table;
    };
    return relations
      .filter(
        (table) =>
          table.partitionOf !== null && !table.rowSecurity && table.grants.length > 0 && rootOf(table).rowSecurity,
      )
      .map(
        (table): Found => ({
          severity: 'high',
          place: table.name,
          detail: `readable by ${granteesOf(table).join(', ')}, without the policies of ${rootOf(table).name}`,
          apply: 'application-first',
          first: `Queries must name ${rootOf(table).name}.`,
          steps: [granteesOf(table).map((grantee) => `REVOKE ALL ON ${table.sql} FROM ${granteeSql(grantee)}`)],
        }),
      );
  },
};

const viewBypass: Check = {
  id: 'view-bypasses-row-security',
  title: 'A view is a way around a policy',
  why: 'A view reads with its owner’s rights, so that policies hold for the owner and not for whoever asks: organizations see each other through it.',
  inSchema: false,
  async look(subject) {
    const protectedTables = tenantTables(subject).filter(({ rowSecurity }) => rowSecurity);
    if (protectedTables.length === 0) return [];
    const views = await rowsOf<{ view: string; place: string; tables: string[]; grantees: string[] }>(
      subject.client,
      `SELECT format('%I.%I', n.nspname, v.relname) AS view, CASE WHEN n.nspname = $2 THEN v.relname ELSE n.nspname || '.' || v.relname END AS place,
         (SELECT jsonb_agg(DISTINCT t.relname ORDER BY t.relname) FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid WHERE d.classid = 'pg_rewrite'::REGCLASS AND d.objid = r.oid
           AND d.refclassid = 'pg_class'::REGCLASS AND d.refobjid = ANY ($1::OID[]) AND NOT (o.oid = t.relowner AND t.relforcerowsecurity AND NOT o.rolsuper)
           AND (o.rolsuper OR o.rolbypassrls OR pg_has_role(o.oid, t.relowner, 'USAGE'))) AS tables,
         (SELECT jsonb_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END)
           FROM aclexplode(v.relacl) a WHERE a.grantee <> v.relowner AND a.privilege_type = 'SELECT') AS grantees
       FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' JOIN pg_namespace n ON n.oid = v.relnamespace JOIN pg_roles o ON o.oid = v.relowner
       WHERE n.nspname !~ '^latchkey' AND NOT EXISTS (SELECT FROM unnest(v.reloptions) x WHERE x ~* '^security_invoker=(true|on|1|yes)$')`,
      [protectedTables.map(({ oid }) => oid), subject.schema],
    );
    return views
      .filter(({ tables, grantees }) => tables !== null && grantees !== null)
      .map(
        ({ view, place, tables, grantees }): Found => ({
          severity: 'high',
          place,
          detail: `${grantees.join(', ')} may read ${tables.join(', ')} through it`,
          apply: subject.version >= 150000 ? 'application-first' : 'by-hand',
          first: `Those who read it need rights on ${tables.join(', ')} themselves.`,
          steps: subject.version >= 150000 ? [[`ALTER VIEW ${view} SET (security_invoker = TRUE)`]] : [],
        }),
      );
  },
};

const untenantedTable: Check = {
  id: 'untenanted-table',
  title: 'Rows about people belong to no organization',
  why: 'What has neither an organization nor a reference that leads to one can be kept apart by no policy, exported by no organization and erased for none.',
  inSchema: true,
  look(subject) {
    const { organization, tenancy } = subject;
    if (!isShared(subject) || organization?.key.length !== 1) return [];
    return subject.tables
      .filter(
        (table) =>
          !tenancy.has(table.name) &&
          !table.references.some(({ table: parent }) => subject.unread.includes(parent)) &&
          (table.class !== 'other' ||
            table.columns.some(({ name }) => /^(user_id|email|ip_address|person_id)$/i.test(name))),
      )
      .map((table): Found => {
        const key = organization.key[0]!;
        const constraint = quoteName(derivedName(table.name, '_organization_id_fkey'));
        const type = columnNamed(organization, key)!.type;
        return {
          severity: 'low',
          place: table.name,
          detail: `no column and no reference leads to ${organization.name}`,
          apply: 'application-first',
          first: 'The application must write the organization, and the rows that are there must be given theirs.',
          steps: [
            [
              `ALTER TABLE ${table.sql} ADD COLUMN "organization_id" ${type}`,
              `ALTER TABLE ${table.sql} ADD CONSTRAINT ${constraint} FOREIGN KEY ("organization_id") REFERENCES ${organization.sql} (${quoteName(key)})${table.isPartitioned && subject.version < 180000 ? '' : ' NOT VALID'}`,
            ],
            ...(table.isPartitioned && subject.version < 180000
              ? []
              : [[`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${constraint}`]]),
            [
              `CREATE INDEX ${table.isPartitioned ? '' : 'CONCURRENTLY '}${quoteName(derivedName(table.name, '_organization_id_idx'))} ON ${table.sql} ("organization_id")`,
            ],
          ],
        };
      });
  },
};

export const isolationChecks = [
  rowSecurityOff,
  policyAdmitsAll,
  ownerIsUnbound,
  partitionBypass,
  viewBypass,
  untenantedTable,
];
