// Package identity knows people: their accounts, how they prove that an account is theirs, and what
// becomes of an account.
//
//	user.go      what an account is          attempts.go  lockout of guessers
//	accounts.go  what administrators and     device.go    devices that are known
//	             owners do with accounts     link.go      mailed links
//	steps: password.go · sign_up.go · recover.go · redeem.go · set_up.go
//	finishers: finish.go
//
// Steps propose and the flow machine commits; nothing here starts a session, signs a token or
// answers HTTP. Every answer about an unknown account is the same, in words and in time, as about a
// known one. Passwords are judged and hashed by the package password, addresses by email.
package identity
