/** Tells a person what is going on: each step when it begins and when it is done, and how far it is in between. */
export interface Progress {
  step<T>(name: string, work: (report: (detail: string) => void) => Promise<T>): Promise<T>;
}

const quietMs = 2_000;

/** On a terminal the line of the step is rewritten; into a file, a long step says something every two seconds. */
export function startProgress(output: NodeJS.WriteStream): Progress {
  const rewrites = output.isTTY === true;
  return {
    async step(name, work) {
      const begun = performance.now();
      let lastSaid = begun;
      if (rewrites) output.write(`… ${name}`);
      else output.write(`… ${name}\n`);
      const value = await work((detail) => {
        const now = performance.now();
        if (rewrites) output.write(`\r\x1b[K… ${name}: ${detail}`);
        else if (now - lastSaid > quietMs) output.write(`  ${detail}\n`);
        else return;
        lastSaid = now;
      });
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      output.write(`${rewrites ? '\r\x1b[K' : ''}✓ ${name} (${seconds} s)\n`);
      return value;
    },
  };
}
