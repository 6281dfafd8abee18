package deploy_test

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestTraefik compares the file for Traefik, which is not here to be run, with what nginx does: the same paths
// have the same limits, and the same headers never arrive.
func TestTraefik(t *testing.T) {
	t.Parallel()
	var file struct {
		HTTP struct {
			Routers map[string]struct {
				Rule, Service string
				Middlewares   []string
			}
			Middlewares map[string]struct {
				RateLimit struct {
					Average, Burst int
					Period         string
				} `yaml:"rateLimit"`
				Headers struct {
					Custom map[string]string `yaml:"customRequestHeaders"`
				}
				Buffering struct {
					Max int `yaml:"maxRequestBodyBytes"`
				}
				Retry map[string]any
			}
			Services map[string]any
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/traefik/cardea.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	nginx := read(t, "deploy/nginx/cardea.conf")
	for name, r := range file.HTTP.Routers {
		for _, m := range r.Middlewares {
			if _, there := file.HTTP.Middlewares[m]; !there {
				t.Errorf("%s passes %s, which is not there", name, m)
			}
		}
		if _, there := file.HTTP.Services[r.Service]; !there || !slices.Contains(r.Middlewares, "cardea-headers") {
			t.Errorf("%s leads nowhere, or lets headers of the client through", name)
		}
	}
	for router, location := range map[string]string{
		"cardea-proofs": "location /flow/ {", "cardea-tokens": "location = /oauth/token {",
		"cardea-streams": "location ~ ^(/t/[^/]+)?/(revocations|api/audit/tail)$ {",
	} {
		path := regexp.MustCompile("`(/[^`]*|\\^[^`]*)`").FindStringSubmatch(file.HTTP.Routers[router].Rule)
		if !strings.Contains(nginx, location) || path == nil || !strings.Contains(location, path[1]) {
			t.Errorf("%s is %q, and nginx has %s", router, file.HTTP.Routers[router].Rule, location)
		}
	}
	proofs, tokens := file.HTTP.Middlewares["cardea-proofs"].RateLimit, file.HTTP.Middlewares["cardea-tokens"].RateLimit
	if proofs.Average != 60 || proofs.Period != "1m" || !strings.Contains(nginx, "rate=60r/m") || !strings.Contains(nginx, "zone=cardea_proofs burst=30") || proofs.Burst != 30 {
		t.Errorf("proofs: %+v", proofs)
	}
	if tokens.Average != 50 || tokens.Period != "1s" || !strings.Contains(nginx, "rate=50r/s") || !strings.Contains(nginx, "zone=cardea_tokens burst=200") || tokens.Burst != 200 {
		t.Errorf("tokens: %+v", tokens)
	}
	if file.HTTP.Middlewares["cardea-body"].Buffering.Max != 1<<20 || slices.Contains(file.HTTP.Routers["cardea-streams"].Middlewares, "cardea-body") {
		t.Error("bodies are not limited to a megabyte, or streams are buffered")
	}
	taken := slices.Sorted(maps.Keys(file.HTTP.Middlewares["cardea-headers"].Headers.Custom))
	for _, header := range []string{"Client-Cert", "Forwarded"} {
		if !slices.Contains(taken, header) || !regexp.MustCompile(`proxy_set_header `+header+` +"";`).MatchString(nginx) {
			t.Errorf("%s of the client arrives", header)
		}
	}
}

// TestComposeProxies: the other proxies of the stack are where nginx is, have files that are there, lead to both nodes,
// and Traefik does what its file does that TestTraefik judges, without TLS.
func TestComposeProxies(t *testing.T) {
	t.Parallel()
	nginx := composed(t)["proxy"]
	for name, want := range map[string]string{"caddy": "../caddy/Caddyfile", "traefik": "./traefik-cardea.yaml"} {
		var file struct{ Services map[string]service }
		if err := yaml.Unmarshal([]byte(read(t, "deploy/compose/"+name+".yaml")), &file); err != nil {
			t.Fatal(err)
		}
		proxy := file.Services["proxy"]
		from, to, _ := strings.Cut(strings.Join(proxy.Volumes, " "), ":")
		if len(nginx.Volumes) != 1 || from != want || to == "" || !strings.Contains(proxy.Image, name+":") {
			t.Errorf("%s is %+v", name, proxy)
		}
		read(t, "deploy/compose/"+from)
		for one, s := range file.Services {
			if one == "proxy" {
				continue
			}
			env := []string{"CARDEA_SERVER_ISSUER=http://localhost:8420"}
			for k, v := range s.Environment {
				env = append(env, k+"="+v)
			}
			configCheck(t, env)
		}
	}
	_, production, _ := strings.Cut(read(t, "deploy/traefik/cardea.yaml"), "\nhttp:\n")
	_, ours, _ := strings.Cut(read(t, "deploy/compose/traefik-cardea.yaml"), "\nhttp:\n")
	want := strings.NewReplacer(
		"id.example.com", "localhost", "      tls: {}\n", "", "127.0.0.1:8420", "one:8420", "# - url: http://127.0.0.1:8430", "- url: http://two:8420",
		" All nodes must have it\n        # at the same port.", "",
	).Replace(production)
	if ours != want || strings.Contains(ours, "tls:") {
		t.Error("Traefik does something else in the stack")
	}
}

// TestComposeMongo: the set that is begun is the one that the nodes ask for.
func TestComposeMongo(t *testing.T) {
	t.Parallel()
	var file struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Healthcheck struct{ Test []string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/compose/mongo.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	base := read(t, "deploy/compose/compose.yaml")
	mongo := file.Services["mongo"]
	for name, s := range file.Services {
		at, ours := s.Environment["CARDEA_DATABASE_URL"]
		if name != "mongo" && !strings.Contains(base, "\n  "+name+":\n") {
			t.Errorf("there is no service %s to change", name)
		}
		if !ours {
			continue
		}
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		set := u.Query().Get("replicaSet")
		if u.Host != "mongo" || set == "" || !slices.Contains(mongo.Command, set) || !strings.Contains(strings.Join(mongo.Healthcheck.Test, " "), `_id: "`+set+`"`) {
			t.Errorf("%s asks for the set %q at %s", name, set, u.Host)
		}
		configCheck(t, []string{"CARDEA_DATABASE_URL=" + at, "CARDEA_MASTER_KEY=" + strings.TrimSpace(run1(t, binary, "config", "key"))})
	}
}
