package openfga_test

import (
	"bufio"
	"bytes"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/openfga/openfga/tests"
	"github.com/openfga/openfga/tests/check"
	"github.com/openfga/openfga/tests/listobjects"
	"github.com/openfga/openfga/tests/listusers"
)

var _ tests.ClientInterface = (*client)(nil)

// The differences that are meant.
const (
	subtracts = "A model in which a relation depends on itself through what it subtracts means nothing; it is refused when it is written (docs/adr/0024)."
	certain   = "Some parameter was not given, and the answer does not rest on it: Cardea answers, OpenFGA's list-users refuses."
	deep      = "OpenFGA gives up at a depth of 25. Cardea is bounded by work, and answers."
)

// otherwise are the subtests of OpenFGA's runners that end otherwise here, and why. Nothing else may fail,
// and each of these must, on every engine on which it is run.
var otherwise = map[string]string{
	"TestUpstreamCheck/RunAllTests/Check/resolution_too_complex_throws_error/stage_0/assertion_0":           deep,
	"TestUpstreamCheck/RunAllTests/Check/resolution_too_complex_throws_error_ctxTuples/stage_0/assertion_0": deep,

	"TestUpstreamCheck/test_matrix_sqlite_experimental_over_HTTP/complete_testing_model/stage_complexity4_or_complex4/assertion_list_users_no_path_1":                                    certain,
	"TestUpstreamCheck/test_matrix_sqlite_experimental_over_HTTP/complete_testing_model/stage_complexity4_or_complex4/assertion_list_users_path_to_user_through_ttu_and_nested_complex3": certain,
	"TestUpstreamCheck/test_matrix_sqlite_experimental_over_HTTP/complete_testing_model/stage_complexity4_ttu_and_nested_complex3/assertion_list_users_path_to_user_1":                   certain,

	"TestUpstreamListObjects/RunAll/ListObjects/false_butnot_cycle_return_false/stage_0":           subtracts,
	"TestUpstreamListObjects/RunAll/ListObjects/false_butnot_cycle_return_false_ctxTuples/stage_0": subtracts,
	"TestUpstreamListObjects/RunAll/ListObjects/true_butnot_cycle_return_false/stage_0":            subtracts,
	"TestUpstreamListObjects/RunAll/ListObjects/true_butnot_cycle_return_false_ctxTuples/stage_0":  subtracts,
	"TestUpstreamListObjects/RunAll/ListObjects/list_objects_expands_wildcard_tuple/stage_2":       subtracts,

	"TestUpstreamListUsers/RunAll/ListUsers/false_butnot_cycle_return_false/stage_0":           subtracts,
	"TestUpstreamListUsers/RunAll/ListUsers/false_butnot_cycle_return_false_ctxTuples/stage_0": subtracts,
	"TestUpstreamListUsers/RunAll/ListUsers/true_butnot_cycle_return_false/stage_0":            subtracts,
	"TestUpstreamListUsers/RunAll/ListUsers/true_butnot_cycle_return_false_ctxTuples/stage_0":  subtracts,
	"TestUpstreamListUsers/RunAll/ListUsers/list_objects_expands_wildcard_tuple/stage_2":       subtracts,

	"TestUpstreamListUsers/RunAll/ListUsers/relation_through_ttu_with_condition/stage_0/assertion_1":           certain,
	"TestUpstreamListUsers/RunAll/ListUsers/relation_through_ttu_with_condition/stage_0/assertion_2":           certain,
	"TestUpstreamListUsers/RunAll/ListUsers/relation_through_ttu_with_condition_ctxTuples/stage_0/assertion_1": certain,
	"TestUpstreamListUsers/RunAll/ListUsers/relation_through_ttu_with_condition_ctxTuples/stage_0/assertion_2": certain,
	"TestUpstreamListUsers/RunAll/ListUsers/resolution_too_complex_throws_error/stage_0/assertion_0":           deep,
	"TestUpstreamListUsers/RunAll/ListUsers/resolution_too_complex_throws_error_ctxTuples/stage_0/assertion_0": deep,
}

// inside names the environment variable with which this program runs OpenFGA's runners as they are.
const inside = "OPENFGA_RUNNERS"

// How many subtests pass at least, on one engine.
const (
	allPass       = 6300
	listUsersPass = 1250
)

// TestRunners runs OpenFGA's own runners for check, list-objects and list-users against the program,
// over HTTP, in a process of their own, so that what they find can be compared with what is meant.
func TestRunners(t *testing.T) {
	run := exec.Command(os.Args[0], "-test.run=^TestUpstream", "-test.v")
	run.Env = append(os.Environ(), inside+"=1")
	out, _ := run.CombinedOutput() // it fails wherever a difference is meant
	passed, failed := results(out)
	differences := maps.Clone(otherwise)
	least := allPass
	for engine, part := range map[string]struct {
		runners string
		pass    int
	}{"TestUpstreamPostgres/": {"TestUpstream", allPass}, "TestUpstreamMongo/": {"TestUpstreamListUsers", listUsersPass}} {
		if bytes.Contains(out, []byte("--- SKIP: "+strings.TrimSuffix(engine, "/")+" (")) {
			t.Logf("%s: there is none on this machine", engine)
			continue
		}
		least += part.pass
		for name, why := range otherwise {
			if strings.HasPrefix(name, part.runners) {
				differences[engine+strings.TrimPrefix(name, "TestUpstream")] = why
			}
		}
	}
	t.Logf("%d subtests pass, %d end otherwise as meant", passed, len(differences))
	if passed < least {
		t.Errorf("only %d subtests pass\n%.4000s", passed, out)
	}
	for _, name := range failed {
		if differences[name] == "" {
			t.Errorf("%s fails\n%s", name, about(out, name))
		}
	}
	for name, why := range differences {
		if !slices.Contains(failed, name) {
			t.Errorf("%s no longer fails, so this is no difference: %s", name, why)
		}
	}
}

// results counts the subtests that pass, and lists those that fail and have none below them that do.
func results(out []byte) (passed int, failed []string) {
	var all []string
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if strings.HasPrefix(line, "--- PASS: ") {
			passed++
		}
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " (")
			all = append(all, name)
		}
	}
	for _, name := range all {
		if !slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, name+"/") }) {
			failed = append(failed, name)
		}
	}
	return passed, failed
}

// about is what was written about a subtest.
func about(out []byte, name string) []byte {
	i := bytes.Index(out, []byte("Test:       \t"+name+"\n"))
	if i < 0 {
		return nil
	}
	return out[max(0, i-600):min(len(out), i+600)]
}

func upstream(t *testing.T) *client {
	t.Helper()
	asked(t)
	return newClient(startServer(t))
}

func asked(t *testing.T) {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("run by TestRunners")
	}
}

func TestUpstreamCheck(t *testing.T)       { runCheck(t, upstream(t)) }
func TestUpstreamListObjects(t *testing.T) { runListObjects(t, upstream(t)) }
func TestUpstreamListUsers(t *testing.T)   { listusers.RunAllTests(t, upstream(t)) }

func runCheck(t *testing.T, c *client) {
	check.RunAllTests(t, c)
	check.RunMatrixTests(t, "sqlite", "over HTTP", c)
}

func runListObjects(t *testing.T, c *client) {
	listobjects.RunAllTests(t, c)
	listobjects.RunMatrixTests(t, "sqlite", "over HTTP", c)
}

// TestUpstreamPostgres is all of it on PostgreSQL.
func TestUpstreamPostgres(t *testing.T) {
	asked(t)
	c := newClient(startServer(t, onPostgres(t)))
	t.Run("Check", func(t *testing.T) { runCheck(t, c) })
	t.Run("ListObjects", func(t *testing.T) { runListObjects(t, c) })
	t.Run("ListUsers", func(t *testing.T) { listusers.RunAllTests(t, c) })
}

// TestUpstreamMongo is the part that runs on what stands for MongoDB, which is slow: the answers are those of one
// evaluator, so what can differ is how tuples are kept and read.
func TestUpstreamMongo(t *testing.T) {
	asked(t)
	c := newClient(startServer(t, onMongo(t)))
	t.Run("ListUsers", func(t *testing.T) { listusers.RunAllTests(t, c) })
}
