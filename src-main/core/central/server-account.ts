import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { LatchkeyError } from '../../contract/errors.ts';

/** Whom the server runs as. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/**
 * PostgreSQL refuses to run as root. Started by root it runs as `postgres`, made here as a system account where it is
 * missing, or as `nobody` where accounts cannot be made. An ordinary user runs it as themselves: null.
 */
export function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  const account = accountNamed('postgres') ?? createdAccount('postgres') ?? accountNamed('nobody');
  if (account) return account;
  throw new LatchkeyError(
    'folder-unusable',
    'PostgreSQL does not run as root, and no other account could be found or made for it. Nothing was changed. Run this as an ordinary user, or create a system account called “postgres”.',
  );
}

function accountNamed(name: string): Account | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (!line) return null;
  const [, , uid, gid] = line.split(':').map(Number);
  return uid && gid !== undefined ? { name, uid, gid } : null;
}

/** `useradd` is Debian's and Red Hat's, `adduser -S` is Busybox's. */
function createdAccount(name: string): Account | null {
  const attempts: [string, string[]][] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name]],
    ['adduser', ['-S', '-D', '-H', name]],
  ];
  for (const [program, args] of attempts) {
    try {
      execFileSync(program, args, { stdio: 'ignore' });
    } catch {
      // Missing, or lost a race with another process that made the same account: what counts is whether it is there.
    }
    const account = accountNamed(name);
    if (account) return account;
  }
  return null;
}
