#!/usr/bin/env bash
# As root: gives the data to postgres and starts again as postgres. Then, and as any other user: makes a database if there
# is none, and runs the server.
set -Eeo pipefail

PATH=$(echo /usr/lib/postgresql/*/bin):$PATH

if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA" /var/run/postgresql
	chmod 00700 "$PGDATA" || :
	chmod 03775 /var/run/postgresql || :
	find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
	find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
	exec gosu postgres "${BASH_SOURCE[0]}" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
	initdb --username=postgres --auth=trust --no-sync
	echo 'host all all all trust' >>"$PGDATA/pg_hba.conf"
fi
exec "$@"
