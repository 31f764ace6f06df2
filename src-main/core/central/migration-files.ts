import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LatchkeyError } from '../../contract/errors.ts';
import { packageFile } from '../package-files.ts';
import { systemNamed } from '../systems/index.ts';

/** One numbered step of a set: how to take it and how to take it back. */
export interface Migration {
  version: number;
  name: string;
  up: string;
  down: string;
  /** SHA-256 of the way up. */
  checksum: string;
}

/** The steps of a system, or of Latchkey's own part at central. */
export interface MigrationSet {
  name: string;
  /** Where its tables live, and the record of what was applied. */
  schema: string;
  /** In order, numbered from 1 without a gap. */
  migrations: Migration[];
}

/** @throws LatchkeyError `unknown-system` */
export function migrationSet(name: string): MigrationSet {
  const schema = name === 'latchkey' ? 'latchkey' : systemNamed(name).schema;
  return { name, schema, migrations: readMigrations(packageFile(join('migrations', 'central', name))) };
}

export function readMigrations(folder: string): Migration[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.up.sql'));
  return files.sort().map((file, index) => {
    const [, number, name] = /^(\d{4})_([a-z0-9_]+)\.up\.sql$/.exec(file) ?? [];
    if (Number(number) !== index + 1 || name === undefined)
      throw new LatchkeyError(
        'internal',
        `The migration file ${file} is out of order: expected ${String(index + 1).padStart(4, '0')}_name.up.sql.`,
      );
    const up = readText(join(folder, file));
    const down = readText(join(folder, file.replace(/\.up\.sql$/, '.down.sql')));
    return { version: index + 1, name, up, down, checksum: createHash('sha256').update(up).digest('hex') };
  });
}

/** With line ends as they were written, whatever a checkout on Windows made of them. */
function readText(path: string): string {
  return readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
}
