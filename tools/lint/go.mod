// The linters, in a module of their own so that the product does not depend on them.
module github.com/cardea-auth/cardea/tools/lint

go 1.26.0
