"""Makes the tables that predictions rest on: `make anchors`, half an hour on 2 cores, needs qemu."""
