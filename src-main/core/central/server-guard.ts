import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Waits for a word on its standard input. When the input ends without one, the process at its other end is gone, be it by
 * SIGKILL: then it shuts the server down, if that process id is still this cluster's server, and removes what the caller named.
 */
const script = `
  trap '' INT TERM HUP
  read -r word && exit 0
  pid=$1 cluster=$2
  shift 2
  command=$(tr '\\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" || ps -o args= -p "$pid" 2>/dev/null)
  case "$command" in *"$cluster"*) kill -INT "$pid" ;; esac
  tries=0
  while [ -e "$cluster/postmaster.pid" ] && [ $tries -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
  for folder in "$@"; do rm -rf "$folder"; done
`;

/** Sees to it that a server does not outlive this process. Windows has no shell for it; there only an orderly end stops the server. */
export function guard(server: { pid: number; cluster: string; remove: string[] }): { dismiss(): void } {
  if (process.platform === 'win32') return { dismiss() {} };
  const child = spawn('/bin/sh', ['-c', script, 'guard', String(server.pid), server.cluster, ...server.remove], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    detached: true,
  });
  child.on('error', () => {});
  child.unref();
  const input = child.stdin;
  input?.on('error', () => {});
  if (input instanceof Socket) input.unref();
  return {
    dismiss() {
      input?.end('dismissed\n');
    },
  };
}
