import { gzipSync } from 'node:zlib'

import type { Plugin } from 'vite'

/**
 * Prints what an entry loads before it can show something, compressed, and fails the build above a bound in kB
 * (1000 bytes). What is loaded later, by a route or a language, does not count.
 */
export function sizes(entry: string, bound: number): Plugin {
  return {
    name: 'cardea-sizes',
    apply: 'build',
    generateBundle(_, bundle) {
      const loaded = new Set<string>()
      const load = (file: string) => {
        const part = bundle[file]
        if (loaded.has(file) || part?.type !== 'chunk') return
        loaded.add(file)
        part.imports.forEach(load)
      }
      for (const part of Object.values(bundle)) if (part.type === 'chunk' && part.isEntry && part.name === entry) load(part.fileName)
      let bytes = 0
      const packages = new Map<string, number>()
      for (const file of loaded) {
        const part = bundle[file]
        if (part?.type !== 'chunk') continue
        bytes += gzipSync(part.code, { level: 9 }).length
        for (const [id, m] of Object.entries(part.modules)) {
          const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? 'our own'
          packages.set(name, (packages.get(name) ?? 0) + m.renderedLength)
        }
      }
      const heaviest = [...packages].sort((a, b) => b[1] - a[1]).slice(0, 6)
      console.log(`${entry}: ${(bytes / 1000).toFixed(1)} kB of script compressed, bound ${bound}; before that, in kB: ${heaviest.map(([n, b]) => `${n} ${Math.round(b / 1000)}`).join(', ')}`)
      if (bytes === 0 || bytes > bound * 1000) this.error(`the entry ${entry} is empty or larger than its bound`)
    },
  }
}
