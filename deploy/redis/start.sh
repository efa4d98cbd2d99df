#!/bin/sh
# Start Redis with a password (REDISCLI_AUTH, where redis-cli looks for it as well) and a limit of memory (MEMORY).
#
# The configuration with the password goes into a folder in memory, readable by this user only; on a command line the
# process list would show it.
set -eu
umask 077
run=${TMPDIR:-/tmp}

{
    cat "$(dirname "$0")/redis.conf"
    printf '\nmaxmemory %s\n' "${MEMORY:?}"
    # Whoever has the password works with data; they neither reconfigure the server nor empty it with one word.
    printf 'user default on >%s ~* &* +@all -@admin -flushall -flushdb\n' "${REDISCLI_AUTH:?}"
} >"$run/redis.conf"

unset REDISCLI_AUTH
exec redis-server "$run/redis.conf"
