import { answer, api, type Schema } from '../api/client'
import { site } from '../api/site'
import { query } from './address'

/** What an application's request needs of the person, as the server says. */
export type Need = Schema<'Need'>

/** The handle of the application's request. */
export const request: string = query.get('request') ?? ''

/** Asks what is needed. If it is nothing or something else than this page is for, the browser goes there. */
export async function needOf(kind: string): Promise<Need> {
  const need = await answer(api.GET('/oauth/authorize/resume/need', { params: { query: { request } } }))
  if (need.next) location.assign(need.next)
  else if (need.kind !== kind) location.assign(`${site.base}/${(need.kind ?? '').replaceAll('_', '-')}${location.search}`)
  else return need
  return new Promise(() => undefined) // the browser is leaving
}

/** Answers the request and goes where the server says: by an address, or by a form that is posted. */
export async function decide(decision: Omit<Schema<'Decision'>, 'request'>): Promise<void> {
  const next = await answer(api.POST('/oauth/authorize/resume', { body: { request, ...decision } }))
  if (next.location) return location.assign(next.location)
  const form = Object.assign(document.createElement('form'), { method: 'post', action: next.form_post ?? '' })
  for (const [name, value] of Object.entries(next.params ?? {})) {
    form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
  }
  document.body.append(form)
  form.submit()
}
