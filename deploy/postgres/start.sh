#!/bin/sh
# Refuses the sample passwords before the database's folder is made with them: afterwards they would stay in it.
set -eu
for name in POSTGRES_PASSWORD DATABASE_PASSWORD; do
    eval "value=\$$name"
    case $value in
        *change-me*)
            echo "$name in .env is the sample: put one of your own there, for instance from openssl rand -hex 32" >&2
            exit 64
            ;;
    esac
done
exec docker-entrypoint.sh "$@"
