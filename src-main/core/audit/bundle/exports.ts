import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { LatchkeyError } from '../../../contract/errors.ts';
import type { Output, Request } from '../../../contract/index.ts';
import type { Actor } from '../../command/actor.ts';
import type { ReadContext } from '../../handlers.ts';
import { openMirror } from '../../mirror/open.ts';
import { ReadableMirror } from '../../mirror/readable.ts';
import { exportBundle } from './export.ts';
import { filterOf, mirrorSource } from './mirror-source.ts';

const partBytes = 1_048_576;

/** Bundles that were made and not yet fetched. They hold names in the clear, so none outlives the unlocked device. */
export class BundleExports {
  private readonly folder: string;
  private readonly made = new Map<string, string>();
  private stopping = new AbortController();

  constructor(dataFolder: string) {
    this.folder = join(dataFolder, 'exports');
    this.clear();
  }

  /** @throws LatchkeyError `invalid-input` for a range that is not in the log, `cancelled` when the device is locked meanwhile */
  async make(
    dataFolder: string,
    databaseKey: Buffer,
    actor: Actor,
    context: ReadContext,
    request: Request<'audit.export'>,
    record: (request: string) => Promise<number>,
  ): Promise<Output<'audit.export'>> {
    const { first, last, ...asked } = request;
    const filter = filterOf(context, asked);
    const database = openMirror(dataFolder, databaseKey, 'read');
    const { signal } = this.stopping;
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      const source = mirrorSource(new ReadableMirror(database), actor, record);
      const id = randomUUID();
      const path = join(this.folder, `${id}.lkx.zip`);
      const range =
        first === undefined && last === undefined
          ? undefined
          : { first: first ?? 0, last: last ?? source.central?.size ?? 0 };
      const { file: _file, ...summary } = await exportBundle(source, path, { filter, range, signal });
      if (signal.aborted) rmSync(path, { force: true });
      else this.made.set(id, path);
      return { export: id, ...summary };
    } finally {
      database.close();
    }
  }

  async part({ export: id, offset }: Request<'audit.export-part'>): Promise<Output<'audit.export-part'>> {
    const file = await open(this.pathOf(id), 'r');
    try {
      const { size } = await file.stat();
      const data = Buffer.alloc(Math.max(0, Math.min(partBytes, size - offset)));
      await file.read(data, 0, data.length, offset);
      const next = offset + data.length;
      return { data: data.toString('base64'), next: next < size ? next : null };
    } finally {
      await file.close();
    }
  }

  end({ export: id }: Request<'audit.export-end'>): Output<'audit.export-end'> {
    rmSync(this.pathOf(id), { force: true });
    this.made.delete(id);
    return {};
  }

  /** Stops what is under way, and removes what was made. */
  clear(): void {
    this.stopping.abort();
    this.stopping = new AbortController();
    this.made.clear();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private pathOf(id: string): string {
    const path = this.made.get(id);
    if (path === undefined)
      throw new LatchkeyError('not-found', 'There is no such export any more. Nothing was changed. Export again.', {
        field: 'export',
      });
    return path;
  }
}
