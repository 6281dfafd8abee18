import { classes } from './classes'
import { diffLines } from './diff'
import { texts } from './editor-texts'

const looks = { same: '', removed: 'bg-danger-soft', added: 'bg-success-soft' }
const signs = { same: ' ', removed: '−', added: '+' }

/** What changes from one text to another: lines that go and lines that come, told by sign and by word and not by colour alone. */
export function LineDiff({ label, before, after }: { label: string; before: string; after: string }) {
  const t = texts.use()
  return (
    <pre tabIndex={0} role="region" aria-label={label} dir="ltr" className="max-h-112 overflow-auto rounded-control border border-line bg-surface py-2 font-mono text-[0.8125rem] leading-5">
      <code className="block min-w-max">
        {diffLines(before, after).map((l, i) => (
          <span key={i} className={classes('flex min-h-5 px-3', looks[l.kind])}>
            {l.kind !== 'same' && <span className="sr-only">{t(l.kind)}: </span>}
            <span aria-hidden className={classes('w-5 shrink-0 select-none', l.kind === 'removed' && 'text-danger', l.kind === 'added' && 'text-success')}>
              {signs[l.kind]}
            </span>
            {l.text + '\n'}
          </span>
        ))}
      </code>
    </pre>
  )
}
