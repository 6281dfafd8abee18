#!/bin/sh
# Makes the secrets of compose.yaml, once. Keep a copy of the master key elsewhere: without it the database
# is lost. CARDEA is how to run the program; by default the image that Compose builds.
set -eu
cd "$(dirname "$0")"
[ ! -e secrets/cardea.env ] || exit 0
umask 077
mkdir -p secrets
password=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
key=$(${CARDEA:-docker compose run --rm --no-deps --quiet-pull -T one} config key)
printf 'POSTGRES_PASSWORD=%s\n' "$password" >secrets/postgres.env
{
  printf 'CARDEA_DATABASE_URL=postgres://cardea:%s@postgres:5432/cardea?sslmode=disable\n' "$password"
  printf 'CARDEA_MASTER_KEY=%s\n' "$key"
} >secrets/cardea.env.new
mv secrets/cardea.env.new secrets/cardea.env
