"""What `edge-run` does once its options are read, and the options that commands share."""
