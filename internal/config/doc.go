// Package config is the one place where an operator says how Cardea runs: a tree of documented
// fields, filled from defaults, a YAML file, the environment and flags, the later of which win.
//
//	Defaults ─▶ file ─▶ CARDEA_… ─▶ flags ─▶ Validate ─▶ *Config, or all Problems at once
//
// It is strict on purpose. A key that does not exist, one that is written twice, a value of another
// type, an empty value where a value was meant: each would silently leave a default in force, so each
// is a problem with its place and what to do. Secrets come from files or the environment, never from
// the YAML file or a flag; no problem and no print-out repeats a value of one.
//
// The field comments of tree.go are the reference for operators: Docs prints them.
//
// The package imports kit only. What a number means, and which numbers a room refuses, the room
// knows; wiring hands such checks in, so that they are reported with the rest. There is no global
// configuration: wiring gives each room its part.
package config
