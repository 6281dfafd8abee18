import { accessToken, answer, api, type Schema } from '../api/client'
import { recoverSession, tellTabs } from '../session/session'

/** Where a flow stands, as the server says. */
export type Flow = Schema<'FlowState'>
export type Step = Schema<'FlowStep'>
export type Field = Schema<'FlowField'>
export type Kind = NonNullable<Schema<'FlowStart'>['kind']>

/** What a flow is begun for. */
export type Opening = Schema<'FlowStart'>

/** Begins a flow. The server keeps it in a cookie that scripts cannot read. */
export function startFlow(opening: Opening): Promise<Flow> {
  return answer(api.POST('/flows', { body: opening }))
}

/** Takes a step. Of an advanced flow only the newest state is good. */
export async function takeStep(flow: Flow, step: string, values: Record<string, string>): Promise<Flow> {
  const next = await answer(
    api.POST('/flow/{step}', { params: { path: { step } }, body: values, headers: { 'X-CSRF-Token': flow.csrf_token ?? '' } }),
  )
  if (next.done && next.user) {
    accessToken.drop()
    tellTabs('signed_in')
    void recoverSession().catch(() => undefined) // whoever shows the session asks again if this fails
  }
  return next
}
