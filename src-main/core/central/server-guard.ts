import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Learns on its standard input which process to mind. When the input ends without a dismissal, whoever started it is gone, be it by
 * SIGKILL: then it interrupts that process, if it is still one of this cluster's and no other that got the same id, and removes what
 * it was told to.
 */
const script = `
  trap '' INT TERM HUP
  cluster=$1 pid=0
  shift
  while read -r word; do
    case "$word" in dismissed) exit 0 ;; *) pid=$word ;; esac
  done
  runs() {
    command=$(tr '\\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" || ps -o args= -p "$pid" 2>/dev/null)
    case "$command" in *"$cluster"*) return 0 ;; *) return 1 ;; esac
  }
  runs && kill -INT "$pid"
  tries=0
  while runs && [ $tries -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
  for folder in "$@"; do rm -rf "$folder"; done
`;

export interface Guard {
  /** The process that must not outlive this one; in place of an earlier one. */
  mind(pid: number): void;
  dismiss(): void;
}

/** Windows has no shell for it; there only an orderly end stops the server. */
export function startGuard(cluster: string, remove: string[]): Guard {
  if (process.platform === 'win32') return { mind() {}, dismiss() {} };
  const child = spawn('/bin/sh', ['-c', script, 'guard', cluster, ...remove], {
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
    mind: (pid) => void input?.write(`${pid}\n`),
    dismiss: () => void input?.end('dismissed\n'),
  };
}
