import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { LatchkeyError } from '../../../contract/errors.ts';
import type { Report } from '../../../verifier/verify.mjs';
import { packageFile } from '../../package-files.ts';

export type { Report } from '../../../verifier/verify.mjs';
export { keysIn, reportText } from '../../../verifier/verify.mjs';

/** What was hashed is soon of no use: collected early, a million entries take less memory and no more time. */
const maxYoungGenerationSizeMb = 8;

/** A bundle may be large: it is read and hashed beside whatever else this process does. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
(async () => {
  const { fileSource, verify } = await import(workerData.verifier);
  const source = await fileSource(workerData.file);
  try {
    parentPort.postMessage({ report: await verify(source, workerData.options) });
  } finally {
    await source.close();
  }
})().catch((error) => parentPort.postMessage({ error: error.message }));
`;

/**
 * Verifies a bundle by the very program that bundles hold. Needs no device and no login.
 * @param options `trust`: verifier keys; `checkpoint`: the text of a checkpoint that the auditor holds
 * @throws LatchkeyError `invalid-input` for a file that cannot be read, a key that is none, a checkpoint that is none
 */
export async function verifyBundle(
  file: string,
  options: { trust: string[]; checkpoint: string | null },
): Promise<Report> {
  const verifier = pathToFileURL(packageFile('src-main/verifier/verify.mjs')).href;
  const worker = new Worker(program, {
    eval: true,
    workerData: { verifier, file, options },
    name: 'latchkey-verify',
    resourceLimits: { maxYoungGenerationSizeMb },
  });
  const answer = await new Promise<{ report: Report } | { error: string }>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error: Error) => resolve({ error: error.message }));
  });
  await worker.terminate();
  if ('report' in answer) return answer.report;
  throw new LatchkeyError('invalid-input', `${file} was not verified: ${answer.error}`);
}
