import type pg from 'pg';

/**
 * A schema's catalogue as sorted lines of text: two schemas are the same where these are. Names stand in place of
 * object ids, and columns carry no position, since one that was dropped and added again comes last. Rights that nobody
 * gave stand as what they mean: PostgreSQL writes them out once something was granted, and keeps them after it is revoked.
 */
export async function describeSchema(client: pg.Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `WITH relation AS (
       SELECT c.oid::REGCLASS::TEXT AS name, c.* FROM pg_class AS c WHERE c.relnamespace = to_regnamespace($1)
     )
     SELECT concat_ws(' ', 'relation', name, relkind, relrowsecurity, relforcerowsecurity, pg_get_partkeydef(oid),
              pg_get_expr(relpartbound, oid), obj_description(oid, 'pg_class')) AS line FROM relation
     UNION ALL
     SELECT concat_ws(' ', 'right', name, grant_.grantee::REGROLE, grant_.privilege_type)
       FROM relation
       CROSS JOIN LATERAL aclexplode(COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) AS grant_
       WHERE relkind IN ('r', 'p', 'S')
     UNION ALL
     SELECT concat_ws(' ', 'column', name, attname, format_type(atttypid, atttypmod), attnotnull,
              pg_get_expr(adbin, adrelid), attacl, col_description(relation.oid, attnum))
       FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
       LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
       WHERE relkind IN ('r', 'p')
     UNION ALL
     SELECT concat_ws(' ', 'constraint', conrelid::REGCLASS, conname, convalidated, pg_get_constraintdef(oid))
       FROM pg_constraint WHERE connamespace = to_regnamespace($1)
     UNION ALL
     SELECT concat_ws(' ', 'index', pg_get_indexdef(oid)) FROM relation WHERE relkind IN ('i', 'I')
     UNION ALL
     SELECT concat_ws(' ', 'trigger', tgenabled, pg_get_triggerdef(pg_trigger.oid))
       FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
     UNION ALL
     SELECT concat_ws(' ', 'function', pg_get_functiondef(oid), COALESCE(proacl, acldefault('f', proowner)),
              obj_description(oid, 'pg_proc'))
       FROM pg_proc WHERE pronamespace = to_regnamespace($1)
     UNION ALL
     SELECT concat_ws(' ', 'policy', tablename, policyname, permissive, roles, cmd, qual, with_check)
       FROM pg_policies WHERE schemaname = $1
     UNION ALL
     SELECT concat_ws(' ', 'schema', nspname, COALESCE(nspacl, acldefault('n', nspowner)), obj_description(oid, 'pg_namespace'))
       FROM pg_namespace WHERE nspname = $1
     ORDER BY line`,
    [schema],
  );
  return rows.map((row) => row.line);
}
