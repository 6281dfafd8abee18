package config

import "time"

// Defaults are the settings of a server whose operator has said nothing but the profile and whether
// it is a demonstration.
func Defaults(p Profile, dev bool) Config {
	c := Config{
		Dev: dev, Profile: p,
		Server: Server{Listen: "127.0.0.1:8420", Management: "127.0.0.1:8421", Issuer: "http://localhost:8420"},
		Data:   Data{Dir: "cardea-data"},
		Mail:   Mail{Product: "Cardea", SMTP: SMTP{Security: StartTLS}},
		Password: Password{
			MinLength: 8, MinLengthAlone: 15, Argon2: Argon2{Memory: 19 << 20, Passes: 2, Threads: 1},
			Wait: Duration(2 * time.Second), MaxMemory: 128 << 20,
		},
		Lockout:  Lockout{Free: 5, First: Duration(time.Minute), Longest: Duration(time.Hour), Forget: Duration(day)},
		Limits:   defaultLimits(),
		Sessions: Sessions{Idle: Duration(day), Absolute: Duration(30 * day)},
		Tokens: Tokens{
			AccessLife: Duration(10 * time.Minute), RefreshIdle: Duration(7 * day), RefreshAbsolute: Duration(30 * day),
			RefreshGrace: Duration(10 * time.Second),
		},
		Authz: Authz{Memory: 512 << 20},
		Log:   Log{Level: "info", Format: "text"},
	}
	if dev {
		c.Data.Dir = "cardea-dev"
	}
	switch p {
	case Consumer:
		c.consumer()
	case HighAssurance:
		c.highAssurance()
	}
	return c
}

func defaultLimits() Limits {
	const ten, hour = Duration(10 * time.Minute), Duration(time.Hour)
	return Limits{
		SignIn:     LimitsOf{Pair: Rate{5, ten}, Address: Rate{100, ten}, Account: Rate{30, ten}},
		Credential: LimitsOf{Address: Rate{300, Duration(time.Minute)}},
		SignUp:     LimitsOf{Address: Rate{20, hour}, Tenant: Rate{1000, hour}},
		Reset:      LimitsOf{Address: Rate{20, hour}, Account: Rate{3, hour}, Tenant: Rate{1000, hour}},
		SendMail:   LimitsOf{Address: Rate{20, hour}, Account: Rate{5, hour}, Tenant: Rate{2000, hour}},
	}
}

// consumer keeps people signed in on their own devices.
func (c *Config) consumer() {
	c.Sessions.Idle, c.Sessions.Absolute = Duration(14*day), Duration(90*day)
	c.Tokens.RefreshIdle, c.Tokens.RefreshAbsolute = Duration(30*day), Duration(90*day)
}

// highAssurance follows NIST SP 800-63B-4 for AAL2 and better: a new proof after 12 hours at most and
// 30 minutes without use; a copied refresh token has no grace; a stolen hash costs more to guess at.
func (c *Config) highAssurance() {
	c.Sessions.Idle, c.Sessions.Absolute = Duration(30*time.Minute), Duration(12*time.Hour)
	c.Tokens.AccessLife, c.Tokens.RefreshGrace = Duration(5*time.Minute), 0
	c.Tokens.RefreshIdle, c.Tokens.RefreshAbsolute = Duration(time.Hour), Duration(12*time.Hour)
	c.Password.Argon2 = Argon2{Memory: 64 << 20, Passes: 3, Threads: 1}
}
