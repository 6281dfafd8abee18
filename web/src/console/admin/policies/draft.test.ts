import { describe, expect, it } from 'vitest'

import { bodyOf, casesText, faultIn, memberLines } from './draft'

describe('cases', () => {
  it('are found by their line', () => {
    const text = casesText([{ name: 'a, [b', n: [1, { x: 2 }] }, { name: '"]}' }, { name: 'c' }])
    const lines = text.split('\n')
    expect(memberLines(text).map((n) => lines[n - 1])).toEqual(['  {', '  {', '  {'])
    expect(memberLines(text).map((n) => lines[n]?.trim())).toEqual(['"name": "a, [b",', '"name": "\\"]}"', '"name": "c"'])
  })
  it.each(['', '[]', '{', '[[[', '"', ']]]', '[1,,2'])('are looked for in %j', (text) => expect(memberLines(text).length).toBeLessThan(3))
  it('that are no JSON have a place', () => {
    expect(bodyOf({ policies: '', schema: '', cases: '[\n {"a": }\n]' }).marks).toMatchObject([{ line: 2, text: 'json' }])
    expect(bodyOf({ policies: '', schema: '', cases: '[\n {' }).marks).toMatchObject([{ line: 2, text: 'json' }])
    expect(bodyOf({ policies: '', schema: '', cases: '{}' }).marks).toMatchObject([{ text: 'list' }])
    expect(bodyOf({ policies: 'x', schema: ' ', cases: '\n' })).toEqual({ body: { policies: 'x' }, marks: [] })
  })
  it.each([
    ['[\n {"a": }\n]', 2, 8], ['[\n {', 2, 3], ['[1,,2]', 1, 4], ['[1,]', 1, 4], ['{"a" 1}', 1, 6], ["{'a': 1}", 1, 2], ['[]\n[]', 2, 1], ['"é" x', 1, 6], ['[01]', 1, 3], ['nothing', 1, 1], ['[1 2', 1, 4], ['[1}', 1, 3],
  ])('%j is wrong at line %i, column %i', (text, line, column) => {
    expect(() => JSON.parse(text) as unknown).toThrow()
    expect(faultIn(text)).toEqual({ line, column })
  })
})
