// What the hidden frame shows when Cardea has answered prompt=none: it hands the answer to the page around it.
import { UserManager } from 'oidc-client-ts'

import { settings } from './settings'

void new UserManager(settings).signinSilentCallback()
