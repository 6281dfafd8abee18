package helm_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"github.com/cardea-auth/cardea/internal/httpapi/serve"
)

const (
	root  = "../.."
	chart = root + "/deploy/helm/cardea"
)

type values = map[string]any

// shared is a release of several pods with everything that is optional.
func shared() values {
	return values{
		"issuer": "https://id.example.com", "replicas": 3, "trustedProxies": []any{"10.1.0.0/16"}, "egressAllow": []any{"redis=10.2.0.0/16", "smtp=10.3.0.0/16"},
		"secret":    values{"keys": values{"redisURL": "redis-url", "smtpPassword": "smtp-password"}},
		"settings":  values{"log.format": "json", "mail.from": "Cardea <no-reply@example.com>", "mail.smtp.host": "smtp.example.com", "mail.smtp.username": "cardea", "authz.memory": "256MiB"},
		"ingress":   values{"enabled": true, "className": "nginx", "tlsSecret": "tls"},
		"podLabels": values{"team": "identity"}, "podAnnotations": values{"a": "b"}, "nodeSelector": values{"disk": "ssd"}, "pullSecrets": []any{values{"name": "pull"}},
		"networkPolicy": values{"enabled": true}, "serviceMonitor": values{"enabled": true, "labels": values{"release": "prometheus"}},
	}
}

// single is one pod whose database is a file.
func single() values {
	return values{
		"issuer": "https://id.example.com", "replicas": 1, "persistence": values{"enabled": true},
		"secret": values{"keys": values{"databaseURL": "", "masterKey": ""}}, "trustedProxies": []any{"10.1.0.0/16"},
	}
}

// objects are what a release consists of, by kind and name.
type objects map[string][]byte

// render makes the objects of a release as helm template does.
func render(v values) (objects, string, error) {
	c, err := loader.Load(chart)
	if err != nil {
		return nil, "", err
	}
	all, err := chartutil.ToRenderValues(c, v, chartutil.ReleaseOptions{Name: "cardea", Namespace: "identity", IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, "", err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, "", err
	}
	out, notes := objects{}, ""
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			notes = text
			continue
		}
		for part := range strings.SplitSeq("\n"+text, "\n---\n") {
			var is struct {
				Kind     string
				Metadata struct{ Name string }
			}
			if err := yaml.Unmarshal([]byte(part), &is); err != nil {
				return nil, "", fmt.Errorf("%s: %w\n%s", name, err, part)
			}
			if is.Kind != "" {
				out[is.Kind+"/"+is.Metadata.Name] = []byte(part)
			}
		}
	}
	return out, notes, nil
}

func mustRender(t *testing.T, v values) objects {
	t.Helper()
	out, _, err := render(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// as reads an object as Kubernetes does, strictly: it fails for a member that does not exist.
func as[T any](t *testing.T, all objects, name string) T {
	t.Helper()
	var out T
	text, ok := all[name]
	if !ok {
		t.Fatalf("there is no %s among %v", name, slices.Sorted(maps.Keys(all)))
	}
	if err := yaml.UnmarshalStrict(text, &out); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	return out
}

func TestLint(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]values{"shared": shared(), "single": single()} {
		for _, m := range lint.All(chart, v, "identity", true).Messages {
			if !strings.Contains(m.Error(), "icon is recommended") {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

// TestRefusals: what cannot work is refused when the release is made.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for why, v := range map[string]values{
		"issuer is required":                 {},
		"pods share no database that is":     {"issuer": "https://id.example.com", "secret": values{"keys": values{"databaseURL": ""}}},
		"needs a volume":                     {"issuer": "https://id.example.com", "replicas": 1, "secret": values{"keys": values{"databaseURL": ""}}},
		"secret.keys.masterKey is required":  {"issuer": "https://id.example.com", "secret": values{"keys": values{"masterKey": ""}}},
		"redisURL needs":                     {"issuer": "https://id.example.com", "replicas": 1, "persistence": values{"enabled": true}, "secret": values{"keys": values{"databaseURL": "", "redisURL": "r"}}},
		"issuer":                             {"issuer": "http://id.example.com"},
		"replica":                            {"issuer": "https://id.example.com", "replica": 3},
		"egressAllow":                        {"issuer": "https://id.example.com", "egressAllow": []any{"10.0.0.0/8"}},
		"additional properties 'a' not allo": {"issuer": "https://id.example.com", "secret": values{"a": "b"}},
	} {
		if _, _, err := render(v); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v: %v, want %q", v, err, why)
		}
	}
}

// TestObjects: every object is one of Kubernetes', and there are those that were asked for.
func TestObjects(t *testing.T) {
	t.Parallel()
	all := mustRender(t, shared())
	as[apps.Deployment](t, all, "Deployment/cardea")
	labels := as[core.Service](t, all, "Service/cardea-management").Labels
	if budget := as[policy.PodDisruptionBudget](t, all, "PodDisruptionBudget/cardea"); budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("the budget: %+v", budget.Spec)
	}
	if in := as[networking.Ingress](t, all, "Ingress/cardea"); in.Spec.Rules[0].Host != "id.example.com" || in.Spec.TLS[0].Hosts[0] != "id.example.com" {
		t.Errorf("the ingress: %+v", in.Spec)
	}
	for _, rule := range as[networking.NetworkPolicy](t, all, "NetworkPolicy/cardea").Spec.Ingress {
		if len(rule.From) == 0 || len(rule.Ports) == 0 {
			t.Errorf("a rule lets everybody in, or everywhere: %+v", rule)
		}
	}
	var monitor struct {
		Spec struct {
			JobLabel string
			Selector struct{ MatchLabels map[string]string }
		}
	}
	if err := yaml.Unmarshal(all["ServiceMonitor/cardea"], &monitor); err != nil {
		t.Fatal(err)
	}
	for name, value := range monitor.Spec.Selector.MatchLabels {
		if labels[name] != value {
			t.Errorf("the monitor looks for %s=%s, the service has %v", name, value, labels)
		}
	}
	alerts := read(t, "deploy/prometheus/alerts.yaml")
	if job := labels[monitor.Spec.JobLabel]; !strings.Contains(alerts, fmt.Sprintf(`job="%s"`, job)) {
		t.Errorf("the job is %q, which no alert looks for", job)
	}
	few := mustRender(t, single())
	as[core.PersistentVolumeClaim](t, few, "PersistentVolumeClaim/cardea")
	if got := slices.Sorted(maps.Keys(few)); len(got) != 4 {
		t.Errorf("a single pod is %v", got)
	}
	if d := as[apps.Deployment](t, few, "Deployment/cardea"); d.Spec.Strategy.Type != apps.RecreateDeploymentStrategyType {
		t.Error("two pods could have one file for a while")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPod: without privileges, as the image has it; nobody notices when one pod takes the place of another.
func TestPod(t *testing.T) {
	t.Parallel()
	d := as[apps.Deployment](t, mustRender(t, shared()), "Deployment/cardea")
	pod, c := d.Spec.Template.Spec, d.Spec.Template.Spec.Containers[0]
	s, own := pod.SecurityContext, c.SecurityContext
	if !*s.RunAsNonRoot || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || *pod.AutomountServiceAccountToken ||
		!*own.ReadOnlyRootFilesystem || *own.AllowPrivilegeEscalation || !slices.Equal(own.Capabilities.Drop, []core.Capability{"ALL"}) {
		t.Errorf("the pod has privileges: %+v, %+v", s, own)
	}
	if user := fmt.Sprintf("USER %d:%d", *s.RunAsUser, *s.RunAsGroup); !strings.Contains(read(t, "deploy/Dockerfile"), user) {
		t.Errorf("the pod runs as %s, the image as somebody else", user)
	}
	r := d.Spec.Strategy.RollingUpdate
	if r.MaxUnavailable.IntValue() != 0 || r.MaxSurge.IntValue() < 1 {
		t.Errorf("pods go before others have come: %+v", r)
	}
	drain := 10
	if _, err := fmt.Sscanf(env(c)["CARDEA_SERVER_DRAIN"], "%ds", &drain); err != nil {
		t.Fatal(err)
	}
	const underWay = 10 // see drainTimeout in internal/app
	if *pod.TerminationGracePeriodSeconds <= int64(drain+underWay) {
		t.Errorf("killed after %d s, in the middle of draining", *pod.TerminationGracePeriodSeconds)
	}
	if p := c.ReadinessProbe; int(p.PeriodSeconds*p.FailureThreshold) >= drain {
		t.Error("it is not noticed in time that a pod drains")
	}
	if len(pod.TopologySpreadConstraints) == 0 || c.Resources.Limits.Memory().IsZero() {
		t.Error("all pods may be on one node, or take all memory")
	}
}

func env(c core.Container) map[string]string {
	out := map[string]string{}
	for _, e := range c.Env {
		out[e.Name] = e.Value
	}
	return out
}

// TestProbes: the server answers where the probes and the monitor ask.
func TestProbes(t *testing.T) {
	t.Parallel()
	all := mustRender(t, shared())
	c := as[apps.Deployment](t, all, "Deployment/cardea").Spec.Template.Spec.Containers[0]
	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	for name, setting := range map[string]string{"http": "CARDEA_SERVER_LISTEN", "management": "CARDEA_SERVER_MANAGEMENT"} {
		if want := fmt.Sprintf(":%d", ports[name]); env(c)[setting] != want {
			t.Errorf("%s is %q, and the port %s %s", setting, env(c)[setting], name, want)
		}
	}
	h := serve.Management{Ready: func(context.Context) error { return nil }, Metrics: http.NotFoundHandler()}.Handler()
	for _, p := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if p.HTTPGet.Port.StrVal != "management" {
			t.Errorf("a probe asks at %s", p.HTTPGet.Port.String())
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.HTTPGet.Path, http.NoBody))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", p.HTTPGet.Path, w.Code)
		}
	}
	if c.LivenessProbe.HTTPGet.Path == c.ReadinessProbe.HTTPGet.Path {
		t.Error("a pod is restarted because its database is down")
	}
}

// TestSettings has the program itself judge the settings of the pods, with files where the Secret is mounted, and
// the commands that the notes name.
func TestSettings(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "cardea")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/cardea")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	key, err := exec.CommandContext(t.Context(), program, "config", "key").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, notes, err := render(shared())
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range regexp.MustCompile(`(?m) -- /cardea ([a-z -]+)$`).FindAllStringSubmatch(notes, -1) {
		if out, err := exec.CommandContext(t.Context(), program, append(strings.Fields(command[1]), "--help")...).CombinedOutput(); err != nil {
			t.Errorf("the notes say %q: %s", command[1], out)
		}
	}
	secret := map[string]string{
		"database-url": "postgres://cardea:secret@postgres.identity.svc:5432/cardea", "master-key": strings.TrimSpace(string(key)),
		"redis-url": "redis://10.2.0.1:6379", "smtp-password": "secret",
	}
	for name, v := range map[string]values{"shared": shared(), "single": single()} {
		pod := as[apps.Deployment](t, mustRender(t, v), "Deployment/cardea").Spec.Template.Spec
		mounted := t.TempDir()
		at := mount(t, pod, secret, mounted)
		var all []string
		for variable, value := range env(pod.Containers[0]) {
			if at != "" {
				value = strings.Replace(value, at, mounted, 1)
			}
			all = append(all, variable+"="+value)
		}
		c := exec.CommandContext(t.Context(), program, "config", "check")
		c.Env = all
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		c = exec.CommandContext(t.Context(), program, "config", "check")
		c.Env = append(all, "CARDEA_SERVER_NO_SUCH_SETTING=1")
		if c.Run() == nil {
			t.Error("the check accepts anything: nothing is shown")
		}
	}
}

// mount puts the files of the Secret into a directory, as the volume says, and returns where a pod has them.
func mount(t *testing.T, pod core.PodSpec, secret map[string]string, to string) (at string) {
	t.Helper()
	for _, v := range pod.Volumes {
		if v.Secret == nil {
			continue
		}
		if *v.Secret.DefaultMode&0o007 != 0 {
			t.Errorf("everybody can read the secrets: mode %o", *v.Secret.DefaultMode)
		}
		for _, item := range v.Secret.Items {
			if err := os.WriteFile(filepath.Join(to, item.Path), []byte(cmp.Or(secret[item.Key], "x")), os.FileMode(*v.Secret.DefaultMode)); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range pod.Containers[0].VolumeMounts {
			if m.Name == v.Name {
				at = m.MountPath
			}
		}
	}
	return at
}

// TestValues: every value is used, and what the notes say can be done.
func TestValues(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	files, err := filepath.Glob(chart + "/templates/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	c, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	for name := range c.Values {
		if !regexp.MustCompile(`\.Values\.` + name + `\b`).MatchString(all.String()) {
			t.Errorf("nothing uses the value %s", name)
		}
	}
	v := single()
	v["trustedProxies"] = []any{}
	_, notes, err := render(v)
	if err != nil || !strings.Contains(notes, "/cardea setup-link") || !strings.Contains(notes, "trustedProxies is empty") {
		t.Errorf("the notes: %v\n%s", err, notes)
	}
}

// TestMain keeps go test from remembering the result, which rests on files outside of this module: it never
// keeps one for which a directory was looked at that has just changed.
func TestMain(m *testing.M) {
	f, err := os.CreateTemp(".", ".now")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err == nil {
		_, err = os.Stat(".")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
