import { describe, expect, it } from 'vitest'

import { offsetOf, turnedLines } from './code-editor'
import { diffLines } from './diff'
import { cedar, json } from './highlight'

const kinds = (line: string, of = cedar) => of(line).filter((p) => p.kind).map((p) => `${p.kind}:${p.text}`)

describe('colours', () => {
  it.each([
    ['permit(principal in Role::"a // b", action, resource); // all', ['keyword:permit', 'keyword:principal', 'keyword:in', 'name:Role', 'string:"a // b"', 'keyword:action', 'keyword:resource', 'comment:// all']],
    ['@id("own \\" it")', ['name:@id', 'string:"own \\" it"']],
    ['when { principal.age >= 18 && "open', ['keyword:when', 'keyword:principal', 'number:18', 'string:"open']],
    ['', []],
  ])('%s', (line, want) => expect(kinds(line)).toEqual(want))
  it('of JSON', () => expect(kinds('{"a": [1, "b", true]}', json)).toEqual(['name:"a"', 'number:1', 'string:"b"', 'keyword:true']))
  it.each(['<script>"\u202e', '"\\', '@@::"" 1.e9-"', '𝒳 👩🏽‍🚀 "é"'])('lose nothing of %j', (line) => {
    for (const of of [cedar, json]) expect(of(line).map((p) => p.text).join('')).toBe(line)
  })
})

describe('places', () => {
  it.each([[1, 1, 0], [1, 3, 2], [2, 1, 4], [2, 4, 6], [9, 1, 8], [2, 99, 7], [1, 0, 0]])('line %i, column %i', (line, column, want) => expect(offsetOf('abc\né"x\n', line, column)).toBe(want))
  it('that turn the direction are found', () => expect(turnedLines('a\n\u202eb\nשלום\n\u2066')).toEqual([2, 4]))
})

describe('differences', () => {
  const signs = (a: string, b: string) => diffLines(a, b).map((l) => ({ same: ' ', removed: '-', added: '+' })[l.kind] + l.text)
  it('keep what stays', () => expect(signs('a\nb\nc\nd', 'a\nc\nx\nd')).toEqual([' a', '-b', ' c', '+x', ' d']))
  it('are none', () => expect(signs('a\nb', 'a\nb')).toEqual([' a', ' b']))
  it('give both texts back', () => {
    let seed = 7
    const next = (n: number) => (seed = (seed * 16807) % 2147483647) % n
    for (let i = 0; i < 300; i++) {
      const text = () => Array.from({ length: next(12) }, () => 'abcd'[next(4)]).join('\n')
      const [a, b] = [text(), text()]
      const all = diffLines(a, b)
      expect(all.filter((l) => l.kind !== 'added').map((l) => l.text).join('\n')).toBe(a)
      expect(all.filter((l) => l.kind !== 'removed').map((l) => l.text).join('\n')).toBe(b)
    }
  })
})
