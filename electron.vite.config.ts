import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';

const here = import.meta.dirname;

export default defineConfig({
  main: {
    build: {
      outDir: resolve(here, 'out/main'),
      sourcemap: false,
      rolldownOptions: {
        input: {
          electron: resolve(here, 'src-main/hosts/electron/main.ts'),
          'core-process': resolve(here, 'src-main/hosts/electron/core-process.ts'),
          'write-thread': resolve(here, 'src-main/core/write-thread.ts'),
        },
        // Everything lies side by side, because the core looks for its write thread beside the file that it is in.
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: resolve(here, 'out/preload'),
      sourcemap: false,
      // A sandboxed preload script can load neither modules nor packages: it is one CommonJS file that needs electron alone.
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: resolve(here, 'src-main/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
  },
  renderer: {
    root: resolve(here, 'src-renderer'),
    publicDir: false,
    plugins: [react()],
    worker: { format: 'es' },
    build: {
      outDir: resolve(here, 'out/renderer'),
      emptyOutDir: true,
      sourcemap: false,
      minify: true,
      // The same build is shown by the operator's own browser, which need not be the newest Chromium.
      target: 'es2022',
      // The page's policy lets nothing but images come from data: URLs.
      assetsInlineLimit: 0,
      rolldownOptions: {
        input: { index: resolve(here, 'src-renderer/index.html') },
        // Libraries change more rarely than screens, and none of these files is as large as all of them.
        output: {
          codeSplitting: {
            groups: [
              { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/, priority: 3 },
              { name: 'tanstack', test: /node_modules[\\/]@tanstack[\\/]/, priority: 2 },
              { name: 'contract', test: /node_modules[\\/]zod[\\/]|src-main[\\/]contract[\\/]/, priority: 2 },
              { name: 'kit', test: /node_modules[\\/]/, priority: 1 },
            ],
          },
        },
      },
    },
  },
});
