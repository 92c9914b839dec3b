"""Who has signed a bundle (minisign's format), who is trusted, and what ran here before."""

from edge.signatures.history import Release, ReleaseHistory, version_key
from edge.signatures.verification import Verified, Verifier

__all__ = ["Release", "ReleaseHistory", "Verified", "Verifier", "version_key"]
