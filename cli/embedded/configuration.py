"""The settings of the embedded server: tuned for Regdex, and safe in a crash.

`regdex.conf` is rewritten at each start. `postgresql.conf` includes it; settings below the include win and are kept.
"""

import os

from cli.embedded.place import Options, Place

MAIN_FILE = """\
# Regdex rewrites regdex.conf at each start. Settings below the include override it and are kept.
include 'regdex.conf'
"""

MEBIBYTE = 1024 * 1024

SETTINGS = {
    "listen_addresses": "''",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "dynamic_shared_memory_type": "posix",
    # Flash disks read at random nearly as fast as in order; single-row queries gain nothing from compilation.
    "random_page_cost": "1.1",
    "jit": "off",
    # Rare checkpoints: after each one, the first change of a page writes the whole page to the log.
    "wal_buffers": "16MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # The queues (inbox, outbox, fetch_queue) turn over completely in seconds; their dead rows must not pile up.
    "autovacuum_naptime": "10s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "2000",
    # Errors of statements reach the client, which logs them; here they would only fill the disk.
    "log_min_messages": "log",
    "log_checkpoints": "off",
    "log_line_prefix": "'%m [%p] '",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
}

UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def contents(place: Place, options: Options) -> str:
    """Return the content of `regdex.conf`. A running server with the same content can be adopted."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEBIBYTE
    settings = {
        **SETTINGS,
        **(SAFE if options.durable else UNSAFE),
        "unix_socket_directories": f"'{place.sockets}'",
        "shared_buffers": f"{min(max(memory // 16, 128), 1024)}MB",
        "effective_cache_size": f"{max(memory // 2, 256)}MB",
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "\n".join([f"# For PostgreSQL {place.binaries.version} in {place.binaries.prefix}", *lines, ""])
