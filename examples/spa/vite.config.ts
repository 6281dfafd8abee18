import { defineConfig } from 'vite'

// The application and its API share an origin, as behind a proxy in production: the browser needs no CORS for it.
const api = { '/api': { target: process.env['API'] ?? 'http://localhost:8080', rewrite: (path: string) => path.replace(/^\/api/, '') } }

export default defineConfig({
  server: { port: 5173, strictPort: true, proxy: api },
  preview: { port: 5173, strictPort: true, proxy: api },
  build: { rolldownOptions: { input: ['index.html', 'silent.html'] } },
})
