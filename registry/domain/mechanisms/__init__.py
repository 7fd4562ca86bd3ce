"""The mechanisms that take part: their bodies, instruments, references and clocks, as data."""

from registry.domain.mechanisms.profile import Instrument, Profile
from registry.domain.mechanisms.profiles import Profiles, load_profiles, shipped_profiles

__all__ = ["Instrument", "Profile", "Profiles", "load_profiles", "shipped_profiles"]
