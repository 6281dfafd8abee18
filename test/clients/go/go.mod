module github.com/cardea-auth/cardea/test/clients/go

go 1.26.0

require (
	github.com/coreos/go-oidc/v3 v3.21.0
	go.yaml.in/yaml/v3 v3.0.6
	golang.org/x/oauth2 v0.37.0
)

require (
	github.com/cardea-auth/cardea v0.0.0-00010101000000-000000000000
	github.com/go-jose/go-jose/v4 v4.1.8
)

replace github.com/cardea-auth/cardea => ../../..
