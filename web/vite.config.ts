import { fileURLToPath } from 'node:url';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

/** Two pages, one origin: `/` is the headset page, `/panel/` the therapist's. Built into the Python package. */
export default defineConfig({
  plugins: [svelte()],
  base: '/',
  worker: { format: 'es' },
  build: {
    outDir: '../vr_world/static',
    emptyOutDir: true,
    sourcemap: false,
    target: 'es2023',
    // The pages' policy is `default-src 'self'`: nothing may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        headset: fileURLToPath(new URL('./index.html', import.meta.url)),
        panel: fileURLToPath(new URL('./panel/index.html', import.meta.url)),
      },
    },
  },
  test: { include: ['{headset,panel,shared}/**/*.test.ts'], environment: 'node' },
});
