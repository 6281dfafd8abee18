// As the documentation of react-oidc-context shows it.
import { createElement as h } from 'react'
import { createRoot } from 'react-dom/client'
import { AuthProvider, useAuth } from 'react-oidc-context'

function App() {
  const auth = useAuth()
  if (auth.isLoading) return h('p', null, 'Loading')
  if (auth.error) return h('p', { role: 'alert' }, auth.error.message)
  if (!auth.isAuthenticated) return h('button', { onClick: () => void auth.signinRedirect() }, 'Log in')
  return h(
    'div',
    null,
    h('p', null, `Hello ${auth.user.profile.email}`),
    h('button', { onClick: () => void auth.signinSilent() }, 'Renew'),
    h('button', { onClick: () => void auth.signoutRedirect() }, 'Log out'),
  )
}

createRoot(document.getElementById('root')).render(
  h(
    AuthProvider,
    {
      authority: import.meta.env.ISSUER,
      client_id: import.meta.env.CLIENT_ID,
      redirect_uri: location.origin + '/',
      post_logout_redirect_uri: location.origin + '/',
      scope: 'openid email',
      loadUserInfo: true,
      onSigninCallback: () => history.replaceState({}, '', location.pathname),
    },
    h(App),
  ),
)
