package cli

type completionCommand struct {
	Shell string `arg:"" help:"bash, zsh, fish or powershell." enum:"bash,zsh,fish,powershell"`
}

// local prints a script for the shell, which asks this program what can follow.
func (c *completionCommand) local(l *localRun) error {
	root := newParser().root(&grammar{})
	switch c.Shell {
	case "bash":
		return root.GenBashCompletionV2(l.process.Stdout, true)
	case "zsh":
		return root.GenZshCompletion(l.process.Stdout)
	case "fish":
		return root.GenFishCompletion(l.process.Stdout, true)
	default:
		return root.GenPowerShellCompletionWithDesc(l.process.Stdout)
	}
}
