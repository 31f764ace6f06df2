import { openCore } from '../../core/open.ts';
import { serveCore } from './core-side.ts';

// The entry of the core's own process. Main talks to it over the parent port, each window over a port of its own.
serveCore(process.parentPort, openCore);
