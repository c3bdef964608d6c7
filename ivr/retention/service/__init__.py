"""How people reach the archive: HTTP on a Unix socket, and the kernel says who they are (R16)."""
