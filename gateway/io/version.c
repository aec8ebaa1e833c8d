/* SPDX-License-Identifier: MIT */
#include "version.h"

#include <uv.h>

#include "crash.h"
#include "disk_store.h"
#include "http.h"
#include "log.h"
#include "upstream_paho.h"

const char *gw_version(void)
{
    return GW_VERSION;
}

void gw_version_print(FILE *out)
{
    fprintf(out, "mqttsn-gateway %s\n", gw_version());
    fprintf(out, "build id %s\n", gw_crash_build_id());
    fprintf(out, "libuv %s\n", uv_version_string());
    fprintf(out, "SQLite %s\n", gw_disk_sqlite_version());
    fprintf(out, "libmicrohttpd %s\n", gw_http_version());
    fprintf(out, "Paho MQTT C %s, heap tracking: %s\n",
            gw_upstream_paho_version(), gw_upstream_paho_heap_tracking());
}

void gw_version_log(const char *gateway_name)
{
    gw_info("daemon", "starting",
            "name=%s version=%s libuv=%s sqlite=%s paho=%s "
            "paho_heap_tracking=%s",
            gw_log_text(gateway_name), gw_version(), uv_version_string(),
            gw_disk_sqlite_version(), gw_upstream_paho_version(),
            gw_upstream_paho_heap_tracking());
}
