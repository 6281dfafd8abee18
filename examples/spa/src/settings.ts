import { InMemoryWebStorage, WebStorageStateStore, type UserManagerSettings } from 'oidc-client-ts'

const here = location.origin

/** Who we are to Cardea. The names are those of the README; a real application has its own. */
export const settings: UserManagerSettings = {
  authority: import.meta.env['VITE_ISSUER'] ?? 'http://localhost:8420',
  client_id: import.meta.env['VITE_CLIENT_ID'] ?? 'spa-example',
  redirect_uri: here + '/callback',
  silent_redirect_uri: here + '/silent.html',
  post_logout_redirect_uri: here + '/',
  scope: 'openid profile email invoice:read invoice:write',
  resource: import.meta.env['VITE_AUDIENCE'] ?? 'http://localhost:8080', // whom the access token is for (RFC 8707)
  // Tokens live in memory: a script that gets into the page finds none in storage, and a reload asks Cardea anew.
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
}
