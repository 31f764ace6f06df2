type Cleanup = () => Promise<unknown>;

/** What has to be put away when the program ends, in whatever way it does: last in, first out. */
export interface Lifetime {
  onEnd(cleanup: Cleanup): void;
  /** Puts everything away, then leaves with this code. The first call counts. */
  end(code: number): Promise<never>;
  readonly ending: boolean;
}

/** Signals, and the end of the process that started this one, are requests to end. Asked again, it does not hurry. */
export function startLifetime(leave: (code: number) => never = process.exit): Lifetime {
  const cleanups: Cleanup[] = [];
  let ended: Promise<never> | undefined;

  async function putAway(code: number): Promise<never> {
    for (const cleanup of cleanups.reverse()) {
      try {
        await cleanup();
      } catch (error) {
        // The rest must be put away all the same.
        process.stderr.write(`While stopping: ${(error as Error).message}\n`);
      }
    }
    return leave(code);
  }
  const lifetime: Lifetime = {
    onEnd: (cleanup) => void cleanups.push(cleanup),
    end(code) {
      ended ??= putAway(code);
      return ended;
    },
    get ending() {
      return ended !== undefined;
    },
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void lifetime.end(0));
  process.on('disconnect', () => void lifetime.end(0));
  // Listening alone must not keep this process alive.
  process.channel?.unref();
  return lifetime;
}
