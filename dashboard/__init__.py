"""Show: pages, API, sockets."""
