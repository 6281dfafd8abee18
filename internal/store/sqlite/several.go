package sqlite

import (
	"context"

	"github.com/cardea-auth/cardea/internal/store"
)

// atOnce is how many tuples one statement writes. Each statement costs, whatever it writes, and it copies every
// page that it touches, so that it could be undone alone: with one for each tuple that was a third of all work.
const atOnce = 25

// insertOrFail leaves in place what a statement wrote before it failed, and so has SQLite keep nothing with which
// to undo it. That is for the savepoint or the transaction around it, which never outlives an error.
const insertOrFail = "INSERT OR FAIL INTO "

// The statements for atOnce tuples. What they have in common is bound once, before the rows.
const (
	fiveRows = row + ", " + row + ", " + row + ", " + row + ", " + row
	rows     = fiveRows + ", " + fiveRows + ", " + fiveRows + ", " + fiveRows + ", " + fiveRows
	row      = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
	ofRow    = "column1, column2, column3, column4, column5, column6, column7, column8, column9"

	writeSeveral  = insertOrFail + "tuple (tenant, store, written, " + tupleFields + ") SELECT ?, ?, ?, " + ofRow + " FROM (VALUES " + rows + ") WHERE TRUE" + orRenewed
	looseSeveral  = writeSeveral + ifOther
	strictSeveral = writeSeveral + ifExpired

	fiveChanges = change + ", " + change + ", " + change + ", " + change + ", " + change
	changes     = fiveChanges + ", " + fiveChanges + ", " + fiveChanges + ", " + fiveChanges + ", " + fiveChanges
	change      = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	logSeveral  = insertOrFail + "tuple_log (tenant, store, revision, at, " + tupleFields + ", n, removed) SELECT ?, ?, ?, ?, " + ofRow + ", column10, column11 FROM (VALUES " + changes + ")"
)

// several are the first atOnce of ops, if one statement can write them.
func several(ops []store.TupleOp) []store.TupleOp {
	if len(ops) < atOnce {
		return nil
	}
	first := ops[0]
	for _, op := range ops[:atOnce] {
		if op.Delete || op.Strict != first.Strict || !op.Tuple.Written.Equal(first.Tuple.Written) {
			return nil
		}
	}
	return ops[:atOnce]
}

// writeSeveralTuples writes what several has found. It reports whether each of them changed something; if not,
// nothing is written, because the statement does not say which of them did.
func writeSeveralTuples(ctx context.Context, c *conn, w store.Write, ops []store.TupleOp) (all bool, err error) {
	statement := looseSeveral
	args := append(c.args[:0], storeArgs(w.InTuples())...)
	args = append(args, millis(ops[0].Tuple.Written))
	for _, op := range ops {
		args = append(args, fieldsOf(op.Tuple)...)
	}
	if ops[0].Strict {
		statement, args = strictSeveral, append(args, w.At.UnixMilli())
	}
	c.args = args
	if _, err := c.exec(ctx, "SAVEPOINT several"); err != nil {
		return false, err
	}
	n, err := c.exec(ctx, statement, args...)
	if err != nil {
		return false, err // whoever began the transaction goes back further
	}
	if n < atOnce {
		if _, err := c.exec(ctx, "ROLLBACK TO several"); err != nil {
			return false, err
		}
	}
	_, err = c.exec(ctx, "RELEASE several")
	return n == atOnce, err
}

// logTuples notes what a revision has changed.
func logTuples(ctx context.Context, c *conn, w store.Write, revision int64, effective []store.TupleOp) error {
	n := 0
	for ; len(effective)-n >= atOnce; n += atOnce {
		args := append(c.args[:0], storeArgs(w.InTuples())...)
		args = append(args, revision, w.At.UnixMilli())
		for i, op := range effective[n : n+atOnce] {
			args = append(append(args, fieldsOf(op.Tuple)...), int64(n+i), flag(op.Delete))
		}
		c.args = args
		if _, err := c.exec(ctx, logSeveral, args...); err != nil {
			return err
		}
	}
	for ; n < len(effective); n++ {
		args := append(tupleArgs(w.InTuples(), effective[n].Tuple), revision, int64(n), w.At.UnixMilli(), flag(effective[n].Delete))
		if _, err := c.exec(ctx, logTuple, args...); err != nil {
			return err
		}
	}
	return nil
}
