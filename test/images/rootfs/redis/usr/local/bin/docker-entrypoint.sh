#!/bin/sh
# As root: gives the data to redis and starts again as redis. Then, and as any other user: runs the server.
set -e

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec gosu redis "$0" "$@"
fi
exec "$@"
