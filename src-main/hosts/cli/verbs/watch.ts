import { once } from 'node:events';
import type { Status } from '../../../contract/device.ts';
import { dataFolderOf, unlock } from '../device.ts';
import { moment } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import type { Values } from '../verb.ts';

/** Syncs in the background, or watches the process that does, until it is stopped; answers how it stood at the end. */
export async function watch(values: Values, terminal: Terminal): Promise<Status> {
  const core = await terminal.openDevice(dataFolderOf(values, terminal), { background: true });
  let last = '';
  const show = (status: Status) => {
    const line = terminal.json ? JSON.stringify(status) : summary(status);
    if (line !== last) terminal.out(line);
    last = line;
  };
  const unsubscribe = core.subscribe((event) => {
    if (event.type === 'status') show(event.status);
  });
  try {
    await unlock(core, values, terminal);
    show(await core.call('status.get', {}));
    const stopped = terminal.stopped();
    if (!stopped.aborted) await once(stopped, 'abort');
    return await core.call('status.get', {});
  } finally {
    unsubscribe();
    await core.close();
  }
}

function summary(status: Status): string {
  const { mode, pending, conflicts, progress, problem } = status;
  const detail = progress ? `, ${progress.step} (${progress.rows} rows)` : problem ? `, ${problem.message}` : '';
  return `${moment(new Date().toISOString())}  ${mode}, ${pending} pending, ${conflicts} conflicts${detail}`;
}
