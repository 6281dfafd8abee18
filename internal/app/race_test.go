//go:build race

package app_test

// raceEnabled says that the race detector leaves garbage of its own.
const raceEnabled = true
