package cardea_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// A whole service: one client, one guarded route, one handler that knows who calls.
func Example() {
	ctx := context.Background()
	auth, err := cardea.New(ctx, cardea.Config{
		Issuer:       "https://id.example.com",
		Audience:     "https://api.example.com",
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: cardea.Secret(os.Getenv("CLIENT_SECRET")),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()

	list := func(w http.ResponseWriter, r *http.Request) {
		who, _ := cardea.Subject(r.Context())
		fmt.Fprintf(w, "Invoices of %s.\n", who.Subject)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /invoices", auth.RequirePermissions("invoice:read")(http.HandlerFunc(list)))
	log.Print(http.ListenAndServe("localhost:8080", mux))
}

func ExampleNew() {
	auth, err := cardea.New(context.Background(), cardea.Config{
		Issuer: "https://id.example.com", ClientID: "billing", ClientSecret: "from a file",
	})
	fmt.Println(auth, err)
	// Output:
	// <nil> cardea: configuring: the Audience is empty: without it, a token for any other API would be accepted here
}

// A service without an own client can still verify tokens, if late revocation is acceptable to it.
func ExampleOffline() {
	_, err := cardea.New(context.Background(), cardea.Config{
		Issuer: "https://id.example.invalid", Audience: "https://api.example.com", Timeout: time.Millisecond,
	}, cardea.Offline())
	fmt.Println(err != nil)
	// Output: true
}

func ExampleSecret() {
	cfg := cardea.Config{ClientSecret: "hunter2"}
	fmt.Printf("%v %+v %q\n", cfg.ClientSecret, cfg.ClientSecret, cfg.ClientSecret)
	// Output: [redacted] [redacted] [redacted]
}

// Outside net/http: a message queue, a WebSocket, gRPC.
func ExampleClient_Verify() {
	srv, auth, end := demo()
	defer end()
	token := srv.Token(cardeatest.Claims{Subject: "alice", Scope: "invoice:read"})

	who, err := auth.Verify(context.Background(), token)
	fmt.Println(who.Subject, who.HasScope("invoice:read"), err)

	_, err = auth.Verify(context.Background(), "a password, by mistake")
	var refused *cardea.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Code)
	}
	// Output:
	// alice true <nil>
	// 401 token_invalid
}

func ExampleClient_Decide() {
	srv, auth, end := demo()
	defer end()
	srv.Allow("user:alice", "read", "invoice:17")

	for _, id := range []string{"17", "18"} {
		d, err := auth.Decide(context.Background(), cardea.Request{
			Subject:  cardea.Entity{Type: "user", ID: "alice"},
			Action:   cardea.Action{Name: "read"},
			Resource: cardea.Entity{Type: "invoice", ID: id},
		})
		fmt.Println(d.Allow, d.Reason, err)
	}
	// Output:
	// true allowed by the test <nil>
	// false nothing allows it <nil>
}

// A page asks once for all of its buttons.
func ExampleClient_DecideAll() {
	srv, auth, end := demo()
	defer end()
	srv.Allow("user:alice", "read", "invoice:17")

	alice, invoice := cardea.Entity{Type: "user", ID: "alice"}, cardea.Entity{Type: "invoice", ID: "17"}
	decisions, err := auth.DecideAll(context.Background(), []cardea.Request{
		{Subject: alice, Action: cardea.Action{Name: "read"}, Resource: invoice},
		{Subject: alice, Action: cardea.Action{Name: "delete"}, Resource: invoice},
	})
	fmt.Println(decisions[0].Allow, decisions[1].Allow, err)
	// Output: true false <nil>
}

func ExampleClient_Authenticate() {
	srv, auth, end := demo()
	defer end()
	home := auth.Authenticate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who, ok := cardea.Subject(r.Context()); ok {
			fmt.Fprintf(w, "Hello %s.", who.Subject)
			return
		}
		fmt.Fprint(w, "Hello stranger.")
	}))
	get(home, "")
	get(home, srv.Token(cardeatest.Claims{Subject: "alice"}))
	get(home, "broken")
	// Output:
	// 200 Hello stranger.
	// 200 Hello alice.
	// 401 {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The credential is not an access token of this issuer.","code":"token_invalid"}
}

func ExampleClient_RequireSignIn() {
	srv, auth, end := demo()
	defer end()
	me := auth.RequireSignIn(greet)
	get(me, "")
	get(me, srv.Token(cardeatest.Claims{Subject: "alice"}))
	// Output:
	// 401 {"type":"about:blank","title":"Unauthorized","status":401,"detail":"Sign in first: the request has no access token.","code":"token_missing"}
	// 200 alice
}

func ExampleClient_RequireScope() {
	srv, auth, end := demo()
	defer end()
	list := auth.RequireScope("invoice:read")(greet)
	get(list, srv.Token(cardeatest.Claims{Scope: "invoice:read"}))
	get(list, srv.Token(cardeatest.Claims{Scope: "profile"}))
	// Output:
	// 200 alice
	// 403 {"type":"about:blank","title":"Forbidden","status":403,"detail":"The access token was not granted every scope that is needed here.","code":"insufficient_scope","scope":"invoice:read"}
}

func ExampleClient_RequirePermissions() {
	srv, auth, end := demo()
	defer end()
	remove := auth.RequirePermissions("posts:read", "users:delete")(greet)
	srv.Grant("alice", "posts:read")
	srv.Grant("alice", "users:delete")
	srv.Grant("bob", "posts:read")
	get(remove, srv.Token(cardeatest.Claims{Subject: "alice"}))
	get(remove, srv.Token(cardeatest.Claims{Subject: "bob"}))
	// Output:
	// 200 alice
	// 403 {"type":"about:blank","title":"Forbidden","status":403,"detail":"The permission users:delete is needed here.","code":"permission_missing","permission":"users:delete"}
}

// The token still says admin, but the role is gone.
func ExampleClient_RequireAnyRole() {
	srv, auth, end := demo()
	defer end()
	settings := auth.RequireAnyRole("admin", "owner")(greet)
	srv.Assign("alice", "admin")
	token := srv.Token(cardeatest.Claims{Subject: "alice", Roles: []string{"admin"}})
	get(settings, token)
	srv.Unassign("alice", "admin")
	get(settings, token)
	// Output:
	// 200 alice
	// 403 {"type":"about:blank","title":"Forbidden","status":403,"detail":"One of these roles is needed: admin, owner.","code":"permission_missing"}
}

func ExampleClient_RequireOwnerOr() {
	srv, auth, end := demo()
	defer end()
	owners := map[string]string{"17": "alice"}
	ownerOf := func(r *http.Request) (string, error) {
		owner, ok := owners[r.PathValue("id")]
		if !ok {
			return "", &cardea.Error{Code: "not_found", Status: http.StatusNotFound, Description: "There is no such post."}
		}
		return owner, nil
	}
	mux := http.NewServeMux()
	mux.Handle("POST /posts/{id}", auth.RequireOwnerOr(ownerOf, "post:edit")(greet))
	srv.Grant("root", "post:edit")
	for _, user := range []string{"alice", "bob", "root"} {
		post(mux, "/posts/17", srv.Token(cardeatest.Claims{Subject: user}))
	}
	// Output:
	// 200 alice
	// 403 {"type":"about:blank","title":"Forbidden","status":403,"detail":"The permission post:edit is needed here.","code":"permission_missing","permission":"post:edit"}
	// 200 root
}

func ExampleClient_RequireStepUp() {
	srv, auth, end := demo()
	defer end()
	pay := auth.RequireStepUp("mfa", 5*time.Minute)(greet)
	get(pay, srv.Token(cardeatest.Claims{ACR: "mfa", Age: time.Minute}))
	get(pay, srv.Token(cardeatest.Claims{ACR: "mfa", Age: time.Hour}))
	// Output:
	// 200 alice
	// 401 {"type":"about:blank","title":"Unauthorized","status":401,"detail":"A more recent or a stronger sign-in is needed here.","code":"insufficient_user_authentication","acr_values":"mfa","max_age":300}
}

func ExampleSubject() {
	_, ok := cardea.Subject(context.Background())
	fmt.Println(ok)
	// Output: false
}

func ExampleCaller_Claim() {
	srv, auth, end := demo()
	defer end()
	token := srv.Token(cardeatest.Claims{Extra: map[string]any{"plan": "gold"}})
	who, err := auth.Verify(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	var plan string
	found, err := who.Claim("plan", &plan)
	fmt.Println(plan, found, err)
	// Output: gold true <nil>
}

// A handler that decides for itself answers like the guards do.
func ExampleWriteError() {
	srv, auth, end := demo()
	defer end()
	srv.Break(cardeatest.Decisions)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := auth.Decide(r.Context(), cardea.Request{
			Subject: cardea.Entity{Type: "user", ID: "alice"}, Action: cardea.Action{Name: "read"}, Resource: cardea.Entity{Type: "invoice", ID: "17"},
		})
		if err != nil {
			cardea.WriteError(w, err)
			return
		}
	})
	get(h, "")
	// Output: 503 {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"Access could not be decided just now.","code":"decision_unavailable"}
}
