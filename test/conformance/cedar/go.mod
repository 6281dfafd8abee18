module github.com/cardea-auth/cardea/test/conformance/cedar

go 1.26.4

require (
	github.com/cardea-auth/cardea v0.0.0
	github.com/cedar-policy/cedar-go v1.9.2
	github.com/go-json-experiment/json v1.27.2
)

require golang.org/x/exp v0.0.0-20240823005443-9b4947da3948 // indirect

replace github.com/cardea-auth/cardea => ../../..
