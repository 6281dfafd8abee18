module github.com/cardea-auth/cardea/examples/api

go 1.26.0

require github.com/cardea-auth/cardea v0.0.0

require github.com/go-jose/go-jose/v4 v4.1.8 // indirect

replace github.com/cardea-auth/cardea => ../..
