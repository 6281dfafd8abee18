package config

import (
	"net/netip"

	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Config is all settings of a server. Make one with Load.
type Config struct {
	// A demonstration on this machine: its own directory, users and applications made up, and a page
	// that shows every mail. It refuses anything that others could reach. Usually given as --dev.
	Dev bool `yaml:"dev"`
	// A set of defaults for sessions, tokens and password hashing. Every value can still be set by
	// itself. One of consumer (people stay signed in for weeks), business, and high_assurance
	// (finance, health: short sessions, no grace for refresh tokens, dearer password hashes).
	Profile Profile `yaml:"profile"`
	// The key that protects all others (cdm_…). Without it the first start makes one in the data
	// directory and says where. Keep a copy elsewhere than the database's: whoever has both has
	// everything, and without the key the database is lost.
	MasterKey secret.Value `yaml:"master_key"`

	Server   Server   `yaml:"server"`
	Data     Data     `yaml:"data"`
	Database Database `yaml:"database"`
	Redis    Redis    `yaml:"redis"`
	Mail     Mail     `yaml:"mail"`
	Password Password `yaml:"password"`
	Lockout  Lockout  `yaml:"lockout"`
	Limits   Limits   `yaml:"limits"`
	Sessions Sessions `yaml:"sessions"`
	Tokens   Tokens   `yaml:"tokens"`
	Egress   Egress   `yaml:"egress"`
	Authz    Authz    `yaml:"authz"`
	Audit    Audit    `yaml:"audit"`
	Log      Log      `yaml:"log"`

	origins map[string]string // where each value that is not a default comes from, by key
}

// Where the server listens and what it is called.
type Server struct {
	// Where applications and people reach the server: address:port, with an address of this machine,
	// or none for all of them.
	Listen Listen `yaml:"listen"`
	// Where health and metrics are served: address:port, or off. Keep it private: it needs no sign-in.
	Management Listen `yaml:"management"`
	// The address by which everybody knows this server: https://, a host, and a port if it is not
	// 443. It stands in every token, link and cookie, so it cannot change later. http:// is accepted
	// for localhost only.
	Issuer Origin `yaml:"issuer"`
	// Certificate and key for serving HTTPS without a proxy.
	TLS TLS `yaml:"tls"`
	// Networks of the proxies in front, which alone may say for which client they speak
	// (X-Forwarded-For): 127.0.0.1/32, 10.0.3.0/24. Name no others: whoever is named can pretend to be
	// anybody, and a proxy that is not named is taken for the client of all requests.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// The trusted proxies end mutual TLS and put the client's certificate into Client-Cert (RFC 9440),
	// after taking out what the client itself has sent by that name.
	ProxiesSendCertificates bool `yaml:"proxies_send_certificates"`
	// Further host names under which machines reach the server, such as one inside a cluster, without a
	// port. The issuer and the origin of its pages stay the configured ones. All others get status 421.
	Hosts []Host `yaml:"hosts"`
	// Cookies without the attribute Secure, for a browser that refuses it on http://localhost.
	// Accepted on loopback only.
	InsecureCookies bool `yaml:"insecure_cookies"`
	// How long a server that is told to stop goes on serving while /readyz says that it wants no more.
	// Behind a proxy that tries other nodes, longer than it takes to notice: then nobody notices.
	Drain Duration `yaml:"drain"`
}

// Certificate and key, both in PEM. They are read again when they change.
type TLS struct {
	// File of the certificate, followed by those between it and the root.
	CertFile string `yaml:"cert_file"`
	// File of the private key. It must not be readable by others.
	KeyFile string `yaml:"key_file"`
}

// Where data is kept.
type Data struct {
	// Directory of the database, the control socket and, unless it is set, the master key. It is made
	// if it does not exist. A directory of --dev is refused without it, and the other way round.
	Dir string `yaml:"dir"`
}

// The database. By default it is a file in the data directory, and one server uses it.
type Database struct {
	// A PostgreSQL database that several servers may share:
	// postgres://user:password@host:5432/name?sslmode=verify-full. Where the server is not on this
	// machine its certificate must be good unless sslmode says otherwise; search_path names a schema,
	// pool_max_conns bounds the connections (16), and pgbouncer=true is for a pooler that gives each
	// transaction another connection. Or a MongoDB database on a replica set:
	// mongodb://user:password@host1:27017,host2:27017/name?replicaSet=rs0, or mongodb+srv://. Where a server
	// is not on this machine TLS is used unless tls=false; maxPoolSize bounds the connections (16). All
	// servers need the same master_key.
	URL secret.Value `yaml:"url"`
}

// What servers that share a database may have in common besides it. Everything works without it, and
// nothing is lost with it.
type Redis struct {
	// A Redis or Valkey server (7 or newer): redis://user:password@host:6379/0, or rediss:// for TLS.
	// Further servers are named with addr=host:port, and are the Sentinels that know the master of the
	// name in master=NAME, or nodes of a cluster with cluster=true. Where it is not public it must be
	// allowed by egress.allow, and without TLS always. Servers tell each other of changes through it, count limits
	// together, and find documents that others have read, which are sealed there. Needs database.url.
	URL secret.Value `yaml:"url"`
}

// How mails leave. Without a server nobody can open an account or recover one: messages wait, and the
// health page says so.
type Mail struct {
	// How the service calls itself in mails.
	Product string `yaml:"product"`
	// Sender of all mails: an address, or "Example <no-reply@example.com>". Needed with a server.
	From string `yaml:"from"`
	// The mail server.
	SMTP SMTP `yaml:"smtp"`
}

// The mail server. One on a private network must be allowed by egress.allow.
type SMTP struct {
	// Name of the server, as it stands in its certificate.
	Host string `yaml:"host"`
	// Port of the server; 0 means the usual one: 587 for starttls, 465 for tls, 25 for none.
	Port int `yaml:"port"`
	// How the connection is protected: starttls, tls, or none. None is accepted only to networks in
	// egress.allow, and without a password.
	Security Security `yaml:"security"`
	// Name for signing in to the server. Empty: no sign-in.
	Username string `yaml:"username"`
	// Password for signing in to the server.
	Password secret.Value `yaml:"password"`
	// Name by which this server introduces itself (EHLO). Empty: the machine's name.
	Hello string `yaml:"hello"`
}

// How passwords are judged, hashed and checked.
type Password struct {
	// Least number of characters where a second factor is used too.
	MinLength int `yaml:"min_length"`
	// Least number of characters where the password is the only factor (NIST SP 800-63B-4 asks for 15).
	MinLengthAlone int `yaml:"min_length_alone"`
	// Costs of argon2id. Hashes with other costs are replaced at their owner's next sign-in.
	Argon2 Argon2 `yaml:"argon2"`
	// Hashes computed at once; 0 means one for each core. Times argon2.memory, this bounds the memory
	// that a flood of sign-ins can take.
	Slots int `yaml:"slots"`
	// Sign-ins that may wait for their turn; 0 means 32 for each slot. Further ones are refused at
	// once, with a time to come back.
	Queue int `yaml:"queue"`
	// Longest wait for a turn.
	Wait Duration `yaml:"wait"`
	// Most memory that one stored hash may ask for. Never below the largest argon2.memory ever used,
	// or those hashes cannot be checked any more.
	MaxMemory Size `yaml:"max_memory"`
	// Name of the pepper that is mixed into new hashes. Empty: none. To rotate, add one to peppers,
	// name it here, and keep the old one until no hash uses it.
	Pepper string `yaml:"pepper"`
	// Keys kept outside the database, so that a stolen database alone cannot be guessed at. Losing one
	// loses every password hashed with it.
	Peppers []Pepper `yaml:"peppers"`
}

// Costs of argon2id (RFC 9106).
type Argon2 struct {
	// Memory of one hash.
	Memory Size `yaml:"memory"`
	// Passes over the memory.
	Passes int `yaml:"passes"`
	// Lanes computed side by side.
	Threads int `yaml:"threads"`
}

// A key that is mixed into passwords before hashing.
type Pepper struct {
	// Name, 1 to 32 of a–z, 0–9 and '-'. It is stored beside each hash and must never name another key.
	ID string `yaml:"id"`
	// Key of at least 32 bytes, for instance from `openssl rand -hex 32`.
	Key secret.Value `yaml:"key"`
}

// How guessing at one account is slowed down. Known devices are counted apart, and the owner can lift
// a lock by mail.
type Lockout struct {
	// Failures after which the first wait begins.
	Free int `yaml:"free"`
	// The first wait; each further failure doubles it.
	First Duration `yaml:"first"`
	// No wait is longer.
	Longest Duration `yaml:"longest"`
	// After so long without a failure all is forgotten.
	Forget Duration `yaml:"forget"`
}

// How often something may be done, as count/time: 5/10m. Up to 32 a count is exact in any such time;
// above, it is a burst that refills evenly. Each server counts for itself unless they share a Redis
// (redis.url). off means no limit.
type Limits struct {
	// Failed sign-ins.
	SignIn LimitsOf `yaml:"sign_in"`
	// Refused bearer tokens, API keys and client secrets.
	Credential LimitsOf `yaml:"credential"`
	// New accounts.
	SignUp LimitsOf `yaml:"sign_up"`
	// Requests for a new password.
	Reset LimitsOf `yaml:"reset"`
	// Other mails that a visitor causes.
	SendMail LimitsOf `yaml:"send_mail"`
	// Requests to the token end point.
	Token LimitsOf `yaml:"token"`
	// Requests to the management API.
	API LimitsOf `yaml:"api"`
}

// Limits of one kind of request. The narrowest that is used up refuses.
type LimitsOf struct {
	// For each account and address together.
	Pair Rate `yaml:"pair"`
	// For each IPv4 address or IPv6 /64; sixteen times as much for each IPv6 /48.
	Address Rate `yaml:"address"`
	// For each account, from wherever.
	Account Rate `yaml:"account"`
	// For each application.
	Client Rate `yaml:"client"`
	// For each tenant: a cap on what strangers can make it cost.
	Tenant Rate `yaml:"tenant"`
}

// Sessions of tenants that have not chosen for themselves.
type Sessions struct {
	// A session ends after so long without use: 5m to 14d.
	Idle Duration `yaml:"idle"`
	// A session ends so long after its sign-in, used or not: 5m to 90d.
	Absolute Duration `yaml:"absolute"`
	// Sessions that a user may have at once; 0 means any number.
	Limit int `yaml:"limit"`
	// At the limit, refuse the new session instead of ending the oldest.
	RefuseAtLimit bool `yaml:"refuse_at_limit"`
}

// Tokens of tenants that have not chosen for themselves.
type Tokens struct {
	// Life of an access token: 1m to 1h. So long a revoked one works where nobody asks us.
	AccessLife Duration `yaml:"access_life"`
	// A refresh token ends after so long without use: 1h to 90d.
	RefreshIdle Duration `yaml:"refresh_idle"`
	// A chain of refresh tokens ends so long after its sign-in: 1h to 365d.
	RefreshAbsolute Duration `yaml:"refresh_absolute"`
	// So long the same client may present a refresh token again that it has just used, and gets the
	// same answer: at most 1m. 0s means not at all, and a lost answer then signs the user out.
	RefreshGrace Duration `yaml:"refresh_grace"`
}

// Connections that the server opens. Only public addresses are reached, by https, unless named here.
type Egress struct {
	// Networks that are not public and may be reached, by purpose: smtp=10.1.2.0/24. The purposes are
	// client_metadata, upstream, webhook, smtp, ldap, redis and decision.
	Allow []egress.Rule `yaml:"allow"`
}

// Stores of relation tuples that applications keep.
type Authz struct {
	// Memory for the stores that are being asked, like 512MiB. Those that nobody asks are let go of and
	// loaded again when somebody does. Of one that does not fit by itself (about 10,000 tuples in a
	// mebibyte) only what questions ask for is held, and the rest is read as they come.
	Memory Size `yaml:"memory"`
	// Whether a tuple may bring a condition of its own ([user with $expression]). Whoever may write
	// tuples may then write expressions, which are bounded in size and cost.
	InlineConditions bool `yaml:"inline_conditions"`
}

// The audit log.
type Audit struct {
	// File to which each signed checkpoint of the log is appended. Keep it on another machine or
	// medium: with it, a shortened log can be told from a short one.
	CheckpointFile string `yaml:"checkpoint_file"`
}

// What the server writes about itself, to standard error. It holds no secrets and no personal data
// beyond addresses.
type Log struct {
	// Least level that is written: debug, info, warn or error.
	Level Level `yaml:"level"`
	// Form of a line: text for people, json for machines.
	Format Format `yaml:"format"`
}
