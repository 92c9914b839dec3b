"""What is known of each board: one TOML file a board, shipped here or a user's own."""

from edge_devices.profiles.catalogue import (
    Catalogue,
    profile_named,
    profiles,
    read_catalogue,
    shipped_profiles,
    user_folder,
)
from edge_devices.profiles.profile import Profile

__all__ = [
    "Catalogue", "Profile", "profile_named", "profiles", "read_catalogue", "shipped_profiles",
    "user_folder",
]  # fmt: skip
