#!/bin/sh
# Start Mosquitto with two accounts: `platform` (PLATFORM_PASSWORD) and `device` (DEVICE_PASSWORD).
#
# Everything with a password in it goes into a folder in memory, readable by this user only, and no password is ever part
# of a command line, where the process list would show it.
set -eu
umask 077
here=$(dirname "$0")
run=${XDG_CONFIG_HOME:?}  # where mosquitto_sub looks for its options, too

printf 'platform:%s\ndevice:%s\n' "${PLATFORM_PASSWORD:?}" "${DEVICE_PASSWORD:?}" >"$run/passwords"
mosquitto_passwd -U "$run/passwords"  # from here on it holds hashes
cat "$here/accounts.acl" >"$run/accounts.acl"
{
    cat "$here/mosquitto.conf"
    printf '\npassword_file %s\nacl_file %s\n' "$run/passwords" "$run/accounts.acl"
} >"$run/mosquitto.conf"

# For the health check.
printf '%s\n' '-u platform' "-P $PLATFORM_PASSWORD" >"$run/mosquitto_sub"

unset PLATFORM_PASSWORD DEVICE_PASSWORD
exec mosquitto -c "$run/mosquitto.conf"
