/** What a piece of a text is, for its colour. */
export type Kind = 'comment' | 'string' | 'keyword' | 'number' | 'name'

/** A piece of a line. The pieces of a line are the line. */
export interface Piece {
  text: string
  kind?: Kind
}

/** Cuts a line into pieces. Every line stands for itself: nothing here goes on over the end of a line. */
export type Highlight = (line: string) => Piece[]

/** Makes a Highlight of what a piece can be; the first that fits counts. What fits nothing has no colour. */
export function highlighter(kinds: readonly (readonly [Kind, RegExp])[]): Highlight {
  const any = new RegExp(kinds.map(([, r]) => `(${r.source})`).join('|'), 'g')
  return (line) => {
    const out: Piece[] = []
    let at = 0
    for (const m of line.matchAll(any)) {
      if (!m[0]) continue
      if (m.index > at) out.push({ text: line.slice(at, m.index) })
      out.push({ text: m[0], kind: kinds[m.slice(1).findIndex((g) => g !== undefined)]![0] })
      at = m.index + m[0].length
    }
    if (at < line.length) out.push({ text: line.slice(at) })
    return out
  }
}

const string = /"(?:\\.|[^"\\])*"?/ // no groups in here: each kind is one

/** Policies and schemas of Cedar. */
export const cedar = highlighter([
  ['comment', /\/\/.*/],
  ['string', string],
  ['name', /@\w+|\b[A-Za-z_]\w*(?=::)/],
  ['keyword', /\b(?:permit|forbid|when|unless|principal|action|resource|context|in|is|has|like|if|then|else|true|false|entity|appliesTo|type|namespace|enum|tags)\b/],
  ['number', /\b\d[\w.]*/],
])

/** JSON: names of members, and values. */
export const json = highlighter([
  ['name', /"(?:\\.|[^"\\])*"(?=\s*:)/],
  ['string', string],
  ['keyword', /\b(?:true|false|null)\b/],
  ['number', /-?\b\d[\w.+-]*/],
])
