import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { openDevice } from './open-device.ts';
import type { Terminal } from './terminal.ts';

export function processTerminal(): Terminal {
  let stop: AbortController | undefined;
  return {
    env: process.env,
    out: (line) => process.stdout.write(`${line}\n`),
    say: (line) => process.stderr.write(`${line}\n`),
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    askSecret: (question) => askSecret(question),
    stopped() {
      stop ??= untilTheEnd();
      return stop.signal;
    },
    openDevice,
    json: false,
  };
}

/** Every other verb ends at once when it is told to, as programs do. */
function untilTheEnd(): AbortController {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  process.once('disconnect', () => stop.abort());
  // Listening alone must not keep this process alive.
  process.channel?.unref();
  return stop;
}

function askSecret(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  return new Promise((answered) => {
    let answer = '';
    lines.once('line', (line) => {
      answer = line;
      lines.close();
    });
    lines.once('SIGINT', () => {
      lines.close();
      process.stderr.write('\n');
      process.exit(130);
    });
    lines.once('close', () => {
      process.stderr.write('\n');
      answered(answer);
    });
  });
}
