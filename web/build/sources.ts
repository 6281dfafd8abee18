import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

import type { Plugin } from 'vite'

// What decides the output. embed_test.go has the same list.
const roots = ['src', 'build', 'auth.html', 'app.html', 'plain.html', 'package.json', 'package-lock.json', 'tsconfig.json', 'vite.config.ts']

function files(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).flatMap((name) => files(join(path, name)))
}

/**
 * Writes the hash of all sources beside the build, so that a Go test notices a build that is older
 * than its sources without having Node: SHA-256 over path, NUL, content, NUL of each file.
 */
export function sources(): Plugin {
  return {
    name: 'cardea-sources',
    apply: 'build',
    generateBundle() {
      const hash = createHash('sha256')
      const all = roots.flatMap(files).filter((path) => !/\.test\.tsx?$/.test(path))
      for (const path of all.map((p) => relative('.', p).replaceAll('\\', '/')).sort()) {
        hash.update(path + '\0').update(readFileSync(path)).update('\0')
      }
      this.emitFile({ type: 'asset', fileName: 'sources.sha256', source: hash.digest('hex') + '\n' })
    },
  }
}
