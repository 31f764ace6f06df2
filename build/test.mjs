#!/usr/bin/env node
import { bootstrap } from './bootstrap.mjs';

await bootstrap('build/tasks/test.ts', { endWithNpm: true });
