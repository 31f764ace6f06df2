import { config } from 'zod';

// zod compiles schemas with `new Function` where it may. The page's policy forbids it, and even the probe is reported.
config({ jitless: true });
