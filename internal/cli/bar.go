package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// bar shows on a terminal how far a long command has come. The zero bar shows nothing.
type bar struct {
	out  io.Writer
	line int // length of what stands there
}

// bar is one for people: a program that reads the output sees none.
func (l *localRun) bar() *bar {
	if !l.process.Terminal || l.global.JSON {
		return &bar{}
	}
	return &bar{out: l.process.Stderr}
}

const barWidth = 30

func (b *bar) show(step string, done, total int64) {
	if b.out == nil {
		return
	}
	text := fmt.Sprintf("%-24s %d", visible(step), done)
	if total > 0 {
		full := int(min(done, total) * barWidth / total)
		text = fmt.Sprintf("%-24s [%s%s] %3d %%  %d of %d", visible(step), strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done*100/total, done, total)
	}
	fmt.Fprintf(b.out, "\r%-*s", b.line, text)
	b.line = len(text)
}

// end removes the bar.
func (b *bar) end() {
	if b.line > 0 {
		fmt.Fprintf(b.out, "\r%*s\r", b.line, "")
	}
	b.line = 0
}

// barEvery is how often news is passed on, besides the beginning and the end of a step.
const barEvery = 100 * time.Millisecond

// seldom passes on what a person can follow.
func seldom(show func(step string, done, total int64), now func() time.Time) func(step string, done, total int64) {
	var last time.Time
	return func(step string, done, total int64) {
		at := now()
		if show == nil || done > 0 && done != total && at.Sub(last) < barEvery {
			return
		}
		last = at
		show(step, done, total)
	}
}
