package config

import "reflect"

// Parse is Load with the text of a file.
func Parse(o Options, source string) (*Config, error) {
	first := newLoader(Defaults(Business, false))
	first.dry = true
	first.all(o, []byte(source))
	l := newLoader(Defaults(first.config.Profile, first.config.Dev))
	l.all(o, []byte(source))
	l.problems.merge(l.config.Validate())
	return l.config, l.problems.err()
}

// Bare is c without where its values come from, for comparing.
func (c *Config) Bare() Config {
	bare := *c
	bare.origins = nil
	return bare
}

// OriginOf is where the value of key comes from; empty for a default.
func (c *Config) OriginOf(key string) string { return c.origins[key] }

// AllKeys are the keys of all settings, with _file behind those of secrets.
func AllKeys() []string { return allKeys(reflect.TypeFor[Config](), "") }

// Variable is the name of the environment variable for key.
func Variable(key string) string { return variable(key) }

// WriteStamp marks a directory as a server's.
func WriteStamp(dir string) error { return writeStamp(dir, stampServer) }
