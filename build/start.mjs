#!/usr/bin/env node
import { bootstrap } from './bootstrap.mjs';

await bootstrap('src-main/hosts/start/main.ts', { endWithNpm: true });
