#!/bin/sh
# Registers the demo of compose.yaml, once, and says how to call it. CARDEA is how to run the program where it
# has the database; by default in the stack that runs.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cardea() { ${CARDEA:-docker compose exec -T one /cardea} "$@"; }
secret() { sed -n 's/.*"client_secret": *"\([^"]*\)".*/\1/p'; }

if [ ! -e secrets/demo.env ]; then
  # The API, which serves tokens for its address; a program that may ask for such tokens; and what that program may do.
  api=$(cardea app create "Demo API" --type service --id demo-api --serves http://localhost:8080 --json)
  program=$(cardea app create "Demo program" --type service --id demo-program --audience http://localhost:8080 \
    --scope invoice:read --scope invoice:write --json)
  cardea role create demo-reader --permission invoice:read
  cardea role assign demo-reader service:demo-program
  printf '%s' "$program" | secret >secrets/demo-program
  printf 'API_CLIENT_ID=demo-api\nAPI_CLIENT_SECRET=%s\n' "$(printf '%s' "$api" | secret)" >secrets/demo.env.new
  mv secrets/demo.env.new secrets/demo.env
fi
cat <<END
docker compose --profile demo up --build -d

token=\$(curl -s -u demo-program:\$(cat secrets/demo-program) -d grant_type=client_credentials -d scope=invoice:read \\
  -d resource=http://localhost:8080 http://localhost:8420/oauth/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -i http://localhost:8080/invoices                                   # 401
curl -i http://localhost:8080/invoices -H "Authorization: Bearer \$token"  # 200
docker compose exec one /cardea role unassign demo-reader service:demo-program
curl -i http://localhost:8080/invoices -H "Authorization: Bearer \$token"  # 403
END
