import { readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import { consoles } from './consoles'

// Pages of the account console and the API below /account share their paths; the API wins.
const reads: string[] = []
let path = ''
for (const line of readFileSync('../api/openapi.yaml', 'utf8').split('\n')) {
  if (/^ {2}\/\S*:$/.test(line)) path = line.trim().slice(0, -1)
  else if (line === '    get:') reads.push(path)
}
const pattern = (path: string) => path.replace(/:[a-z]+|\{[a-z]+\}/g, '*')

it('knows what the API reads', () => expect(reads).toContain('/account/profile'))
it.each(consoles.flatMap((c) => c.pages.map((p) => `/${c.path}${p.path && '/' + p.path}`)))('%s is no address of the API', (path) => {
  expect(reads.map(pattern)).not.toContain(pattern(path))
})
