import type { User } from 'oidc-client-ts'
import { useState } from 'react'
import { Link, Outlet, useLoaderData, useLocation, useRouteError } from 'react-router'

import { call, signIn, signOut, users, type Answer } from './auth'

/** Around every page: who is signed in, and the way in and out. */
export function Frame() {
  const user = useLoaderData<User | null>()
  const { pathname } = useLocation()
  return (
    <>
      <header>
        <Link to="/">Invoices</Link>
        <span className="grow" />
        {user ? (
          <>
            <bdi>{user.profile.name ?? user.profile.email ?? user.profile.sub}</bdi>
            <button onClick={() => void signOut()}>Sign out everywhere</button>
          </>
        ) : (
          <button onClick={() => void signIn(pathname)}>Sign in</button>
        )}
      </header>
      <main>
        <Outlet />
      </main>
    </>
  )
}

/** What everybody may see. */
export function Home() {
  return (
    <>
      <h1>Invoices</h1>
      <p>An application of its own origin. It keeps tokens in memory only, and asks Cardea again after a reload.</p>
      <p>
        <Link to="/invoices">Look at the invoices</Link>
      </p>
    </>
  )
}

interface Invoice {
  id: string
  owner: string
  cents: number
}

/** Calls that are allowed or refused, with the reason that the API gives. */
export function Invoices() {
  const user = useLoaderData<User>()
  const [said, setSaid] = useState<string[]>([])
  const [mine, setMine] = useState('')
  const run = async <T,>(what: string, asked: Promise<Answer<T>>, then?: (data: T) => string) => {
    const answer = await asked.catch((cause: unknown) => ({ status: 0, reason: String(cause) }))
    const outcome = 'data' in answer ? `allowed. ${then?.(answer.data) ?? ''}` : `refused (${answer.status}). ${answer.reason}`
    setSaid((all) => [`${what}: ${outcome}`, ...all])
  }
  const list = () => run('List', call<{ invoices: Invoice[] }>('GET', '/invoices'), (d) => `${d.invoices.length} invoices.`)
  const create = () =>
    run('Create', call<Invoice>('POST', '/invoices', { cents: 4200 }), (d) => {
      setMine(d.id)
      return `It is yours.`
    })
  const remove = () => run('Delete', call('DELETE', `/invoices/${mine}`))
  const renew = async () => {
    const before = (await users.getUser())?.access_token
    const after = await users.signinSilent()
    setSaid((all) => [`Renew: ${after && after.access_token !== before ? 'a new access token.' : 'nothing has changed.'}`, ...all])
  }
  return (
    <>
      <h1>Invoices of {user.profile.name ?? user.profile.email}</h1>
      <p className="buttons">
        <button onClick={() => void list()}>List</button>
        <button onClick={() => void create()}>Create</button>
        <button onClick={() => void remove()} disabled={!mine}>
          Delete mine
        </button>
        <button onClick={() => void renew()}>Renew the token</button>
      </p>
      <ol aria-live="polite">
        {said.map((s, i) => (
          <li key={said.length - i}>{s}</li>
        ))}
      </ol>
    </>
  )
}

/** Signing in was refused, or Cardea cannot be reached. */
export function Failed() {
  const cause = useRouteError()
  return (
    <main>
      <h1>This did not work</h1>
      <p role="alert">{cause instanceof Error ? cause.message : 'Something went wrong.'}</p>
      <p>
        <a href="/">Start again</a>
      </p>
    </main>
  )
}
