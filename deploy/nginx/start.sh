#!/bin/sh
# Fills in this folder's *.conf from the environment and runs nginx in the foreground: in the container, or on a bare machine.
#   LISTEN, LISTEN_ADMIN   where nginx listens            API, ADMIN, WSIFY   host:port of the services
#   WEBSOCKET_SERVER       wsify or hub: who answers /ws  WEBSOCKET_URL       where else pages connect to (for their policy)
#   PAGE                   folder of the page             RUN                 folder that nginx may write
#   TRUSTED_PROXIES        comma list of addresses or networks whose X-Forwarded-* are believed (a TLS proxy in front)
#   RESOLVER               name server (default: the first one of /etc/resolv.conf)
#   RUN_AS                 account of the processes that serve, where root starts nginx (default: nginx's own choice)
# `start.sh -t` only checks the configuration.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
LISTEN=${LISTEN:-8080} LISTEN_ADMIN=${LISTEN_ADMIN:-8001}
API=${API:-api:8000} ADMIN=${ADMIN:-admin:8001} WSIFY=${WSIFY:-wsify:3000}
PAGE=${PAGE:-$here/../../frontend} RUN=${RUN:-/tmp/nginx} ACCESS_LOG=${ACCESS_LOG:-/dev/stdout}

stop() {
    echo "nginx: $*" >&2
    exit 64
}

case ${WEBSOCKET_SERVER:-wsify} in
    wsify) socket=$WSIFY ;;
    hub) socket=$API ;;
    *) stop "WEBSOCKET_SERVER is '$WEBSOCKET_SERVER'; it must be wsify or hub." ;;
esac

origin=
case ${WEBSOCKET_URL:-} in
    ws://* | wss://*) origin=$(printf %s "$WEBSOCKET_URL" | sed -n 's#^\(wss\{0,1\}://[A-Za-z0-9.:-]*\).*#\1#p') ;;
esac

resolver=${RESOLVER:-$(awk '$1 == "nameserver" { print ($2 ~ /:/) ? "[" $2 "]" : $2; exit }' /etc/resolv.conf 2>/dev/null || true)}
resolver_line=
if [ -n "$resolver" ]; then resolver_line="resolver $resolver valid=1s ipv6=off; resolver_timeout 3s;"; fi

mkdir -p "$RUN/conf"
: >"$RUN/real_ip.list"
: >"$RUN/proxies.list"
for network in $(printf %s "${TRUSTED_PROXIES:-}" | tr ',' ' '); do
    case $network in
        *[!0-9A-Fa-f:./]*) stop "TRUSTED_PROXIES holds '$network'; it must be addresses or networks such as 172.16.0.0/12." ;;
    esac
    echo "set_real_ip_from $network;" >>"$RUN/real_ip.list"
    echo "$network 1;" >>"$RUN/proxies.list"
done

for file in "$here"/*.conf; do
    sed -e "s#@RUN@#$RUN#g" -e "s#@PAGE@#$PAGE#g" -e "s#@ACCESS_LOG@#$ACCESS_LOG#g" -e "s#@RESOLVER_LINE@#$resolver_line#g" \
        -e "s#@LISTEN@#$LISTEN#g" -e "s#@LISTEN_ADMIN@#$LISTEN_ADMIN#g" -e "s#@API@#$API#g" -e "s#@ADMIN@#$ADMIN#g" \
        -e "s#@SOCKET@#$socket#g" -e "s#@WEBSOCKET_ORIGIN@#$origin#g" "$file" >"$RUN/conf/$(basename "$file")"
done

if [ "${1:-}" = -t ]; then exec nginx -t -q -e stderr -c "$RUN/conf/nginx.conf"; fi
exec nginx -e stderr -c "$RUN/conf/nginx.conf" -g "daemon off; ${RUN_AS:+user $RUN_AS;}"
