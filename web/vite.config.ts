import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

import { sizes } from './build/sizes.ts'
import { sources } from './build/sources.ts'

// Two builds, one after the other: the sign-in pages run the same components on Preact, which takes half of
// their weight away; the consoles run on React, which Base UI is made for. See docs/adr/0022.
const builds = {
  auth: {
    emptyOutDir: true,
    input: ['auth.html', 'plain.html'],
    alias: {
      'react-dom/client': 'preact/compat/client',
      'react-dom': 'preact/compat',
      'react/jsx-runtime': 'preact/jsx-runtime',
      react: 'preact/compat',
    },
    plugins: [sizes('auth', 80)],
  },
  app: { emptyOutDir: false, input: ['app.html'], alias: {}, plugins: [sizes('app', 130), sources()] },
}

// The output must be the same wherever it is built: nothing here reads the time, the machine or git.
export default defineConfig(({ mode }) => {
  const build = mode === 'auth' ? builds.auth : builds.app
  return {
    base: './', // the server puts the path of the tenant in front
    publicDir: false,
    resolve: { alias: build.alias },
    define: { 'process.env.NODE_ENV': JSON.stringify(mode === 'test' ? 'test' : 'production') },
    plugins: [react(), tailwindcss(), ...build.plugins],
    build: {
      outDir: 'dist',
      emptyOutDir: build.emptyOutDir,
      assetsInlineLimit: 0, // data: would need a wider policy
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: { input: build.input },
    },
    test: {
      environment: 'happy-dom',
      include: ['src/**/*.test.{ts,tsx}'],
      restoreMocks: true,
    },
  }
})
