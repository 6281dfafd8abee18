import { rich } from '../texts/catalogue'
import { page, path } from './address'
import { ConsentPage } from './consent-page'
import { FlowPage } from './flow-page'
import { Onward } from './layout'
import { LinkPage } from './link-page'
import { SelectAccountPage } from './select-account-page'
import { SetUpPage } from './set-up-page'
import { SignOutPage } from './sign-out-page'
import { texts } from './texts'

/** The page at the address of this document. The server serves this entry at these paths only. */
export function Page() {
  const t = texts.use()
  const app = (client: string | undefined) => (client ? rich(t('to_go_on'), { app: <bdi className="font-semibold text-ink">{client}</bdi> }) : undefined)
  switch (path) {
    case '/sign-up':
      return (
        <FlowPage
          kind="sign_up"
          look={(client) => ({ title: t('sign_up.title'), lead: app(client) ?? t('sign_up.lead'), below: <>{t('have_account')} <Onward to={page('/sign-in')}>{t('sign_in')}</Onward></> })}
        />
      )
    case '/recover':
      return (
        <FlowPage
          kind="recover"
          look={() => ({ title: t('recover.title'), lead: t('recover.lead'), below: <>{t('remembered')} <Onward to={page('/sign-in')}>{t('sign_in')}</Onward></> })}
        />
      )
    case '/step-up':
      return <FlowPage kind="step_up" look={() => ({ title: t('step_up.title'), lead: t('step_up.lead'), action: t('step_up.action') })} />
    case '/link':
      return <LinkPage />
    case '/set-up':
      return <SetUpPage />
    case '/consent':
      return <ConsentPage />
    case '/select-account':
      return <SelectAccountPage />
    case '/sign-out':
      return <SignOutPage />
    default:
      return (
        <FlowPage
          kind="sign_in"
          look={(client) => ({ title: t('sign_in.title'), lead: app(client), below: <>{t('no_account')} <Onward to={page('/sign-up')}>{t('open_account')}</Onward></> })}
        />
      )
  }
}
