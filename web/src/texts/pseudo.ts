const letters: Record<string, string> = { a: 'á', b: 'ƀ', c: 'ç', d: 'ð', e: 'é', g: 'ĝ', i: 'î', l: 'ł', n: 'ñ', o: 'ö', r: 'ř', s: 'š', t: 'ţ', u: 'ü', y: 'ý', A: 'Å', E: 'É', S: 'Š', T: 'Ţ' }

/** A text as a language that nobody speaks writes it: accented, a third longer, in brackets; places are left alone. */
export function pseudo(text: string): string {
  const accented = text.replace(/\{\w+\}|./gs, (c) => (c.length > 1 ? c : (letters[c] ?? c)))
  return `⟦${accented}${' ~'.repeat(Math.ceil(text.length / 6))}⟧`
}
