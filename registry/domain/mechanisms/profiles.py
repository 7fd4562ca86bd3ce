"""All profiles of a node: those that are shipped, and those of its folder in their place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from registry.domain.mechanisms.profile import Instrument, Profile, read_profile
from registry.errors import InvalidRequest


@dataclass(frozen=True)
class Profiles:
    """Profiles by the name of their file.

    Attributes:
        by_name: the profiles.
        overridden: names of those that the node's folder gives.
    """

    by_name: Mapping[str, Profile]
    overridden: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuses a code that two profiles give: nothing would say which counts."""
        for kind in ("bodies", "instruments"):
            seen: dict[str, str] = {}
            for name, profile in self.by_name.items():
                for code in getattr(profile, kind):
                    if code in seen:
                        msg = f"{name}: {kind}.{code} stands in {seen[code]} too"
                        raise InvalidRequest(msg)
                    seen[code] = name
        instruments = {c: i for p in self.by_name.values() for c, i in p.instruments.items()}
        object.__setattr__(self, "_instruments", instruments)
        for kind in ("bodies", "instruments"):
            owners = {code: p for p in self.by_name.values() for code in getattr(p, kind)}
            object.__setattr__(self, f"_of_{kind}", owners)

    def instrument(self, code: str) -> Instrument | None:
        """The instrument of a code; None = no profile knows it, or the code is empty."""
        found: Mapping[str, Instrument] = self.__dict__["_instruments"]
        return found.get(code)

    def of_instrument(self, code: str) -> Profile | None:
        """The profile with an instrument; None = no profile knows it, or the code is empty."""
        found: Mapping[str, Profile] = self.__dict__["_of_instruments"]
        return found.get(code)

    def of_body(self, code: str) -> Profile | None:
        """The profile with a body; None = no profile knows it, or the code is empty."""
        found: Mapping[str, Profile] = self.__dict__["_of_bodies"]
        return found.get(code)

    def body_name(self, code: str) -> str:
        """English name of a body; an unknown code is its own name."""
        return next((p.bodies[code] for p in self.by_name.values() if code in p.bodies), code)

    def homes_of(self, body: str) -> tuple[str, ...]:
        """Slugs of the mechanisms at whose node a body is at home; they need not be members.

        Those that its profile names and the name of the profile itself; of a body that no profile
        knows, its code or the first part of it, if that is how a member is called.
        """
        for name, profile in self.by_name.items():
            if body in profile.bodies:
                return tuple(dict.fromkeys((*profile.mechanisms, name.replace("_", "-"))))
        return tuple(dict.fromkeys((body.replace(".", "-"), body.partition(".")[0])))


@cache
def shipped_profiles() -> Profiles:
    """The profiles that come with the program."""
    folder = files(__package__) / "shipped"
    found = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    return Profiles(_read({n: (folder / n).read_text(encoding="utf-8") for n in found}.items()))


def load_profiles(folder: Path) -> Profiles:
    """The shipped profiles with those of a node's folder in their place, by file name.

    Args:
        folder: may be missing.

    Raises:
        InvalidRequest: a file breaks the rules of `read_profile`, or gives a code again.
    """
    shipped = shipped_profiles()
    try:
        paths = sorted(folder.glob("*.toml")) if folder.is_dir() else []
        own = _read([(path.name, path.read_text(encoding="utf-8")) for path in paths])
    except (OSError, UnicodeDecodeError) as error:
        msg = f"the profiles in {folder} cannot be read: {error}"
        raise InvalidRequest(msg) from error
    return Profiles({**shipped.by_name, **own}, frozenset(own)) if own else shipped


def _read(files_of: Iterable[tuple[str, str]]) -> dict[str, Profile]:
    return {name.removesuffix(".toml"): read_profile(text, name) for name, text in files_of}
