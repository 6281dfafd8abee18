/** A line that stays, goes or comes. */
export interface Line {
  kind: 'same' | 'removed' | 'added'
  text: string
}

const mostCells = 4_000_000 // lines before × lines after; beyond it all of the middle is called changed

/** What changes from one text to another, line by line, with as little changed as can be. What is the same at both ends costs nothing. */
export function diffLines(before: string, after: string): Line[] {
  const [a, b] = [before, after].map((text) => (text === '' ? [] : text.split('\n'))) as [string[], string[]]
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const same = (text: string): Line => ({ kind: 'same', text })
  return [...a.slice(0, head).map(same), ...between(a.slice(head, a.length - tail), b.slice(head, b.length - tail)), ...a.slice(a.length - tail).map(same)]
}

/** The same by the longest common subsequence. */
function between(a: string[], b: string[]): Line[] {
  const gone = (text: string): Line => ({ kind: 'removed', text })
  const come = (text: string): Line => ({ kind: 'added', text })
  if (a.length * b.length > mostCells) return [...a.map(gone), ...b.map(come)]
  const width = b.length + 1
  const longest = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? longest[(i + 1) * width + j + 1]! + 1 : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!)
    }
  }
  const out: Line[] = []
  let [i, j] = [0, 0]
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      out.push({ kind: 'same', text: a[i]! })
      i++
      j++
    } else if (longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!) out.push(gone(a[i++]!))
    else out.push(come(b[j++]!))
  }
  return [...out, ...a.slice(i).map(gone), ...b.slice(j).map(come)]
}
