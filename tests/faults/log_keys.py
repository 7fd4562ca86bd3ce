"""The keys of a log that never rotates."""

from registry.domain.identifiers import Origin, RegistryId, log_id_of
from registry.log.log_keys import LogKey, LogKeys


def single_key(registry_id: RegistryId, origin: Origin, public_key: bytes) -> LogKeys:
    first = LogKey(0, public_key, bytes(32))
    return LogKeys(registry_id, log_id_of(origin), origin, (first,))
