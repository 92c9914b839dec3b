"""`edge-run` as a service of systemd: its unit, and what it tells while it runs."""
