import { quoteName } from '../../quoting.ts';
import type { Check, Found, Severity } from './finding.ts';
import { secretColumns } from './secret-columns.ts';
import { type Role, rowsOf, type Subject, type Table } from './subject.ts';

const powerfulOwner: Check = {
  id: 'powerful-owner',
  title: 'The tables belong to a login that may do everything',
  why: 'An application that logs in as the owner of its tables brings these rights along: who breaks into it reads past every policy, makes logins and reads the server’s files.',
  inSchema: true,
  look(subject) {
    const owners = Map.groupBy(subject.tables, ({ owner }) => owner);
    return [...owners].flatMap(([owner, tables]): Found[] => {
      const role = subject.roles.get(owner);
      if (!role?.canLogIn || powersOf(role).length === 0) return [];
      return [
        {
          // A database is made by its superuser; that is no sign that an application logs in as it.
          severity: role.isBootstrap ? 'medium' : 'high',
          place: owner,
          detail: `${powersOf(role).join(', ')}; owns ${tables.length === 1 ? tables[0]!.name : `${tables.length} tables`}`,
          apply: 'application-first',
          first: role.isBootstrap
            ? 'The application must log in as a role with rights on the tables, and migrations as their new owner.'
            : 'Whatever makes logins or reads past policies as this role must do so as another.',
          steps: [role.isBootstrap ? newOwner(subject, owner) : [`ALTER ROLE ${quoteName(owner)} ${revoked(role)}`]],
        },
      ];
    });
  },
};

function powersOf(role: Role): string[] {
  return [
    ...(role.isSuperuser ? ['SUPERUSER'] : []),
    ...(role.bypassesRowSecurity && !role.isSuperuser ? ['BYPASSRLS'] : []),
    ...(role.createsRoles && !role.isSuperuser ? ['CREATEROLE'] : []),
  ];
}

function revoked(role: Role): string {
  return [
    ...(role.isSuperuser ? ['NOSUPERUSER'] : []),
    ...(role.bypassesRowSecurity ? ['NOBYPASSRLS'] : []),
    ...(role.createsRoles ? ['NOCREATEROLE'] : []),
  ].join(' ');
}

/** Not REASSIGN OWNED, which would take the database along. */
function newOwner({ schema, relations }: Subject, owner: string): string[] {
  const role = quoteName(`${schema}_owner`);
  return [
    `DO $$ BEGIN CREATE ROLE ${role} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    `ALTER SCHEMA ${quoteName(schema)} OWNER TO ${role}`,
    ...relations.filter((table) => table.owner === owner).map(({ sql }) => `ALTER TABLE ${sql} OWNER TO ${role}`),
  ];
}

const publicRights: Check = {
  id: 'public-rights',
  title: 'Everybody who can log in has rights on a table',
  why: 'PUBLIC is every login there is and every one that will be made, for whatever purpose.',
  inSchema: true,
  async look(subject) {
    const secrets = new Set((await secretColumns(subject)).map(({ table }) => table.name));
    return subject.relations.flatMap((table): Found[] => {
      const rights = table.grants.filter(({ grantee }) => grantee === 'PUBLIC').map(({ privilege }) => privilege);
      if (rights.length === 0) return [];
      return [
        {
          severity: severityOf(subject, table, rights, secrets),
          place: table.name,
          detail: `PUBLIC: ${rights.join(', ')}${subject.isOpen ? '' : '; it counts for those who may use the schema'}`,
          apply: 'application-first',
          first: 'Roles that have these rights by way of PUBLIC alone need them by name.',
          steps: [[`REVOKE ALL ON ${table.sql} FROM PUBLIC`]],
        },
      ];
    });
  },
};

function severityOf({ isOpen }: Subject, table: Table, rights: string[], secrets: Set<string>): Severity {
  const isGrave = secrets.has(table.name) || table.class === 'people' || rights.some((right) => right !== 'SELECT');
  if (isGrave) return isOpen ? 'high' : 'medium';
  return isOpen ? 'medium' : 'low';
}

const openSchema: Check = {
  id: 'open-schema',
  title: 'Everybody who can log in may create objects in a schema',
  why: 'Who creates a function or an operator where others’ queries look for names has their queries run it, with their rights (CVE-2018-1058).',
  inSchema: false,
  async look({ client, schema }) {
    const schemas = await rowsOf<{ name: string; strangers: string[] }>(
      client,
      `SELECT n.nspname AS name, (SELECT coalesce(jsonb_agg(DISTINCT pg_get_userbyid(o.owner)), '[]')
           FROM (SELECT relowner AS owner FROM pg_class WHERE relnamespace = n.oid UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = n.oid) o
           JOIN pg_roles r ON r.oid = o.owner WHERE o.owner <> n.nspowner AND NOT r.rolsuper) AS strangers
       FROM pg_namespace n WHERE n.nspname IN ('public', $1)
         AND EXISTS (SELECT FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE') ORDER BY 1`,
      [schema],
    );
    return schemas.map(
      ({ name, strangers }): Found => ({
        severity: 'high',
        place: name,
        detail: `PUBLIC: CREATE${strangers.length > 0 ? `; ${strangers.join(', ')} made use of it` : ''}`,
        ...(strangers.length > 0
          ? {
              apply: 'application-first',
              first: `${strangers.join(', ')} must be granted CREATE by name, if they are to go on making objects there.`,
            }
          : { apply: 'online' }),
        steps: [[`REVOKE CREATE ON SCHEMA ${quoteName(name)} FROM PUBLIC`]],
      }),
    );
  },
};

interface DefinerFunction {
  place: string;
  sql: string;
  schema: string;
  fixed: boolean;
  isTrigger: boolean;
  everybody: boolean;
  owner: string;
}

function definerFunctions({ client, schema }: Subject): Promise<DefinerFunction[]> {
  return rowsOf(
    client,
    `SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS place, format('%s %I.%I(%s)', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS sql,
       n.nspname AS schema, EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c ~ '^search_path=') AS fixed, p.prorettype = 'trigger'::REGTYPE AS "isTrigger",
       pg_get_userbyid(p.proowner) AS owner, (SELECT bool_or(a.grantee = 0) FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a) IS TRUE
         AND (SELECT bool_or(a.grantee = 0 AND a.privilege_type = 'USAGE') FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a) IS TRUE AS everybody
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prosecdef AND n.nspname = $1 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::REGCLASS AND d.objid = p.oid AND d.deptype = 'e')
     ORDER BY 1`,
    [schema],
  );
}

const definerSearchPath: Check = {
  id: 'definer-search-path',
  title: 'A SECURITY DEFINER function looks names up where its caller says',
  why: 'The caller’s search_path decides which table or function its body means: a caller puts their own first, and it runs with the owner’s rights.',
  inSchema: true,
  async look(subject) {
    const functions = (await definerFunctions(subject)).filter(({ fixed }) => !fixed);
    return functions.map(
      ({ place, sql, schema, owner }): Found => ({
        severity: 'high',
        place,
        detail: `runs as ${owner}, with no search_path of its own`,
        ...(subject.otherSchemas.length > 0
          ? {
              apply: 'application-first',
              first: `What its body names of other schemas (${subject.otherSchemas.join(', ')}) must be named with its schema.`,
            }
          : { apply: 'online' }),
        // pg_temp last: it is searched first where it is not named.
        steps: [[`ALTER ${sql} SET search_path = pg_catalog, ${quoteName(schema)}, pg_temp`]],
      }),
    );
  },
};

const definerForAll: Check = {
  id: 'definer-for-all',
  title: 'Everybody may call a SECURITY DEFINER function',
  why: 'It does with its owner’s rights what its caller may not. PostgreSQL lets PUBLIC call every new function unless somebody takes that back.',
  inSchema: true,
  async look(subject) {
    const functions = (await definerFunctions(subject)).filter(({ everybody, isTrigger }) => everybody && !isTrigger);
    return functions.map(
      ({ place, sql, owner }): Found => ({
        severity: 'medium',
        place,
        detail: `runs as ${owner}; PUBLIC: EXECUTE`,
        apply: 'application-first',
        first: 'Grant EXECUTE by name to the roles that call it.',
        steps: [[`REVOKE EXECUTE ON ${sql} FROM PUBLIC`]],
      }),
    );
  },
};

export const rightsChecks = [powerfulOwner, publicRights, openSchema, definerSearchPath, definerForAll];
