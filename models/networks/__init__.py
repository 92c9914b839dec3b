"""Networks: the MTDNN family, the backbones that it stands on, and networks of others."""
