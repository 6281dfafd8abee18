package main

// proofs are the tests that have a long form, by package; docs/reliability.md says what they are about.
var proofs = []struct{ dir, test string }{
	{"internal/store/postgres", "TestServerKilled"},
	{"internal/store/postgres", "TestConnectionLostAroundCommit"},
	{"test/clients/go", "TestKilledAgainAndAgain"},
	{"test/clients/go", "TestDatabaseKilled"},
	{"test/clients/go", "TestNodeCutOff"},
	{"test/clients/go", "TestNodeClockOff"},
	{"test/clients/go", "TestNodesOneSuccessor"},
	{"test/clients/go", "TestNodesOneWinner"},
	{"test/clients/go", "TestNodesOneAdministrator"},
	{"test/clients/go", "TestNodesRevocationSpreads"},
	{"test/clients/go", "TestNodesKeysRotate"},
	{"test/clients/go", "TestNodesKeysRotateUnderLoad"},
	{"test/clients/go", "TestNodesNewEnemy"},
	{"test/conformance/openfga", "TestNewEnemy"},
	{"test/deploy", "TestRollingRestart"},
	{"test/upgrade", "TestRollingUpgrade"},
	{"test/deploy", "TestRedisFails"},
	{"test/deploy", "TestPartitions"},
	{"test/deploy", "TestRegress_R14_DiskFullOverHTTP"},
}
