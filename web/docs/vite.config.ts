import { defineConfig } from 'vitest/config'

// The built files are committed and embedded in the server, as those of web/app
// are: a build has to come out the same wherever it runs.
export default defineConfig({
  base: './',
  resolve: {
    alias: { '@tandem-rtc/client': new URL('../client/src/index.ts', import.meta.url).pathname },
  },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { '/ws': { target: 'http://127.0.0.1:5000', ws: true }, '/api': 'http://127.0.0.1:5000', '^/(open|async)api.json': 'http://127.0.0.1:5000/docs' },
  },
  test: { include: ['test/**/*.test.ts'] },
})
