import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react'

import { Problem } from '../api/problem'
import { Button } from '../components/button'
import { TextField } from '../components/field'
import { PasswordField } from '../components/password-field'
import { ProblemAlert } from '../components/problem-alert'
import { ruleText } from '../texts/rules'
import { takeStep, type Field, type Flow, type Step } from './flow'
import { StrengthMeter, useStrength } from './strength'
import { texts } from './texts'

/** What a page adds to the steps of a flow. It decides nothing: the server says which steps there are. */
export interface Additions {
  /** Values that the page knows, such as the token of a link: sent along, not asked for. */
  known?: Readonly<Record<string, string>>
  /** The account that the flow is about: shown to password managers beside a password. */
  account?: string | undefined
  /** What stands beside the label of a field, by its name: "Forgot password?". */
  asides?: Readonly<Record<string, ReactNode>>
  /** The text of the button, if not that of the step. */
  action?: string
  /** Told what is being sent, before the answer. */
  onSend?: (values: Readonly<Record<string, string>>) => void
  /** A way to start afresh, shown when the flow or its link is too old. */
  again?: ReactNode
}

const over = new Set(['flow_expired', 'link_expired', 'request_expired'])

/** Shows a step as a form and takes it. A step that this page does not know is shown by its fields alone. */
export function StepForm({ flow, step, onFlow, known = {}, account, asides = {}, action, onSend, again }: Additions & { flow: Flow; step: Step; onFlow: (next: Flow) => void }) {
  const t = texts.use()
  const form = useRef<HTMLFormElement>(null)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const [values, setValues] = useState<Record<string, string>>(() => Object.fromEntries((step.fields ?? []).map((f) => [f.name, f.value ?? ''])))
  const fields = (step.fields ?? []).filter((f) => !(f.name in known))
  const choosing = fields.find((f) => f.autocomplete === 'new-password')
  const strength = useStrength(choosing ? (values[choosing.name] ?? '') : '', [values['email'] ?? account ?? '', values['name'] ?? ''])

  useEffect(() => {
    // The first empty field has the focus: an address that is filled in already is not to be typed again.
    const inputs = [...(form.current?.querySelectorAll<HTMLInputElement>('input:not([readonly])') ?? [])]
    ;(inputs.find((i) => !i.value) ?? inputs[0])?.focus()
  }, [])

  const submit = async (e: FormEvent) => {
    e.preventDefault()
    if (busy) return
    setBusy(true)
    setProblem(undefined)
    try {
      const entered = Object.fromEntries(fields.map((f) => [f.name, values[f.name] ?? '']).filter(([, v]) => v !== ''))
      onSend?.(entered)
      onFlow(await takeStep(flow, step.step, { ...known, ...entered }))
    } catch (cause) {
      setProblem(cause instanceof Problem ? cause : new Problem({ code: 'unknown' }))
      // Whoever cannot see the message lands where it must be corrected.
      const first = (selector: string) => form.current?.querySelector<HTMLInputElement>(selector)
      ;(first('[aria-invalid]') ?? first('input[name=password]') ?? first('input:not([readonly])'))?.focus()
    } finally {
      setBusy(false)
    }
  }

  const labelOf = (f: Field) => (texts.has(`field.${f.name}`) ? t(`field.${f.name}` as 'field.email') : f.name)
  const about = (f: Field) => ({
    name: f.name,
    label: labelOf(f),
    autoComplete: f.autocomplete ?? 'off',
    required: f.required ?? false,
    value: values[f.name] ?? '',
    error: wrong(f),
    aside: asides[f.name],
    onChange: (e: { target: { value: string } }) => setValues({ ...values, [f.name]: e.target.value }),
  })
  const wrong = (f: Field) => {
    const broken = problem?.fields.get('/' + f.name)
    return broken && ruleText(broken)
  }
  const placed = problem && fields.some((f) => problem.fields.has('/' + f.name))

  return (
    <form ref={form} method="post" onSubmit={(e) => void submit(e)} className="flex flex-col gap-5">
      {problem && !placed && (
        <>
          <ProblemAlert problem={problem} />
          {again && over.has(problem.code) && <p className="text-sm">{again}</p>}
        </>
      )}
      {account && !fields.some((f) => f.type === 'email') && (
        // Password managers look for the name beside the password.
        <input type="text" name="username" autoComplete="username" value={account} readOnly hidden />
      )}
      {fields.map((f) =>
        f.type === 'password' ? (
          <div key={f.name} className="flex flex-col gap-2">
            <PasswordField {...about(f)} />
            {f === choosing && <StrengthMeter strength={strength} />}
          </div>
        ) : (
          <TextField
            key={f.name}
            {...about(f)}
            type={f.type}
            {...(f.type === 'email' ? { inputMode: 'email', autoCapitalize: 'none', spellCheck: false } : {})}
            {...(f.required ? {} : { hint: t('optional') })}
          />
        ),
      )}
      <Button type="submit" wide busy={busy}>
        {action ?? (texts.has(`step.${step.step}`) ? t(`step.${step.step}` as 'step.password') : t('step.other'))}
      </Button>
    </form>
  )
}
