package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

type authzModel struct {
	Write modelWrite `cmd:"" help:"Check a model and make it the one that is used."`
	Show  modelShow  `cmd:"" help:"Print a version in the modelling language."`
	List  modelList  `cmd:"" help:"List versions, the newest first."`
	Check modelCheck `cmd:"" help:"Say what is wrong with a model, and what is worth a second look. Needs no server."`
	Diff  modelDiff  `cmd:"" help:"Say what a file would change, and which tuples would no longer fit."`
	Pin   modelPin   `cmd:"" help:"Use a version instead of the newest; an older one is a rollback. --newest takes it back."`

	BuiltIn modelBuiltIn `cmd:"" name:"built-in" help:"Print the built-in module, for an fga.mod. Needs no server."`
}

// readModel reads the modelling language, an fga.mod with its modules, or with .json the JSON form.
func readModel(path string) (*model.Model, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	switch filepath.Ext(path) {
	case ".json":
		return model.ParseJSON(text)
	case ".mod":
		return model.Modules(string(text), func(name string) ([]byte, error) {
			return os.ReadFile(filepath.Join(filepath.Dir(path), filepath.FromSlash(name)))
		})
	}
	return builtin.Parse(string(text))
}

// soundModel is readModel of one that is sound.
func soundModel(path string) (*model.Model, error) {
	m, err := readModel(path)
	if err == nil {
		err = m.Check()
	}
	if err == nil {
		err = builtin.Check(m)
	}
	return m, err
}

type modelWrite struct {
	File string `arg:"" help:"A .fga or .json file, or an fga.mod."`
	inStore
}

func (c *modelWrite) run(e *env) error {
	storeID, err := c.id(e)
	if err != nil {
		return err
	}
	m, err := readModel(absolute(e.dir, c.File))
	if err != nil {
		return findings(e.out, c.File, err)
	}
	v, err := e.Stores.WriteModel(e.ctx, e.caller(), storeID, m)
	if err != nil {
		return findings(e.out, c.File, err)
	}
	return e.done(map[string]any{"authorization_model_id": v.ID, "digest": v.Digest}, "Model %s is used from now on, unless another is pinned.", v.ID)
}

// findings prints what is wrong with a model, one line each, in the form that editors jump to.
func findings(w io.Writer, file string, err error) error {
	all := model.Diagnostics(err)
	for _, d := range all {
		fmt.Fprintln(w, visible(file+":"+d.String()))
	}
	if len(all) > 0 {
		return coded{exitFailed, nil}
	}
	return err
}

// ofModel is a command about a version.
type ofModel struct {
	inStore
	Model string `help:"Id of the version; by default the one that is used." placeholder:"ID"`
}

func (c ofModel) version(e *env) (*stores.Version, error) {
	storeID, err := c.id(e)
	if err != nil {
		return nil, err
	}
	return e.Stores.GetModel(e.ctx, e.caller(), storeID, c.Model)
}

type modelShow struct{ ofModel }

func (c *modelShow) run(e *env) error {
	v, err := c.version(e)
	if err != nil {
		return err
	}
	text, err := v.Text()
	if err != nil {
		return err
	}
	return e.print(map[string]any{"id": v.ID, "digest": v.Digest, "authorization_model": v.Model}, func(w io.Writer) {
		fmt.Fprintf(w, "# %s\n%s", v.ID, text)
	})
}

type modelList struct{ inStore }

func (c *modelList) run(e *env) error {
	s, err := c.store(e)
	if err != nil {
		return err
	}
	found, err := all(func(r page.Request) (page.Page[*stores.Version], error) {
		return e.Stores.ListModels(e.ctx, e.caller(), s.ID, r)
	})
	if err != nil {
		return err
	}
	type one struct {
		ID      string `json:"id"`
		Created string `json:"created_at"`
		Digest  string `json:"digest"`
		Used    bool   `json:"used"`
	}
	out := make([]one, len(found))
	for i, v := range found {
		out[i] = one{v.ID, v.Created.Format("2006-01-02T15:04:05Z"), v.Digest, v.ID == s.Model()}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ID CREATED DIGEST USED", func(row func(...any)) {
			for _, v := range out {
				used := ""
				if v.Used {
					used = "used"
				}
				row(v.ID, v.Created, v.Digest[:12], used)
			}
		})
	})
}

type modelCheck struct {
	File string `arg:"" help:"A .fga or .json file, or an fga.mod."`
}

func (c *modelCheck) local(l *localRun) error {
	m, err := soundModel(absolute(l.process.Dir, c.File))
	if err != nil {
		return findings(l.process.Stdout, c.File, err)
	}
	for _, d := range m.Advice() {
		fmt.Fprintln(l.process.Stdout, visible(c.File+":"+d.String()))
	}
	fmt.Fprintln(l.process.Stdout, "The model is sound.")
	return nil
}

type modelBuiltIn struct{}

func (c *modelBuiltIn) local(l *localRun) error {
	_, err := io.WriteString(l.process.Stdout, builtin.Module)
	return err
}

type modelDiff struct {
	File string `arg:"" help:"A .fga or .json file, or an fga.mod."`
	ofModel
}

func (c *modelDiff) run(e *env) error {
	v, err := c.version(e)
	if err != nil {
		return err
	}
	m, err := soundModel(absolute(e.dir, c.File))
	if err != nil {
		return findings(e.out, c.File, err)
	}
	d := builtin.Compare(v.Model, m)
	return e.print(append(model.Diff{}, d...), func(w io.Writer) {
		if len(d) == 0 {
			fmt.Fprintln(w, "Nothing would change.")
		}
		fmt.Fprint(w, d.String())
	})
}

type modelPin struct {
	Model  string `arg:"" optional:"" help:"Id of the version."`
	Newest bool   `help:"Use the newest again."`
	inStore
}

func (c *modelPin) run(e *env) error {
	if (c.Model == "") != c.Newest {
		return errs.Bad("MODEL", "or --newest is needed, and not both")
	}
	storeID, err := c.id(e)
	if err != nil {
		return err
	}
	s, err := e.Stores.Pin(e.ctx, e.caller(), storeID, c.Model)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"authorization_model_id": s.Model()}, "Model %s is used.", s.Model())
}
