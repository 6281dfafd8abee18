//go:build zones

package main

import _ "time/tzdata" // conditions and policies know time zones, and an image may have no files of them
