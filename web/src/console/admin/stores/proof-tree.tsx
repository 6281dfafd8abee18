import { ArrowRight, Box, UserRound, UsersRound } from 'lucide-react'

import { classes } from '../../../components/classes'
import type { Step } from './proof'
import { texts } from './texts'

/** A decision as a graph: from the object, tuple by tuple, to who asks. Lists in lists, so that it can be read out and fits any width. */
export function ProofTree({ roots, who, label }: { roots: readonly Step[]; who: string; label: string }) {
  return (
    <ol aria-label={label} className="grid gap-2">
      {roots.map((s, i) => (
        <Node key={i} step={s} who={who} />
      ))}
    </ol>
  )
}

function Node({ step, who }: { step: Step; who: string }) {
  const t = texts.use()
  const Icon = step.node.includes('#') ? UsersRound : step.steps.length === 0 ? UserRound : Box
  const goal = step.node === who || (step.steps.length === 0 && step.relation !== '')
  return (
    <li className="min-w-0">
      <div className="flex min-w-0 flex-wrap items-center gap-2">
        {step.relation && (
          <span className="flex items-center gap-1.5 text-sm text-muted">
            <bdi className="font-mono text-[0.8125rem]">{step.relation}</bdi>
            <ArrowRight size={15} aria-hidden className="shrink-0 rtl:rotate-180" />
          </span>
        )}
        <span className={classes('flex min-w-0 items-center gap-2 rounded-control border px-3 py-1.5', goal ? 'border-accent bg-accent-soft' : 'border-line-strong bg-surface')}>
          <Icon size={16} aria-hidden className="shrink-0 text-accent" />
          <bdi className="user-text min-w-0 font-medium">{step.node}</bdi>
        </span>
        {step.condition && (
          <span className="user-text rounded-full bg-warning-soft px-2.5 py-0.5 text-xs font-semibold text-warning">{t('proof.condition', { condition: step.condition.name })}</span>
        )}
      </div>
      {step.steps.length > 0 && (
        <ol className="ms-4 mt-2 grid gap-2 border-s-2 border-line ps-4 max-sm:ms-2 max-sm:ps-3">
          {step.steps.map((s, i) => (
            <Node key={i} step={s} who={who} />
          ))}
        </ol>
      )}
    </li>
  )
}
