/** What the server answers when a session is exchanged. */
export interface Minted {
  access_token: string
  /** Seconds. */
  expires_in?: number
}

/**
 * The short access token of this page. It lives in memory only. However many calls ask at once, one exchange is
 * under way; a token is replaced when four fifths of its life have passed, and calls use the old one meanwhile.
 */
export class AccessToken {
  #mint: () => Promise<Minted>
  #now: () => number
  #token = ''
  #fresh = 0 // until then it is simply used
  #ends = 0
  #under: Promise<string> | undefined

  constructor(mint: () => Promise<Minted>, now: () => number = Date.now) {
    this.#mint = mint
    this.#now = now
  }

  /** A token that is good now. `renew` says that the last one was refused. */
  async get(renew = false): Promise<string> {
    const now = this.#now()
    if (!renew && now < this.#fresh) return this.#token
    const next = (this.#under ??= this.#exchange())
    if (renew || now >= this.#ends) return next
    next.catch(() => undefined) // the old one still works; the next call tries again
    return this.#token
  }

  /** Forgets the token, when somebody signs out. */
  drop(): void {
    this.#token = ''
    this.#fresh = this.#ends = 0
  }

  async #exchange(): Promise<string> {
    try {
      const began = this.#now()
      const minted = await this.#mint()
      const life = (minted.expires_in ?? 60) * 1000
      this.#token = minted.access_token
      this.#fresh = began + life * 0.8
      this.#ends = began + life
      return this.#token
    } finally {
      this.#under = undefined
    }
  }
}
