import { defineConfig } from 'vitest/config'

// The built files are committed and embedded in the server, so a build has to
// come out the same wherever it runs: exact versions in package-lock.json,
// content hashes in names, no source maps.
export default defineConfig({
  base: './',
  resolve: {
    alias: {
      // The client is compiled along; its own build is for npm only.
      '@tandem-rtc/client': new URL('../client/src/index.ts', import.meta.url).pathname,
    },
  },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    sourcemap: false,
    // Scripts and images in data: URLs would need exceptions from the CSP.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rollupOptions: {
      // The service worker is a file of its own beside the page, which decides its
      // scope, and keeps its name. It imports nothing that the page imports, so it
      // is one file that older browsers run as a classic script.
      input: { index: 'index.html', sw: 'src/sw/sw.ts' },
      output: { entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
  server: {
    // `npm run dev` beside a server started with `make run`.
    proxy: { '/ws': { target: 'http://127.0.0.1:5000', ws: true }, '/api': 'http://127.0.0.1:5000' },
  },
  test: { include: ['test/**/*.test.ts'] },
})
