#!/bin/sh
# Write .env from .env.example, with a fresh secret wherever one is needed. Needs nothing but a shell.
set -eu
umask 077
cd "$(dirname "$0")/.."
if [ -e .env ]; then
    echo "There is a .env already. Move it away to make a new one; stored data needs the passwords in it." >&2
    exit 1
fi

# Hexadecimal digits, because passwords become parts of URLs.
secret() { od -An -v -N 32 -tx1 /dev/urandom | tr -d ' \n'; }

while IFS= read -r line; do
    case $line in
        SECRET_KEY= | *_PASSWORD=) printf '%s%s\n' "$line" "$(secret)" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <.env.example >.env.new
mv .env.new .env
echo "Wrote .env. Keep it: the passwords in it belong to the data." >&2
